"""Errors by regime: the parts hold every forecast once, by what was known before it, and the numbers are right."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from backtest.data import result_tables
from backtest.data.question import Question
from backtest.evaluation import regimes
from backtest.evaluation.loss_panel import loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.regimes import FEWEST, RECENT, REGIMES, by_regime, recent_volatility
from backtest.significance.equal_accuracy import diebold_mariano, skill_interval
from tests.support.forecasts import FloatArray, column, forecast_table, losses, panels, random_forecasts
from tests.support.selection import examples

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FORECASTS = random_forecasts(3, n=900, signal=0.08)
PANEL = pl.concat([random_forecasts(number, n=400, symbol=symbol) for number, symbol in enumerate("AB")])


def of(forecasts: pl.DataFrame, interval: timedelta = HOUR) -> pl.DataFrame:
    """REGIMES of a table of forecasts."""
    return by_regime(panels(forecasts), interval)


def spaced(forecasts: pl.DataFrame, interval: timedelta, horizon: int = 1) -> pl.DataFrame:
    """The same forecasts of bars of another length, further ahead."""
    start = forecasts["time"].min()
    steps = (pl.col("time") - start).dt.total_hours()
    times = (pl.lit(start) + steps * interval).dt.cast_time_unit("us")
    return forecasts.with_columns(
        time=times, target_time=times + (horizon + 1) * interval, horizon=pl.lit(horizon, pl.Int32)
    )


def expected_terciles(y: FloatArray, horizon: int) -> list[str]:
    """Tercile of each row, by a plain loop over what is known at its origin."""
    found: list[float] = []
    for row in range(y.size):
        known = y[max(0, row - horizon + 1 - RECENT) : max(0, row - horizon + 1)]
        found.append(float(np.sqrt(np.mean(known**2))) if known.size >= FEWEST else np.nan)
    low, high = np.nanquantile(found, [1 / 3, 2 / 3])
    return [
        "unknown" if np.isnan(value) else "low" if value <= low else "middle" if value <= high else "high"
        for value in found
    ]


def test_variances_are_grouped_by_the_mean_of_those_before() -> None:
    rng = np.random.default_rng(1)
    y = rng.chisquare(1, 200)
    rows = pl.DataFrame({"symbol": "A", "horizon": 1, "y": y})
    known = [y[max(0, row - RECENT) : row] for row in range(200)]
    means = np.array([part.mean() if part.size >= FEWEST else np.nan for part in known])
    told = np.isfinite(means)
    expected = np.searchsorted(np.nanquantile(means, [1 / 3, 2 / 3]), means[told])
    found = REGIMES["variance"].place(rows)
    assert found[told].tolist() == expected.tolist()
    assert set(found[~told].tolist()) == {-1}


@pytest.mark.parametrize("horizon", [1, 3])
def test_groups_and_errors_are_those_of_a_plain_loop_over_the_rows(horizon: int) -> None:
    forecasts = spaced(FORECASTS, HOUR, horizon)
    y, y_hat = column(forecasts, "y", "lstm"), column(forecasts, "y_hat", "lstm")
    terciles, times = expected_terciles(y, horizon), forecasts["time"].unique().sort().to_list()
    errors: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for row, time in enumerate(times):
        opens = time + horizon * HOUR
        for part in (("volatility", terciles[row]), ("hour", f"{opens:%H}:00"), ("weekday", f"{opens:%A}")):
            errors[part].append((float(y[row] - y_hat[row]) ** 2, float(y[row]) ** 2))
    table = of(forecasts).filter(model="lstm")
    assert set(table.select("regime", "part").rows()) == set(errors)
    for regime, part, n, loss, rival_loss, skill in table.select(
        "regime", "part", "n", "loss", "rival_loss", "skill"
    ).iter_rows():
        own = np.asarray(errors[regime, part])
        assert n == len(own)
        assert (loss, rival_loss) == pytest.approx(tuple(own.mean(axis=0)), rel=1e-12)
        assert skill == pytest.approx(1 - own[:, 0].sum() / own[:, 1].sum(), abs=1e-12)


@examples(20)
@given(st.integers(0, 1_000), st.integers(1, 120), st.sampled_from([HOUR, DAY, timedelta(minutes=7), 7 * DAY]))
def test_the_parts_of_a_regime_hold_every_forecast_once_and_their_errors_add_up(
    seed: int, n: int, interval: timedelta
) -> None:
    forecasts = spaced(random_forecasts(seed, n=n, folds=1), interval)
    table = of(forecasts, interval)
    for (model, _), parts in table.partition_by("model", "regime", as_dict=True).items():
        assert parts["n"].sum() == n
        assert parts["place"].is_sorted()
        for name, who in (("loss", str(model)), ("rival_loss", "zero")):
            total = float((parts["n"] * parts[name]).sum()) / n
            assert total == pytest.approx(losses(forecasts, who, "squared").mean(), rel=1e-9)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=80), st.integers(1, 6), st.integers(0, 79), st.floats(-9, 9))
def test_volatility_is_what_was_known_at_the_origin(values: list[float], horizon: int, row: int, other: float) -> None:
    y = np.asarray(values)
    row %= y.size
    changed = y.copy()
    changed[row] = other
    before, after = recent_volatility(y, horizon), recent_volatility(changed, horizon)
    np.testing.assert_array_equal(after[: row + horizon], before[: row + horizon])
    assert np.isnan(before[: FEWEST + horizon - 1]).all()
    assert np.isfinite(before[FEWEST + horizon - 1 :]).all()


def test_the_newest_outcome_that_is_known_counts() -> None:
    y = np.zeros(60)
    y[30] = 2.0
    for horizon in (1, 4):
        felt = np.flatnonzero(recent_volatility(y, horizon) > 0)
        assert (felt[0], felt[-1]) == (30 + horizon, 30 + horizon + RECENT - 1)
        assert recent_volatility(y, horizon)[felt[0]] == pytest.approx(2 / RECENT**0.5)


def test_outcomes_without_memory_are_as_large_after_calm_as_after_storm() -> None:
    # parts cut by the outcome itself would differ by a factor of ten and more
    table = of(random_forecasts(5, n=6_000)).filter(pl.col("part").is_in(["low", "middle", "high"]), model="lstm")
    errors = table["rival_loss"].to_numpy()
    assert errors.max() / errors.min() < 1.25


def test_a_storm_that_lasts_is_found() -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_normal(3_000) * np.where(np.arange(3_000) // 200 % 2, 0.05, 0.01)
    fits: dict[tuple[str, int | None], FloatArray] = {
        ("zero", None): np.zeros(3_000),
        ("naive", None): np.concatenate([[0.0], y[:-1]]),
        ("net", None): np.where(np.arange(3_000) // 200 % 2, 0.0, 0.3 * y),
    }
    table = of(forecast_table(y, fits)).filter(model="net")
    found = {row["part"]: row for row in table.iter_rows(named=True)}
    assert found["low"]["rival_loss"] < 0.2 * found["high"]["rival_loss"]
    assert found["low"]["p_adjusted"] < 0.01
    assert found["low"]["skill_low"] > 0.2
    assert abs(found["high"]["skill"]) < 0.1


@pytest.mark.parametrize("forecasts", [FORECASTS, PANEL], ids=["one symbol", "two symbols"])
def test_every_part_is_tested_as_the_whole_is_with_the_losses_of_a_time_averaged(forecasts: pl.DataFrame) -> None:
    table = of(forecasts)
    rows = forecasts.filter(pl.col("seed").is_null()).with_columns(
        hour=(pl.col("target_time") - HOUR).dt.strftime("%H:00"),
        loss=(pl.col("y") - pl.col("y_hat")) ** 2,
    )
    for part, model in (("07:00", "lstm"), ("23:00", "ridge"), ("12:00", "naive")):
        chosen = rows.filter(hour=part).group_by("model", "time").agg(pl.col("loss").mean()).sort("time")
        pair_of_losses = [chosen.filter(model=name)["loss"].to_numpy() for name in (model, "zero")]
        skill = skill_interval(*pair_of_losses)
        row = table.filter(part=part, model=model).row(0, named=True)
        assert row["p_value"] == pytest.approx(diebold_mariano(*pair_of_losses).p_value, rel=1e-6)
        found = (row["skill"], row["skill_low"], row["skill_high"])
        assert found == pytest.approx((skill.value, skill.low, skill.high), rel=1e-6)


def test_each_symbol_has_terciles_of_its_own() -> None:
    wild = PANEL.with_columns(pl.when(symbol="B").then(pl.col("y", "y_hat") * 50).otherwise(pl.col("y", "y_hat")))
    table = of(wild).filter(model="lstm", regime="volatility")
    own = [column(wild.filter(symbol=symbol), "y", "zero") for symbol in "AB"]
    for part, rival_loss in table.select("part", "rival_loss").iter_rows():
        chosen = np.concatenate([y[np.asarray(expected_terciles(y, 1)) == part] for y in own])
        assert rival_loss == pytest.approx(np.mean(chosen**2), rel=1e-12)


def test_p_values_are_adjusted_over_all_parts_and_models_but_the_references() -> None:
    table = of(FORECASTS)
    family = table.filter(~pl.col("model").is_in(["zero", "naive"]), pl.col("p_value").is_not_null())
    expected = multipletests(family["p_value"].to_numpy(), method="holm")[1]
    np.testing.assert_allclose(family["p_adjusted"].to_numpy(), expected, rtol=1e-12)
    assert family["model"].unique().sort().to_list() == ["lstm", "ridge"]
    assert table.filter(model="naive")["p_adjusted"].null_count() == table.filter(model="naive").height
    assert table.filter(model="naive")["p_value"].null_count() == 1


def test_every_horizon_is_a_family_of_its_own() -> None:
    other = spaced(FORECASTS, HOUR, 5)
    both = of(pl.concat([FORECASTS, other]))
    assert both.filter(horizon=1).equals(of(FORECASTS))
    assert both.filter(horizon=5).equals(of(other))


@pytest.mark.parametrize(
    ("interval", "found"),
    [
        (HOUR, {"volatility", "hour", "weekday"}),
        (DAY, {"volatility", "weekday"}),
        (7 * DAY, {"volatility"}),
        (30 * DAY, {"volatility"}),
    ],
)
def test_bars_as_long_as_a_day_have_no_hours_and_those_of_a_week_no_weekdays(
    interval: timedelta, found: set[str]
) -> None:
    assert set(of(spaced(FORECASTS, interval), interval)["regime"]) == found


def test_the_return_from_friday_to_monday_is_mondays() -> None:
    days = pl.datetime_range(pl.datetime(2020, 1, 6), pl.datetime(2020, 7, 31), "1d", eager=True, time_unit="us")
    opens = days.filter(days.dt.weekday() <= 5).dt.replace_time_zone("UTC")
    forecasts = random_forecasts(1, n=opens.len() - 1)
    bars = pl.DataFrame({"old": forecasts["time"].unique().sort(), "time": opens[:-1], "next": opens[1:]})
    sessions = forecasts.rename({"time": "old"}).join(bars, on="old").with_columns(target_time=pl.col("next") + DAY)
    table = of(sessions.select(forecasts.columns), DAY).filter(model="lstm", regime="weekday")
    assert table["part"].to_list() == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    assert table["n"].to_list() == [29, 30, 30, 30, 30]


def test_what_cannot_be_told_or_tested_keeps_its_row_and_the_reason() -> None:
    table = of(random_forecasts(2, n=30)).filter(model="lstm")
    unknown = table.filter(part="unknown").row(0, named=True)
    assert (unknown["n"], unknown["place"]) == (FEWEST, 3)
    assert unknown["skill"] is not None
    assert unknown["p_value"] is unknown["skill_low"] is None
    assert "not tested" in unknown["note"]
    lone = table.filter(part="12:00").row(0, named=True)
    assert (lone["n"], lone["p_value"], lone["p_adjusted"]) == (1, None, None)
    assert "10 or more are needed, 10 for each step of the horizon (got 1)" in lone["note"]
    constant = FORECASTS.with_columns(y_hat=pl.when(model="lstm").then(0.0).otherwise("y_hat"))
    notes = of(constant).filter(pl.col("part") != "unknown", model="lstm")["note"]
    assert notes.str.contains("equally good in every row").all()


@pytest.mark.parametrize(("test", "per_step"), [("diebold_mariano", 10), ("diebold_mariano_robust", 40)])
def test_a_part_with_fewer_losses_than_its_test_needs_is_not_tested(test: str, per_step: int) -> None:
    """As the verdict is not: below that the test does not keep its level."""
    forecasts, question = random_forecasts(3, n=24 * per_step), Question(test=test)
    for kept, tested in ((24 * per_step, True), (24 * (per_step - 1), False)):
        few = forecasts.filter(pl.int_range(pl.len()).over("model", "seed") < kept)
        table = by_regime(loss_panels(match_forecasts(few, question), question), HOUR)
        hours = table.filter(regime="hour", model="ridge")
        assert hours["n"].unique().to_list() == [kept // 24]
        assert hours["p_value"].is_not_null().all() == hours["skill_low"].is_not_null().any() == tested
        assert hours["skill"].is_not_null().all()
        said = f"{per_step} or more are needed, {per_step} for each step of the horizon (got {kept // 24})"
        assert hours["note"].str.contains(said, literal=True).all() != tested


def test_one_forecast_tells_nothing_apart() -> None:
    assert of(random_forecasts(0, n=1, folds=1)).is_empty()
    assert of(random_forecasts(0, n=1, folds=1)).columns == result_tables.REGIMES.names


def test_a_regime_of_ones_own_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    even = regimes.Regime(("even", "odd"), lambda rows: rows["opens"].dt.hour().cast(pl.Int64).to_numpy() % 2)
    monkeypatch.setitem(REGIMES, "parity", even)
    table = of(FORECASTS).filter(model="ridge", regime="parity")
    assert table.select("part", "place", "n").rows() == [("even", 0, 450), ("odd", 1, 450)]
