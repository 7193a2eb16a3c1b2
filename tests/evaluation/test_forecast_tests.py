"""Tests of forecasts are those of the formulas, complete, null where undefined, and the same to the last digit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from itertools import product
from math import prod

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data import result_tables
from backtest.data.question import Question
from backtest.evaluation.forecast_tests import compare, compare_jointly, fluctuation_paths
from backtest.evaluation.loss_panel import loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.metrics import score
from backtest.significance.equal_accuracy import diebold_mariano, skill_interval
from backtest.significance.joint_tests import HORIZON_TESTS, JOINT_TESTS
from backtest.significance.multi_horizon import (
    average_superior_predictive_ability,
    uniform_superior_predictive_ability,
)
from backtest.significance.multiple_testing import ADJUSTMENTS, holm
from backtest.significance.nested import clark_west
from backtest.significance.robust import diebold_mariano_hall
from backtest.significance.stability import fluctuation
from backtest.significance.superiority import model_confidence_set
from backtest.significance.table import TESTS
from tests.support.forecasts import FloatArray, column, forecast_table, losses, panels, random_forecasts


def compared(forecasts: pl.DataFrame, adjustment: str = "holm") -> pl.DataFrame:
    """TESTS of some forecasts."""
    return compare(panels(forecasts), adjustment)


FORECASTS = random_forecasts(2)
COMPARED = compared(FORECASTS)
DIEBOLD_MARIANO = COMPARED.filter(test="diebold_mariano")
OF_FOLDS = COMPARED.filter(test="diebold_mariano_hall")
POOLED = pl.col("fold").is_null()


def test_tests_hold_every_model_against_every_baseline_for_each_loss_per_fold_and_pooled() -> None:
    pairs = 3  # each baseline against the three other models
    asked = {name: TESTS[name] for name in Question().about.tests}
    sizes = {
        name: prod(map(len, test.asked_of(Question(), "zero", Question().losses))) * pairs
        for name, test in asked.items()
    }
    pooled = sum(len(test.pooled) * sizes[name] for name, test in asked.items())
    in_folds = sum(len(test.fold) * sizes[name] * 4 for name, test in asked.items())
    assert COMPARED.columns == [column.name for column in result_tables.TESTS.columns]
    assert COMPARED.filter(POOLED).height == pooled
    assert COMPARED.filter(~POOLED).height == in_folds == len(Question().losses) * 2 * pairs * 2 * 4
    assert {*COMPARED.filter(POOLED)["test"]} == {name for name, test in asked.items() if test.pooled}
    assert {*COMPARED.filter(~POOLED)["test"]} == {"diebold_mariano_hall"}
    assert COMPARED["asks"].is_not_null().all()
    assert not (COMPARED["model"] == COMPARED["baseline"]).any()


def test_each_row_is_the_test_of_its_losses() -> None:
    for row in DIEBOLD_MARIANO.iter_rows(named=True):
        model, baseline = (losses(FORECASTS, row[name], row["loss"], row["fold"]) for name in ("model", "baseline"))
        result, skill = (
            diebold_mariano(model, baseline, alternative=row["alternative"]),
            skill_interval(model, baseline),
        )
        assert (row["statistic"], row["p_value"]) == pytest.approx((result.statistic, result.p_value), rel=1e-9)
        assert (row["n"], row["lags"], row["note"]) == (result.n, result.lags, "")
        assert (row["skill"], row["skill_low"], row["skill_high"]) == pytest.approx(
            (skill.value, skill.low, skill.high)
        )


def test_each_row_of_a_fold_is_the_test_corrected_for_skewness() -> None:
    for row in OF_FOLDS.iter_rows(named=True):
        model, baseline = (losses(FORECASTS, row[name], row["loss"], row["fold"]) for name in ("model", "baseline"))
        result = diebold_mariano_hall(model, baseline, alternative=row["alternative"])
        skill = skill_interval(model, baseline)
        assert (row["statistic"], row["p_value"]) == pytest.approx((result.statistic, result.p_value), rel=1e-9)
        assert (row["n"], row["lags"], row["note"]) == (60, result.lags, "")
        assert (row["skill"], row["skill_low"]) == pytest.approx((skill.value, skill.low))


def test_skill_beside_the_tests_is_the_skill_among_the_scores() -> None:
    both_tests = pl.concat([DIEBOLD_MARIANO, OF_FOLDS])
    tested = both_tests.filter(alternative="less", loss="squared", baseline="zero").select("model", "fold", "skill")
    scored = (
        score(panels(FORECASTS)).filter(pl.col("seed").is_null(), metric="skill_zero").select("model", "fold", "value")
    )
    both = tested.join(scored, on=["model", "fold"], nulls_equal=True)
    assert both.height == tested.height == 3 * 5
    np.testing.assert_allclose(both["skill"], both["value"], atol=1e-12)


def test_adjustment_is_holm_over_the_pooled_models_that_are_no_baselines() -> None:
    for family in COMPARED.filter(POOLED).partition_by("test", "loss", "baseline", "alternative"):
        members = family.filter(~pl.col("model").is_in(Question().references))
        assert members["model"].to_list() == ["lstm", "ridge"]
        assert members["p_adjusted"].to_list() == holm(members["p_value"]).tolist()
        assert family.filter(pl.col("model").is_in(Question().references))["p_adjusted"].is_null().all()


def test_in_folds_it_is_holm_over_all_folds_of_the_models_that_are_no_baselines() -> None:
    for family in OF_FOLDS.partition_by("loss", "baseline", "alternative"):
        members = family.filter(~pl.col("model").is_in(Question().references))
        assert members.select("model", "fold").rows() == [*product(["lstm", "ridge"], range(4))]
        assert members["p_adjusted"].to_list() == holm(members["p_value"]).tolist()
        assert family.filter(pl.col("model").is_in(Question().references))["p_adjusted"].is_null().all()


def test_a_model_that_forecasts_zero_keeps_its_rows_with_the_reason_and_leaves_the_family() -> None:
    idle = FORECASTS.filter(pl.col("model") == "zero").with_columns(model=pl.lit("idle"))
    own = pl.col("test").is_in(["diebold_mariano", "diebold_mariano_hall"])
    tests = compared(pl.concat([FORECASTS, idle])).filter(own)
    undefined = tests.filter(model="idle", baseline="zero")
    assert undefined.height == len(Question().losses) * (3 + 4 * 2)
    assert undefined["note"].str.contains("equally good in every row").all()
    for name in ("statistic", "p_value", "p_adjusted", "lags", "skill_low", "skill_high"):
        assert undefined[name].is_null().all()
    assert (undefined["skill"] == 0).all()
    rest = tests.filter((pl.col("model") != "idle") & (pl.col("baseline") == "zero"))
    pooled = rest.filter(POOLED)
    assert pooled.equals(DIEBOLD_MARIANO.filter(baseline="zero"))
    assert rest.filter(~POOLED).equals(OF_FOLDS.filter(baseline="zero"))


def test_folds_of_one_row_are_undefined_and_nothing_is_nan() -> None:
    own = pl.col("test").is_in(["diebold_mariano", "diebold_mariano_hall"])
    tests = compared(random_forecasts(1, n=6, folds=6)).filter(own)
    assert tests.filter(~POOLED).height > 0
    assert tests.filter(~POOLED)["statistic"].is_null().all()
    assert tests.filter(~POOLED)["note"].str.contains(r"10 or more are needed, .* \(got 1\)").all()
    assert tests.filter(POOLED)["p_value"].is_between(0, 1).all()
    numbers = tests.select(pl.selectors.float()).select(pl.all().drop_nulls().is_finite().all())
    assert all(numbers.row(0))


@pytest.mark.parametrize(
    ("question", "test", "per_step"),
    [
        (Question(), "diebold_mariano_hall", 10),
        (Question("direction", "brier", "base_rate"), "diebold_mariano_robust", 40),
    ],
)
def test_a_fold_with_fewer_losses_than_its_test_needs_is_not_tested(
    question: Question, test: str, per_step: int
) -> None:
    rng, rows, loss = np.random.default_rng(4), 4 * per_step, question.loss
    models = (*question.about.references, "ridge")
    made: dict[tuple[str, int | None], FloatArray] = {(name, None): rng.uniform(0.4, 0.6, rows) for name in models}
    forecasts = forecast_table((rng.random(rows) > 0.5).astype(float), made)
    few = forecasts.filter(pl.int_range(pl.len()).over("model") > 0)  # one less in the first fold
    found = compare(loss_panels(match_forecasts(few, question), question)).filter(~POOLED, model="ridge", test=test)
    assert found.filter(loss=loss, fold=0)["p_value"].null_count() == found.filter(loss=loss, fold=0).height > 0
    assert found.filter(loss=loss, fold=0)["note"].str.contains(rf"\(got {per_step - 1}\)").all()
    assert found.filter(loss=loss, fold=0)["skill_low"].is_null().all()
    assert found.filter(loss=loss, fold=0)["skill"].is_not_null().all()
    assert found.filter(pl.col("fold") > 0)["p_value"].is_not_null().all()


def test_a_series_without_any_movement_has_no_skill_but_its_rows() -> None:
    still = np.zeros(40)
    noise = np.random.default_rng(1).standard_normal(40)
    tests = compared(forecast_table(still, {("zero", None): still, ("naive", None): still, ("ridge", None): noise}))
    assert tests["skill"].is_null().all()
    assert tests.filter(model="ridge", test="diebold_mariano")["p_value"].is_not_null().all()


def test_losses_of_several_symbols_are_averaged_for_each_time() -> None:
    btc, eth = random_forecasts(4), random_forecasts(5, symbol="ETHUSDT")
    tests = compared(pl.concat([btc, eth])).filter(POOLED, test="diebold_mariano", model="lstm", baseline="zero")
    row = tests.filter(loss="squared", alternative="two-sided").row(0, named=True)
    model, zero = ((losses(btc, m, "squared") + losses(eth, m, "squared")) / 2 for m in ("lstm", "zero"))
    assert row["n"] == 240
    assert row["statistic"] == pytest.approx(diebold_mariano(model, zero).statistic, rel=1e-9)


def test_a_symbol_that_only_repeats_another_adds_no_evidence() -> None:
    doubled = compared(pl.concat([FORECASTS, FORECASTS.with_columns(symbol=pl.lit("COPY"))]))
    series = ["diebold_mariano", "clark_west", "encompassing", "giacomini_white", "fluctuation"]
    one, two = (tests.filter(pl.col("test").is_in(series))["p_value"] for tests in (COMPARED, doubled))
    np.testing.assert_allclose(two, one, rtol=1e-9)
    assert doubled["n"].equals(COMPARED["n"])


def test_each_horizon_has_its_own_rows_and_all_share_the_family() -> None:
    later = random_forecasts(7).with_columns(horizon=pl.lit(5, pl.Int32))
    tests = compared(pl.concat([FORECASTS, later])).filter(POOLED, test="diebold_mariano", baseline="zero")
    tests = tests.filter(loss="squared", alternative="less")
    members = tests.filter(~pl.col("model").is_in(Question().references))
    assert members.select("horizon", "lags").rows() == [(1, 20), (1, 20), (5, 24), (5, 24)]
    assert members["p_adjusted"].to_list() == holm(members["p_value"]).tolist()
    zero, lstm = (losses(later, model, "squared") for model in ("zero", "lstm"))
    expected = diebold_mariano(lstm, zero, horizon=5, alternative="less").p_value
    assert members.filter(model="lstm", horizon=5)["p_value"].item() == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_changes_no_digit(seed: int) -> None:
    shuffled = FORECASTS.sample(fraction=1, shuffle=True, seed=seed)
    assert compared(shuffled).equals(COMPARED)


def digest() -> str:
    """Digest of all that is computed of forecasts enough for Polars and BLAS to use several threads."""
    whole = panels(random_forecasts(3, n=6000, folds=6))
    frames = (score(whole), compare(whole), compare_jointly(whole, 0.05), fluctuation_paths(whole))
    return hashlib.sha256("".join(frame.write_csv() for frame in frames).encode()).hexdigest()


@pytest.mark.slow
def test_the_number_of_threads_changes_no_digit() -> None:
    command = [sys.executable, "-c", "from tests.evaluation.test_forecast_tests import digest; print(digest())"]
    names = ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    digests = {
        subprocess.run(  # noqa: S603
            command, env={**os.environ, **dict.fromkeys(names, threads)}, capture_output=True, text=True, check=True
        ).stdout
        for threads in ("1", "2")
    }
    assert len(digests) == 1


def test_other_tests_are_those_of_the_forecasts() -> None:
    row = COMPARED.filter(test="clark_west", model="lstm", baseline="naive").row(0, named=True)
    y, model, naive = (
        column(FORECASTS, "y", "lstm"),
        *(column(FORECASTS, "y_hat", name) for name in ("lstm", "naive")),
    )
    result = clark_west(y, model, naive)
    assert (row["statistic"], row["p_value"], row["alternative"]) == (result.statistic, result.p_value, "less")


@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
def test_the_adjustment_is_the_one_that_was_chosen(adjustment: str) -> None:
    tests = compared(FORECASTS, adjustment).filter(POOLED, test="diebold_mariano", baseline="zero", loss="squared")
    family = tests.filter(~pl.col("model").is_in(Question().references), alternative="less")
    assert family["p_adjusted"].to_list() == ADJUSTMENTS[adjustment](family["p_value"]).tolist()


LATER = random_forecasts(7).with_columns(horizon=pl.lit(5, pl.Int32))


def test_joint_tests_have_their_rows_for_each_horizon() -> None:
    joint = compare_jointly(panels(pl.concat([FORECASTS, LATER])), 0.05)
    single = joint.filter(pl.col("horizon").is_not_null())
    assert single["horizon"].unique().sort().to_list() == [1, 5]
    assert single["test"].unique().sort().to_list() == sorted(JOINT_TESTS)
    assert joint["p_value"].drop_nulls().is_between(0, 1).all()
    assert single.filter(horizon=1).equals(compare_jointly(panels(FORECASTS), 0.05))


def test_the_confidence_set_is_made_on_every_loss_and_the_tests_against_the_rival_on_its_own() -> None:
    joint = compare_jointly(panels(FORECASTS), 0.05)
    on = {name: joint.filter(test=name)["loss"].unique().sort().to_list() for name in JOINT_TESTS}
    own = ["squared"]
    every = sorted(Question().losses)
    assert on == {"model_confidence_set": every, "superior_predictive_ability": own, "stepwise": own}
    models = ["zero", "naive", "ridge", "lstm"]
    for loss in every:
        found = model_confidence_set({model: losses(FORECASTS, model, loss) for model in models}, alpha=0.05)
        rows = joint.filter(test="model_confidence_set", loss=loss)
        assert dict(rows.select("model", "p_value").iter_rows()) == pytest.approx(dict(found.p_values))


def test_all_horizons_together_are_tested_model_by_model_against_the_rival() -> None:
    better = random_forecasts(7, signal=0.5).with_columns(horizon=pl.lit(5, pl.Int32))
    both = {1: random_forecasts(2, signal=0.5), 5: better}
    together = compare_jointly(panels(pl.concat(both.values())), 0.05).filter(pl.col("horizon").is_null())
    assert together.select("test", "model").rows() == [*product(HORIZON_TESTS, ["lstm", "naive", "ridge"])]
    assert (together["n"] == 240).all()
    lstm, zero = ({h: losses(rows, model, "squared") for h, rows in both.items()} for model in ("lstm", "zero"))
    shares = {horizon: 1 / values.mean() for horizon, values in zero.items()}
    average = average_superior_predictive_ability(lstm, zero, weights=shares)
    uniform = uniform_superior_predictive_ability(lstm, zero)
    found = together.filter(model="lstm")
    assert found["p_value"].to_list() == [average.p_value, uniform.p_value]
    for note, test in zip(found["note"], (average, uniform), strict=True):
        assert note.endswith(test.note)
    assert found["p_value"].max() < 0.05  # type: ignore[operator]
    assert together.filter(model="naive")["p_value"].min() > 0.95  # type: ignore[operator]


def test_outcomes_over_more_bars_do_not_weigh_more_in_the_average() -> None:
    scaled = LATER.with_columns(pl.col("y", "y_hat") * 100)
    one, other = (
        compare_jointly(panels(pl.concat([FORECASTS, rows])), 0.05).filter(pl.col("horizon").is_null())["p_value"]
        for rows in (LATER, scaled)
    )
    np.testing.assert_allclose(one, other, atol=1e-12)


def test_a_model_that_is_the_rival_at_one_horizon_has_rows_with_the_reason() -> None:
    idle = FORECASTS.with_columns(y_hat=pl.when(pl.col("model") == "ridge").then(0.0).otherwise("y_hat"))
    joint = compare_jointly(panels(pl.concat([idle, LATER])), 0.05).filter(pl.col("horizon").is_null(), model="ridge")
    assert joint["p_value"].is_null().all()
    assert joint["note"].to_list() == [
        "losses at horizon 1: model and baseline have the same: leave the horizon out"
    ] * len(HORIZON_TESTS)


def test_joint_tests_that_are_undefined_say_why() -> None:
    still = np.zeros(40)
    noise = np.random.default_rng(1).standard_normal(40)
    joint = compare_jointly(panels(forecast_table(noise, {("zero", None): still, ("naive", None): still})), 0.05)
    assert joint["p_value"].is_null().all()
    assert (joint["note"] != "").all()


def test_the_path_is_that_of_the_fluctuation_test_at_its_times_and_keeps_its_extreme() -> None:
    forecasts = random_forecasts(8, n=5000)
    path = fluctuation_paths(panels(forecasts)).filter(model="lstm")
    found = fluctuation(losses(forecasts, "lstm", "squared"), losses(forecasts, "zero", "squared"))
    assert path.height < 1200 < found.path.size
    assert path["statistic"].abs().max() == pytest.approx(abs(found.result.statistic), rel=1e-12)
    assert path["time"].is_sorted()
    assert (path["band"] == found.band).all()
    times = forecasts.filter(model="zero")["time"]
    assert path["time"][0] == times[int(found.centres[0])]
    assert path["time"][-1] == times[int(found.centres[-1])]
