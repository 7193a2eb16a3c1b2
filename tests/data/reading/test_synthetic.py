"""Tests of the made-up bars: their signal is as strong as stated, and they look like those of a market."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backtest.data.errors import ConfigError
from backtest.data.reading.checks import check_rows
from backtest.data.reading.problems import Table
from backtest.data.reading.synthetic import ALPHA, BETA, DECAY, conditional_mean, make_bars
from backtest.data.schema import BARS, check
from backtest.data.sessions import interval_of, segments
from tests.support.selection import examples


def log_returns(frame: pl.DataFrame) -> NDArray[np.float64]:
    """Return the close to close log returns of all bars but the first."""
    return np.diff(np.log(frame["close"].to_numpy()))


def r2(frame: pl.DataFrame, signal: float) -> float:
    """Return the R2 of the best forecast of the next returns."""
    y = log_returns(frame)
    mean = conditional_mean(frame, signal).to_numpy()[:-1]
    return float(1 - np.sum((y - mean) ** 2) / np.sum(y**2))


@examples(30)
@given(st.integers(1, 3_000), st.integers(0, 2**40), st.floats(0, 0.5), st.booleans())
def test_bars_are_valid_for_every_setting(n: int, seed: int, signal: float, taker: bool) -> None:
    frame = make_bars(n, seed=seed, signal=signal, taker=taker)
    assert check(frame, BARS).height == n
    assert check_rows(Table("made", frame.with_row_index("row", offset=1))) == []
    assert segments(frame).max() == 0
    if taker:
        assert frame.select((pl.col("taker_buy_volume") <= pl.col("volume")).all()).item()


@pytest.mark.parametrize("signal", [0.0, 0.005, 0.02, 0.1, 0.5])
def test_the_best_forecast_explains_the_stated_share_of_the_variance(signal: float) -> None:
    found = [r2(make_bars(20_000, seed=seed, signal=signal), signal) for seed in range(20)]
    assert abs(np.mean(found) - signal) < 4 * np.std(found) / np.sqrt(len(found)) + 1e-12


@pytest.mark.parametrize("signal", [0.02, 0.5])
def test_the_residuals_of_the_best_forecast_are_unpredictable(signal: float) -> None:
    frame = make_bars(200_000, seed=5, signal=signal)
    mean = conditional_mean(frame, signal).to_numpy()[:-1]
    rest = log_returns(frame) - mean
    for lag in range(1, 6):
        assert abs(np.corrcoef(rest[lag:], rest[:-lag])[0, 1]) < 0.02
    assert abs(np.corrcoef(rest, mean)[0, 1]) < 0.02


def test_the_best_forecast_has_the_best_scale() -> None:
    frame = make_bars(300_000, seed=1, signal=0.1)
    y, mean = log_returns(frame), conditional_mean(frame, 0.1).to_numpy()[:-1]
    assert abs(float(y @ mean / (mean @ mean)) - 1) < 0.05


def test_the_forecast_is_known_at_the_close() -> None:
    frame = make_bars(500, seed=2, signal=0.1)
    changed = frame.with_columns(pl.when(pl.int_range(pl.len()) > 300).then(1.0).otherwise("close").alias("close"))
    assert conditional_mean(changed, 0.1)[:301].equals(conditional_mean(frame, 0.1)[:301])


def test_the_forecast_follows_its_formula_from_the_first_bar() -> None:
    frame = make_bars(60, seed=2, signal=0.1)
    gain = np.sqrt(0.1 / 0.9 * (1 - DECAY**2))
    memory, expected = 0.0, []
    for value in (float(np.log(frame["close"][0] / frame["open"][0])), *log_returns(frame)):
        memory = (DECAY - gain) * memory + value
        expected.append(gain * memory)
    np.testing.assert_allclose(conditional_mean(frame, 0.1).to_numpy(), expected, rtol=1e-9)


def test_without_a_signal_the_best_forecast_is_zero() -> None:
    assert conditional_mean(make_bars(100), 0.0).unique().to_list() == [0.0]


def test_one_seed_always_gives_the_same_bars_and_another_others() -> None:
    assert make_bars(1_000, seed=3, signal=0.02).equals(make_bars(1_000, seed=3, signal=0.02))
    assert not make_bars(1_000, seed=3)["close"].equals(make_bars(1_000, seed=4)["close"])


@examples(30)
@given(st.integers(1, 3_000), st.integers(0, 3_000), st.floats(0, 0.5))
def test_fewer_bars_are_the_first_of_more(n: int, more: int, signal: float) -> None:
    assert make_bars(n + more, seed=7, signal=signal).head(n).equals(make_bars(n, seed=7, signal=signal))


def test_the_variance_follows_its_recursion_across_blocks() -> None:
    returns = log_returns(make_bars(3_000, seed=0))
    frame = make_bars(3_000, seed=0)
    first = float(np.log(frame["close"][0] / frame["open"][0]))
    omega = (1 - ALPHA - BETA) * 0.006**2
    variance, shocks = 0.006**2, []
    for value in (first, *returns):
        shocks.append(value / np.sqrt(variance))
        variance = omega + ALPHA * value**2 + BETA * variance
    draws = np.random.default_rng(np.random.SeedSequence(0).spawn(5)[0]).standard_t(5, 3_000) * np.sqrt(3 / 5)
    np.testing.assert_allclose(shocks, draws, rtol=1e-6, atol=1e-9)


def test_returns_have_clusters_and_fat_tails_and_the_stated_size() -> None:
    returns = log_returns(make_bars(200_000, seed=0))
    assert abs(returns.std() / 0.006 - 1) < 0.05
    assert np.mean((returns / returns.std()) ** 4) > 6
    assert np.corrcoef(np.abs(returns[1:]), np.abs(returns[:-1]))[0, 1] > 0.08
    assert abs(np.corrcoef(returns[1:], returns[:-1])[0, 1]) < 0.02


def test_the_volume_swings_over_the_day_and_follows_volatility() -> None:
    frame = make_bars(100_000, seed=0)
    hours = frame.group_by(pl.col("time").dt.hour().alias("hour")).agg(pl.col("volume").mean()).sort("hour")["volume"]
    assert (hours.arg_max(), hours.arg_min()) == (15, 3)
    size = frame.select((pl.col("high") / pl.col("low")).log()).to_series()
    assert np.corrcoef(size, frame["volume"])[0, 1] > 0.1


def test_takers_buy_more_in_rising_bars() -> None:
    frame = make_bars(20_000, seed=0).with_columns(share=pl.col("taker_buy_volume") / pl.col("volume"))
    up = pl.col("close") > pl.col("open")
    assert frame.filter(up)["share"].mean() > frame.filter(~up)["share"].mean() + 0.05  # type: ignore[operator]


def test_interval_start_and_symbol_are_as_asked() -> None:
    start = datetime.fromisoformat("2021-02-03T04:00:00+02:00")
    frame = make_bars(50, interval="15m", start=start, symbol="ABC")
    assert (frame["symbol"][0], frame["time"][0], interval_of(frame)) == ("ABC", start, timedelta(minutes=15))
    assert make_bars(50, interval=timedelta(days=1))["time"][1].day == 2


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"n": 0}, "n: expected at least 1 bar (got 0)"),
        ({"n": 10**12}, "n: expected at most 10,000,000 bars (got 1,000,000,000,000)"),
        ({"seed": -1}, "seed: expected a whole number >= 0 (got -1)"),
        ({"signal": 0.6}, "signal: expected a share of the variance from 0 to 0.5 (got 0.6)"),
        ({"signal": float("nan")}, "signal: expected a share of the variance from 0 to 0.5 (got nan)"),
        ({"interval": "1 month"}, "duration: expected a number and d, h, m or s"),
        ({"interval": timedelta(0)}, "interval: expected a length above zero"),
        ({"start": datetime.fromisoformat("2020-01-01")}, "start: expected a time with a zone"),
    ],
)
def test_settings_out_of_range_are_refused(settings_: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        make_bars(**{"n": 10, **settings_})  # type: ignore[arg-type]
