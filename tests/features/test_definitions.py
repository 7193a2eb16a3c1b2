"""Every built-in feature against its definition, spelt out slowly in plain Python; the first four against pandas."""

from __future__ import annotations

import inspect
import math
import statistics
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backtest.data.errors import ConfigError
from backtest.data.schema import UTC_TIME
from backtest.features import FEATURES
from backtest.features.built_in import hour_of_week
from backtest.features.catalog import Spec, resolve
from backtest.features.pipeline import build
from tests.support.selection import examples
from tests.support.strategies import HOUR, bars

Row = dict[str, float]
Slow = Callable[[list[Row], datetime, int], float | tuple[float, float]]


def returns(rows: list[Row]) -> list[float]:
    closes = [row["close"] for row in rows]
    return [math.log(late / early) for early, late in pairwise(closes)]


def slow_volume_norm(rows: list[Row], time: datetime, window: int) -> float:
    mean = math.fsum(row["volume"] for row in rows[-window:]) / window
    return rows[-1]["volume"] / mean - 1 if mean else math.nan


def slow_scaled_return(rows: list[Row], time: datetime, window: int) -> float:
    return returns(rows)[-1] / statistics.stdev(returns(rows)[-window:])


def slow_scaled_mean(rows: list[Row], time: datetime, window: int) -> float:
    last = returns(rows)[-window:]
    return statistics.fmean(last) / statistics.stdev(last)


def slow_std_ratio(rows: list[Row], time: datetime, window: int) -> float:
    short, long = (statistics.stdev(returns(rows)[-bars:]) for bars in (window, window + LONGER))
    return math.log(short / long)


def slow_log_variance(rows: list[Row], time: datetime, window: int) -> float:
    mean = statistics.fmean([value**2 for value in returns(rows)[-window:]])
    return math.log(mean) if mean else math.nan


def slow_log_mean(rows: list[Row], time: datetime, window: int) -> float:
    mean = statistics.fmean([row["volume"] for row in rows[-window:]])
    return math.log(mean) if mean > 0 else math.nan


def slow_range(rows: list[Row], time: datetime, window: int) -> float:
    variances = [math.log(row["high"] / row["low"]) ** 2 / (4 * math.log(2)) for row in rows[-window:]]
    return math.sqrt(statistics.fmean(variances))


def slow_hour_of_week(rows: list[Row], time: datetime, window: int) -> tuple[float, float]:
    hours = time.weekday() * 24 + time.hour + time.minute / 60
    return math.sin(2 * math.pi * hours / 168), math.cos(2 * math.pi * hours / 168)


def slow_taker_imbalance(rows: list[Row], time: datetime, window: int) -> float:
    bought, volume = rows[-1]["taker_buy_volume"], rows[-1]["volume"]
    return (bought - (volume - bought)) / volume if volume else 0.0


def correlation(x: list[float], y: list[float]) -> float:
    return statistics.correlation(x, y) if len({*x}) > 1 and len({*y}) > 1 else math.nan


def other_returns(rows: list[Row]) -> list[float]:
    return [math.log(late / early) for early, late in pairwise([row[f"{OTHER}.close"] for row in rows])]


def slow_beta(rows: list[Row], time: datetime, window: int) -> float:
    own, other = returns(rows)[-window:], other_returns(rows)[-window:]
    return statistics.linear_regression(other, own).slope if len({*other}) > 1 else math.nan


def slow_lead_lag(rows: list[Row], time: datetime, window: int) -> float:
    own, other = returns(rows), other_returns(rows)
    ahead = correlation(own[-window:], other[-window - 1 : -1])
    return ahead - correlation(own[-window - 1 : -1], other[-window:])


def slow_zscore(rows: list[Row], time: datetime, window: int) -> float:
    last = [row["close"] for row in rows[-window:]]
    deviation = statistics.stdev(last)
    return (last[-1] - statistics.fmean(last)) / deviation if deviation else math.nan


LONGER = 9
"""Bars of the long window of std_ratio beyond those of the short one."""

