"""The strategy earns what its positions earn, pays for every trade, and never knows a return before it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backtest.data import schema
from backtest.data.errors import NotFinite, UnpairedForecasts
from backtest.data.reading import bars
from backtest.data.sessions import interval_of
from backtest.evaluation.strategies import CostSettings, accounts, trade
from backtest.features import pipeline
from backtest.significance.result import FloatArray
from tests.support.forecasts import panels
from tests.support.selection import examples

HOUR = timedelta(hours=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
DEAR = CostSettings(fee=90, slippage=10)  # 1 % per trade
FREE = CostSettings(fee=0, slippage=0)
signs = st.lists(st.sampled_from([-0.01, 0.0, 0.02]), min_size=1, max_size=40)


def feature_rows(returns: Sequence[float | None], *, symbol: str = "BTC", segment: int = 0) -> pl.DataFrame:
    """FEATURES of hourly bars with these simple returns; None: the first bar after a hole, which begins a segment."""
    moves = pl.Series([0.0, *returns], dtype=pl.Float64)
    hole = moves.is_null().cast(pl.Int32).cum_sum()
    time = pl.Series([START + HOUR * number for number in range(moves.len())], dtype=schema.UTC_TIME)
    return pl.DataFrame({"time": time, "bar_return": moves.log1p(), "segment": (hole + segment).cast(pl.Int32)}).select(
        pl.lit(symbol).alias("symbol"),
        "time",
        (pl.col("time") + HOUR).alias("known_at"),
        "segment",
        "bar_return",
        (pl.col("time") + 2 * HOUR).alias("target_time"),
    )


def forecast_rows(
    features: pl.DataFrame, rows: Sequence[int], y_hat: Mapping[str, Sequence[float]], *, horizon: int = 1
) -> pl.DataFrame:
    """FORECASTS of these models and both baselines at these rows of FEATURES; the outcome is always 0.01."""
    n = len(rows)
    origin = features[list(rows)].select("symbol", "time", target_time=pl.col("time") + (horizon + 1) * HOUR)
    fits = {"zero": [0.0] * n, "naive": [0.0] * n, **y_hat}
    frames = [
        origin.with_columns(model=pl.lit(name), y_hat=pl.Series(fit, dtype=pl.Float64)) for name, fit in fits.items()
    ]
    return pl.concat(frames).select(
        "model",
        pl.lit(None, pl.Int32).alias("seed"),
        pl.lit(0, pl.Int32).alias("fold"),
        "symbol",
        pl.lit(horizon, pl.Int32).alias("horizon"),
        "time",
        "target_time",
        pl.lit(0.01).alias("y"),
        "y_hat",
    )


def strategy(
    forecasts: pl.DataFrame, features: pl.DataFrame, costs: CostSettings, model: str = "net", **more: Any
) -> dict[str, Any]:
    """The row of one model, in a market that never closes."""
    table = trade(panels(forecasts), features, costs, **{"always_open": True, "interval": HOUR, **more})
    return table.row(by_predicate=pl.col("model") == model, named=True)


def positions(forecasts: pl.DataFrame, features: pl.DataFrame, costs: CostSettings = FREE) -> list[float]:
    """What `net` holds in each bar, and last of all 0."""
    return next(one.position.tolist() for one in accounts(panels(forecasts), features, costs) if one.model == "net")


def random_case(seed: int, n: int = 60, horizon: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Forecasts and features of random returns, a few bars of them not forecast."""
    rng = np.random.default_rng(seed)
    features = feature_rows(rng.normal(0, 0.01, n + horizon).tolist())
    rows = np.flatnonzero(rng.random(n) > 0.1).tolist() or [0]
    return forecast_rows(features, rows, {"net": rng.normal(0, 0.01, len(rows)).tolist()}, horizon=horizon), features