OTHER = "ETHUSDT"
RATIOS = {"scaled_return", "scaled_mean", "std_ratio", "zscore", "rolling_correlation", "rolling_beta", "lead_lag"}
"""Features that divide by a standard deviation: of two returns it may vanish but for rounding."""

# each gets the rows up to its own (all that the bar may know), the bar's time and the parameter
SLOW: dict[str, Slow] = {
    "log_return": lambda rows, time, k: returns(rows)[-1],
    "rolling_mean": lambda rows, time, window: statistics.fmean(returns(rows)[-window:]),
    "rolling_std": lambda rows, time, window: statistics.stdev(returns(rows)[-window:]),
    "scaled_return": slow_scaled_return,
    "scaled_mean": slow_scaled_mean,
    "std_ratio": slow_std_ratio,
    "volume_norm": slow_volume_norm,
    "log_variance": slow_log_variance,
    "log_mean": slow_log_mean,
    "change": lambda rows, time, bars: rows[-1]["close"] - rows[-bars - 1]["close"],
    "level": lambda rows, time, window: statistics.fmean([row["close"] for row in rows[-window:]]),
    "series": lambda rows, time, window: rows[-1]["close"],
    "zscore": slow_zscore,
    "range": slow_range,
    "momentum": lambda rows, time, k: sum(returns(rows)[-k:]),
    "relative_strength": lambda rows, time, window: sum(returns(rows)[-window:]) - sum(other_returns(rows)[-window:]),
    "rolling_beta": slow_beta,
    "rolling_correlation": lambda rows, time, window: correlation(
        returns(rows)[-window:], other_returns(rows)[-window:]
    ),
    "lead_lag": slow_lead_lag,
    "hour_of_week": slow_hour_of_week,
    "taker_imbalance": slow_taker_imbalance,
}


def test_every_built_in_feature_has_a_slow_definition() -> None:
    assert set(SLOW) == set(FEATURES)


@pytest.mark.parametrize("name", SLOW)
@given(frame=bars(max_size=60), window=st.integers(2, 30))
@examples(30)
def test_features_agree_with_their_slow_definition(name: str, frame: pl.DataFrame, window: int) -> None:
    frame = frame.with_columns(taker_buy_volume=pl.col("volume") * 0.7)
    plain = name in ("log_return", "hour_of_week", "taker_imbalance", "series")
    window += 2 * (name in RATIOS)
    spec = name if plain else f"{name}_{window}_{window + LONGER}" if name == "std_ratio" else f"{name}_{window}"
    of_two = "of" in inspect.signature(FEATURES[name].function).parameters
    told: Spec = {"name": name, "window": window, "of": OTHER} if of_two else spec
    lookback, columns = resolve([told])[0].lookback, resolve([told])[0].columns
    price = 100 * np.exp(np.random.default_rng(frame.height).normal(0, 0.01, frame.height).cumsum())
    close = frame["time"] + HOUR
    other = pl.DataFrame({"time": close, "known_at": close, "close": price})
    made = build(frame, [told], interval=HOUR, external={OTHER: other}).select(columns).rows()
    rows = frame.drop("symbol", "time").with_columns(pl.Series(f"{OTHER}.close", price)).to_dicts()
    for at, time in enumerate(frame["time"]):
        if at < lookback:
            assert made[at] == (None,) * len(columns)
        else:
            expected = np.atleast_1d(SLOW[name](rows[: at + 1], time, window))
            found = [math.nan if value is None else value for value in made[at]]
            np.testing.assert_allclose(found, expected, rtol=1e-8 if name in RATIOS else 1e-9, atol=1e-12)


@given(bars(min_size=30, max_size=400), st.integers(2, 24))
def test_the_four_original_features_agree_with_pandas(frame: pl.DataFrame, window: int) -> None:
    four = ["log_return", f"rolling_mean_{window}", f"rolling_std_{window}", f"volume_norm_{window}"]
    made = build(frame, four, interval=HOUR).select(four).to_numpy()
    close, volume = (pd.Series(frame[name].to_numpy()) for name in ("close", "volume"))
    returned = (close / close.shift(1)).apply(math.log)
    rolling = returned.rolling(window)
    norm = volume / volume.rolling(window).mean() - 1
    expected = pd.concat([returned, rolling.mean(), rolling.std(), norm], axis=1).to_numpy()
    np.testing.assert_allclose(made, expected, rtol=1e-9, atol=1e-11)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis wants them naive
def test_the_week_begins_on_monday_in_every_century(naive: datetime) -> None:
    time = naive.replace(tzinfo=UTC)
    frame = pl.DataFrame({"time": [time]}, schema={"time": pl.Datetime("us", "UTC")})
    found = frame.select(**hour_of_week()).row(0)
    share = (time - datetime(1899, 12, 25, tzinfo=UTC)) % timedelta(weeks=1) / timedelta(weeks=1)
    assert found == pytest.approx((math.sin(2 * math.pi * share), math.cos(2 * math.pi * share)), abs=1e-12)


def test_functions_stay_callable_as_they_are() -> None:
    frame = pl.DataFrame({"close": [1.0, 2.0, 4.0, 4.0]})
    log2 = math.log(2)
    momentum, mean = FEATURES["momentum"].function, FEATURES["rolling_mean"].function
    assert frame.select(momentum(2)).to_series().to_list() == [None, None, 2 * log2, pytest.approx(log2)]
    assert frame.select(mean(window=2)).to_series().to_list() == [None, None, log2, pytest.approx(log2 / 2)]


def test_scaled_features_are_null_where_prices_stand_still_and_the_same_at_any_volatility() -> None:
    rng = np.random.default_rng(3)
    steps = np.concatenate([rng.normal(size=40), np.zeros(12), rng.normal(size=40)])
    specs = ["scaled_return_8", "scaled_mean_8", "std_ratio_8_30"]
    calm, wild = (build(bars_of(np.cumsum(steps * size)), specs).select(specs) for size in (0.001, 0.05))
    still = [*range(47, 52)]  # eight returns of 0 and no other
    for spec, first in zip(specs, (8, 8, 30), strict=True):
        assert calm[spec].is_null().arg_true().to_list() == [*range(first), *still]
        np.testing.assert_allclose(calm[spec].to_numpy(), wild[spec].to_numpy(), rtol=1e-9, atol=1e-9)
    with pytest.raises(ConfigError, match="long: must be at least 25"):
        resolve(["std_ratio_24_24"])


def bars_of(logs: NDArray[np.float64]) -> pl.DataFrame:
    """Hourly bars (n,) without a range, from the logarithms of their closes."""
    times = pl.Series([datetime(2024, 1, 1, tzinfo=UTC) + k * HOUR for k in range(len(logs))])
    close = pl.Series(100 * np.exp(logs))
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    return pl.DataFrame({"symbol": ["A"] * len(logs), "time": times.cast(UTC_TIME), **prices, "volume": 1.0})


def test_a_day_without_trades_is_null_and_never_nan() -> None:
    n = 40
    times = [datetime(2024, 1, 1, tzinfo=UTC) + k * HOUR for k in range(n)]
    volume = [5.0] * 5 + [0.0] * 30 + [5.0] * 5
    prices = dict.fromkeys(("open", "high", "low", "close"), [1.0] * n)
    frame = pl.DataFrame({"symbol": ["A"] * n, "time": times, **prices, "volume": volume, "taker_buy_volume": volume})
    frame = frame.with_columns(pl.col("time").cast(pl.Datetime("us", "UTC")))
    made = build(frame, ["volume_norm", "taker_imbalance"])
    assert made["volume_norm"].is_null().arg_true().to_list() == [*range(23), *range(28, 35)]
    assert made["volume_norm"][35] == 23.0
    assert made["taker_imbalance"].to_list() == [1.0] * 5 + [0.0] * 30 + [1.0] * 5