def test_every_number_of_a_small_account_is_the_one_computed_by_hand() -> None:
    features = feature_rows([0.10, -0.05, -0.20, 0.25])
    forecasts = forecast_rows(features, [0, 1, 2, 3], {"net": [0.02, 0.01, -0.03, 0.0]})
    # positions 1, 1, -1, 0; gross 10, -5, +20, 0 %; traded 1, 0, 2, 1; net 9, -5, 18, -1 %
    row = strategy(forecasts, features, DEAR)
    moments = {k: sum((x - 0.0525) ** k for x in (0.09, -0.05, 0.18, -0.01)) / 4 for k in (2, 3, 4)}
    deviation = (moments[2] * 4 / 3) ** 0.5
    expected = {
        "n": 4,
        "net_return": 1.09 * 0.95 * 1.18 * 0.99 - 1,
        "gross_return": 1.10 * 0.95 * 1.20 - 1,
        "volatility": deviation * 8760**0.5,
        "sharpe": 0.0525 / deviation * 8760**0.5,
        "sharpe_per_bar": 0.0525 / deviation,
        "skewness": moments[3] / moments[2] ** 1.5,
        "kurtosis": moments[4] / moments[2] ** 2,
        "drawdown": 0.05,
        "turnover": 8760,
        "break_even": 0.25 / 4 * 1e4,
        "bars_per_year": 8760,
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    assert 0 < row["probabilistic"] < 1
    assert row["track_record"] > 4


def test_holding_is_buying_and_holding_with_two_trades() -> None:
    features = feature_rows([0.10, -0.05, -0.20, 0.25])
    forecasts = forecast_rows(features, [0, 1, 2, 3], {"net": [0.0, 0.0, 0.0, 0.0]})
    row = strategy(forecasts, features, DEAR, "holding")
    assert row["gross_return"] == pytest.approx(1.10 * 0.95 * 0.80 * 1.25 - 1, rel=1e-12)
    assert row["net_return"] == pytest.approx(1.09 * 0.95 * 0.80 * 1.24 - 1, rel=1e-12)
    assert row["drawdown"] == pytest.approx(1 - 0.95 * 0.80, rel=1e-12)
    assert row["turnover"] == pytest.approx(2 * 8760 / 4)


@examples(30)
@given(st.integers(0, 1000), st.integers(1, 5))
def test_holding_earns_the_whole_move_whatever_is_forecast(seed: int, horizon: int) -> None:
    forecasts, features = random_case(seed, horizon=horizon)
    row = strategy(forecasts, features, FREE, "holding")
    first, last = forecasts["time"].min(), forecasts["time"].max()
    held = features.filter(pl.col("time") > first, pl.col("time") <= pl.lit(last) + horizon * HOUR)
    assert row["n"] == held.height
    assert row["net_return"] == pytest.approx(np.expm1(held["bar_return"].to_numpy().sum()), abs=1e-12)


def test_forecasts_of_zero_never_trade() -> None:
    forecasts, features = random_case(1)
    row = strategy(forecasts, features, DEAR, "zero")
    zeros = ["net_return", "gross_return", "volatility", "drawdown", "turnover"]
    nothing = ["sharpe", "sharpe_per_bar", "skewness", "kurtosis", "probabilistic", "track_record", "break_even"]
    assert [row[name] for name in zeros] == [0.0] * 5
    assert [row[name] for name in nothing] == [None] * 7


def test_a_threshold_keeps_out_of_what_would_not_pay() -> None:
    features = feature_rows([0.1] * 5)
    y_hat = {"net": [0.03, -0.02, 0.01, -0.021, 0.0]}  # a trade costs 1 %
    forecasts = forecast_rows(features, range(5), y_hat)
    by_threshold = {k: positions(forecasts, features, DEAR.model_copy(update={"threshold": k})) for k in (0, 1, 2, 5)}
    assert by_threshold == {
        0: [1, -1, 1, -1, 0, 0],
        1: [1, -1, 0, -1, 0, 0],
        2: [1, 0, 0, -1, 0, 0],
        5: [0, 0, 0, 0, 0, 0],
    }


def test_three_bars_ahead_each_forecast_is_held_three_bars_with_a_third() -> None:
    features = feature_rows([0.03, -0.06, 0.09, 0.12, 0.30])
    forecasts = forecast_rows(features, [0, 1, 2], {"net": [0.02, 0.01, -0.03]}, horizon=3)
    assert positions(forecasts, features) == pytest.approx([1 / 3, 2 / 3, 1 / 3, 0, -1 / 3, 0])
    row = strategy(forecasts, features, DEAR)
    # traded 1/3, 1/3, 1/3, 1/3, 1/3 + 1/3
    net = [0.01 - 0.01 / 3, -0.04 - 0.01 / 3, 0.03 - 0.01 / 3, -0.01 / 3, -0.10 - 0.02 / 3]
    assert row["net_return"] == pytest.approx(float(np.prod([1 + x for x in net])) - 1, rel=1e-12)
    assert (row["n"], row["turnover"]) == (5, pytest.approx(2 * 8760 / 5))
    assert row["break_even"] == pytest.approx((0.01 - 0.04 + 0.03 - 0.10) / 2 * 1e4)


@examples(30)
@given(signs, st.integers(1, 6), st.integers(0, 100))
def test_a_position_is_the_mean_of_the_last_decisions(y_hat: list[float], horizon: int, seed: int) -> None:
    forecast = np.random.default_rng(seed).random(len(y_hat)) > 0.3
    forecast[0] = True
    features = feature_rows([0.01] * (len(y_hat) + horizon))
    rows = np.flatnonzero(forecast).tolist()
    made = forecast_rows(features, rows, {"net": [y_hat[row] for row in rows]}, horizon=horizon)
    decided = {row: np.sign(y_hat[row]) for row in rows}
    expected = [
        sum(decided.get(bar - back, 0) for back in range(1, horizon + 1)) / horizon
        for bar in range(1, rows[-1] + horizon + 1)
    ]
    assert positions(made, features) == [*expected, 0]


def test_at_a_hole_the_position_is_closed_and_opened_again_and_both_are_charged() -> None:
    features = feature_rows([0.1, 0.1, None, 0.1, 0.1])
    forecasts = forecast_rows(features, [0, 1, 3, 4], {"net": [1.0] * 4})
    assert positions(forecasts, features) == [1, 1, 0, 1, 1, 0]
    row = strategy(forecasts, features, DEAR)
    assert (row["n"], row["turnover"]) == (5, pytest.approx(4 * 8760 / 5))
    assert row["gross_return"] == pytest.approx(1.1**4 - 1)
    assert row["net_return"] == pytest.approx(1.09 * 1.1 * 0.99 * 1.09 * 1.09 - 1)
    holding = strategy(forecasts, features, DEAR, "holding")
    assert holding["turnover"] == pytest.approx(2 * 8760 / 5)
    assert holding["net_return"] == pytest.approx(1.09 * 1.1 * 1.1 * 1.09 - 1)


def test_bars_that_are_not_forecast_are_not_traded_but_held() -> None:
    features = feature_rows([0.1, 0.5, 0.5, 0.1])
    forecasts = forecast_rows(features, [0, 3], {"net": [1.0, 1.0]})
    assert positions(forecasts, features) == [1, 0, 0, 1, 0]
    assert strategy(forecasts, features, FREE)["net_return"] == pytest.approx(1.1**2 - 1)
    assert strategy(forecasts, features, FREE, "holding")["net_return"] == pytest.approx(1.1**2 * 1.5**2 - 1)


def test_two_symbols_have_half_of_the_capital_each_idle_where_there_is_no_bar() -> None:
    one, other = feature_rows([0.1, -0.2, 0.3]), feature_rows([0.4, 0.2], symbol="ETH", segment=1)
    features = pl.concat([one, other])
    forecasts = pl.concat(
        [
            forecast_rows(one, [0, 1, 2], {"net": [1.0, -1.0, 1.0]}),
            forecast_rows(other, [0, 1], {"net": [-1.0, -1.0]}),
        ]
    )
    row = strategy(forecasts, features, DEAR)
    # BTC: gross 10, 20, 30 %, traded 1, 2, 2 + 1; ETH: gross -40, -20 %, traded 1, 1
    gross, traded = [-0.15, 0.0, 0.15], [1.0, 1.5, 1.5]
    net = [a - 0.01 * b for a, b in zip(gross, traded, strict=True)]
    assert (row["n"], row["turnover"]) == (3, pytest.approx(4 * 8760 / 3))
    assert row["net_return"] == pytest.approx(float(np.prod([1 + x for x in net])) - 1, rel=1e-12)
    assert row["break_even"] == pytest.approx(0, abs=1e-9)
    holding = strategy(forecasts, features, DEAR, "holding")
    assert holding["net_return"] == pytest.approx((1 + 0.24) * (1 - 0.005) * (1 + 0.145) - 1, rel=1e-12)


@examples(30)
@given(st.integers(0, 1000), st.integers(1, 4), st.integers(0, 59))
def test_a_position_knows_nothing_of_the_bar_that_it_earns_or_of_later_ones(seed: int, horizon: int, cut: int) -> None:
    forecasts, features = random_case(seed, horizon=horizon)
    known = pl.col("known_at") <= START + cut * HOUR
    shaken = features.with_columns(pl.when(known).then("bar_return").otherwise(-3 * pl.col("bar_return") + 0.1))
    assert positions(forecasts, shaken) == positions(forecasts, features)
    early = pl.col("time") + HOUR <= START + cut * HOUR
    later = forecasts.with_columns(pl.when(early).then("y_hat").otherwise(-pl.col("y_hat")), y=pl.lit(0.3))
    opened_by = max(0, cut - round((forecasts["time"].min() - START) / HOUR))  # type: ignore[operator]
    assert positions(later, features)[:opened_by] == positions(forecasts, features)[:opened_by]


def test_a_forecast_earns_the_next_bar_and_not_its_own() -> None:
    features = feature_rows([0.1, -0.1] * 20)
    own = np.sign(features["bar_return"].to_numpy())[1:-1]
    last_seen = forecast_rows(features, range(1, 40), {"net": own.tolist()})
    assert strategy(last_seen, features, FREE)["gross_return"] == pytest.approx(0.9**39 - 1)
    foreseen = forecast_rows(features, range(1, 40), {"net": (-own).tolist()})
    assert strategy(foreseen, features, FREE)["gross_return"] == pytest.approx(1.1**39 - 1)


@examples(30)
@given(st.integers(0, 1000), st.floats(0, 100), st.floats(0, 100), st.sampled_from(["fee", "slippage"]))
def test_a_dearer_trade_never_earns_more(seed: int, one: float, other: float, what: str) -> None:
    forecasts, features = random_case(seed)
    cheap, dear = (strategy(forecasts, features, CostSettings(**{what: cost})) for cost in sorted([one, other]))
    assert dear["net_return"] <= cheap["net_return"]
    assert dear["drawdown"] >= cheap["drawdown"]
    assert (dear["gross_return"], dear["turnover"], dear["break_even"]) == (
        cheap["gross_return"],
        cheap["turnover"],
        cheap["break_even"],
    )


@examples(30)
@given(st.integers(0, 1000), st.integers(1, 4))
def test_at_the_break_even_cost_the_mean_net_return_is_zero(seed: int, horizon: int) -> None:
    forecasts, features = random_case(seed, horizon=horizon)
    account = next(one for one in accounts(panels(forecasts), features, FREE) if one.model == "net")
    cost = strategy(forecasts, features, FREE)["break_even"] / 1e4
    assert float(np.mean(account.gross - cost * account.traded)) == pytest.approx(0, abs=1e-15)


def test_positions_that_lose_before_costs_have_a_break_even_below_zero() -> None:
    features = feature_rows([0.1, 0.1])
    forecasts = forecast_rows(features, [0, 1], {"net": [-1.0, -1.0]})
    assert strategy(forecasts, features, DEAR)["break_even"] == pytest.approx(-1000)


def test_who_lost_everything_has_nothing_from_then_on() -> None:
    features = feature_rows([0.5, 1.5, 0.5, -0.5])
    forecasts = forecast_rows(features, [0, 1, 2, 3], {"net": [1.0, -1.0, 1.0, -1.0]})
    row = strategy(forecasts, features, DEAR)
    assert (row["net_return"], row["gross_return"], row["drawdown"]) == (-1, -1, 1)
    assert row["sharpe_per_bar"] == pytest.approx(np.mean([0.49, -1, 0, 0]) / np.std([0.49, -1, 0, 0], ddof=1))
    ruinous = strategy(forecasts, features, CostSettings(fee=50_000))
    assert (ruinous["net_return"], ruinous["drawdown"]) == (-1, 1)


def test_a_gain_beyond_all_numbers_is_the_largest_number() -> None:
    features = feature_rows([1.0] * 1100)
    row = strategy(forecast_rows(features, range(1100), {"net": [1.0] * 1100}), features, DEAR)
    assert row["net_return"] == pytest.approx(np.finfo(np.float64).max)
    assert row["drawdown"] == 0


def test_a_single_bar_has_a_return_but_no_volatility() -> None:
    features = feature_rows([0.1])
    row = strategy(forecast_rows(features, [0], {"net": [1.0]}), features, DEAR)
    assert row["net_return"] == pytest.approx(0.08)
    assert (row["n"], row["volatility"], row["sharpe"]) == (1, None, None)


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_names_of_the_models_do_not_matter(names: list[str]) -> None:
    features = feature_rows(np.random.default_rng(3).normal(0, 0.01, 40).tolist())
    fits = {name: np.random.default_rng(number).normal(0, 1, 39).tolist() for number, name in enumerate("abcd")}
    plain = trade(panels(forecast_rows(features, range(39), fits)), features, DEAR, always_open=True, interval=HOUR)
    renamed = {new: fits[old] for new, old in zip(names, "abcd", strict=True)}
    table = trade(panels(forecast_rows(features, range(39), renamed)), features, DEAR, always_open=True, interval=HOUR)
    back = dict(zip(names, "abcd", strict=True))
    assert table.with_columns(pl.col("model").replace(back)).sort("model").equals(plain.sort("model"))


def test_the_order_of_rows_changes_no_bit_and_seeds_are_not_traded() -> None:
    forecasts, features = random_case(5, horizon=2)
    net = forecasts.filter(model="net")
    seeds = [net.with_columns(pl.lit(seed, pl.Int32).alias("seed"), -pl.col("y_hat")) for seed in (0, 1)]
    mixed = pl.concat([forecasts, *seeds]).sample(fraction=1, shuffle=True, seed=1)
    plain = trade(panels(forecasts), features, DEAR, always_open=True, interval=HOUR)
    assert trade(panels(mixed), features.reverse(), DEAR, always_open=True, interval=HOUR).equals(plain)
    assert plain["model"].to_list() == ["naive", "net", "zero", "holding"]


def test_each_horizon_has_its_own_rows() -> None:
    far, features = random_case(1, horizon=3)
    near = random_case(1)[0].join(far, on=["symbol", "time"], how="semi")
    far = far.join(near, on=["symbol", "time"], how="semi")
    both = trade(panels(pl.concat([near, far])), features, DEAR, always_open=True, interval=HOUR)
    alone = [trade(panels(one), features, DEAR, always_open=True, interval=HOUR) for one in (near, far)]
    assert both.equals(pl.concat(alone))
    assert both["horizon"].to_list() == [1] * 4 + [3] * 4


def test_a_year_has_as_many_bars_as_the_market_is_open() -> None:
    sp500 = bars.load_bars("sp500").tail(1500)
    features = pipeline.build(sp500, ["log_return"], interval=interval_of(sp500))
    forecasts = forecast_rows(features, range(1499), {"net": [1.0] * 1499})
    closed = strategy(forecasts, features, DEAR, always_open=False, interval=timedelta(days=1))
    assert closed["bars_per_year"] == pytest.approx(252, abs=0.5)
    assert closed["turnover"] == pytest.approx(2 * closed["bars_per_year"] / 1499)
    always = strategy(forecasts, features, DEAR, always_open=True, interval=timedelta(days=1))
    assert always["bars_per_year"] == 365
    forecasts, features = random_case(1)
    assert strategy(forecasts, features, DEAR)["bars_per_year"] == 8760
    assert strategy(forecasts, features, DEAR, always_open=False)["bars_per_year"] == pytest.approx(8766)


def test_forecasts_of_other_bars_are_refused() -> None:
    features = feature_rows([0.1, 0.1, None, 0.1])
    missing = forecast_rows(feature_rows([0.1] * 9), [7], {"net": [1.0]})
    across = forecast_rows(features, [0, 2], {"net": [1.0, 1.0]})
    beyond = forecast_rows(features, [0, 4], {"net": [1.0, 1.0]})
    too_far = forecast_rows(features, [0, 1], {"net": [1.0, 1.0]}, horizon=2)
    for forecasts, row in ((missing, "07:00"), (across, "02:00"), (beyond, "04:00"), (too_far, "01:00")):
        with pytest.raises(UnpairedForecasts, match=rf"not found for BTC, 2024-01-01 {row} UTC; rows in all: 1\)"):
            trade(panels(forecasts), features, DEAR, always_open=True, interval=HOUR)


def test_forecasts_that_are_no_pair_or_no_number_are_refused() -> None:
    forecasts, features = random_case(1)
    with pytest.raises(UnpairedForecasts, match="a forecast is missing that zero has"):
        trade(panels(forecasts.slice(0, forecasts.height - 1)), features, DEAR, always_open=True, interval=HOUR)
    broken = forecasts.with_columns(y_hat=pl.lit(float("nan")))
    with pytest.raises(NotFinite, match="y_hat is not a log return: not finite"):
        trade(panels(broken), features, DEAR, always_open=True, interval=HOUR)


@pytest.mark.parametrize(
    "settings", [{"fee": -1}, {"slippage": -0.1}, {"threshold": -1}, {"fee": float("inf")}, {"tax": 1}]
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        CostSettings(**settings)


def test_a_million_forecasts_take_about_a_second() -> None:
    n, models = 100_000, 10
    rng = np.random.default_rng(0)
    features = feature_rows(rng.normal(0, 0.01, n).tolist())
    fits: dict[str, FloatArray] = {f"net_{number}": rng.normal(0, 0.01, n) for number in range(models - 2)}
    forecasts = forecast_rows(features, range(n), fits)  # type: ignore[arg-type]
    started = perf_counter()
    table = trade(panels(forecasts), features, DEAR, always_open=True, interval=HOUR)
    assert perf_counter() - started < 10
    assert table.height == models + 1
