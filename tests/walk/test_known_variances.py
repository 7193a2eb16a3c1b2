"""A walk keeps the variance that was known at each forecast, and its verdict rests on errors weighted by it too."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from backtest.data.losses import WEIGHTED
from backtest.data.result_tables import TESTS
from backtest.evaluation.evaluate import EvaluationSettings, evaluate
from backtest.evaluation.strategies import CostSettings
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.weights import known_variance
from backtest.verdict.record import evidence_of
from backtest.verdict.rule import judge
from backtest.walk.engine import WalkTables, walk_in_memory
from backtest.walk.plan import WalkPlan
from tests.support.small_run import small

PLAN = small(models=["zero", "naive", "mean", "ridge"], target={"horizons": [1, 3]})


@pytest.fixture(scope="module")
def walked() -> WalkTables:
    return walk_in_memory(PLAN)


def variances_of(plan: WalkPlan, horizon: int) -> pl.DataFrame:
    """The variance at each row of FEATURES, by the hour of its bar."""
    outcomes = plan.features.select("time", y=plan.config.resolved_question.outcomes[horizon])
    known = known_variance(outcomes["y"].to_numpy(), horizon=horizon, time_of_day=outcomes["time"].dt.hour().to_numpy())
    return outcomes.select("time", variance=pl.Series(known))


def test_every_forecast_has_the_variance_that_was_known(walked: WalkTables) -> None:
    for horizon in (1, 3):
        rows = walked.forecasts.filter(model="ridge", horizon=horizon)
        expected = rows.select("time").join(variances_of(PLAN, horizon), on="time", how="left")
        np.testing.assert_array_equal(rows["variance"], expected["variance"])
    assert walked.forecasts["variance"].null_count() == 0


def test_the_test_on_weighted_errors_is_that_of_the_losses(walked: WalkTables) -> None:
    settings = EvaluationSettings(0.05, "max-t", CostSettings(), timedelta(hours=1), always_open=True)
    tests = evaluate(walked.forecasts, walked.folds, walked.fits, None, settings).tables[TESTS.file]
    ridge = walked.forecasts.filter(model="ridge", horizon=3).sort("time")
    y, y_hat, variance = (ridge[name].to_numpy() for name in ("y", "y_hat", "variance"))
    expected = diebold_mariano((y - y_hat) ** 2 / variance, y**2 / variance, horizon=3, alternative="less")
    about = {"test": "diebold_mariano", "loss": WEIGHTED, "model": "ridge", "baseline": "zero", "horizon": 3}
    (row,) = tests.filter(pl.col("fold").is_null(), alternative="less", **about).to_dicts()
    assert (row["statistic"], row["p_value"]) == (expected.statistic, expected.p_value)
    assert row["skill"] == pytest.approx(1 - np.mean((y - y_hat) ** 2 / variance) / np.mean(y**2 / variance))


def test_the_verdict_counts_both_tests_and_says_which_found_it(walked: WalkTables) -> None:
    verdict = judge(evidence_of(walked.forecasts, walked.folds), candidates=["ridge"])
    assert verdict.comparisons == 2 * 2 * 2  # mean and ridge, two horizons, two losses
    for candidate in verdict.candidates:
        assert candidate.weighted is not None
        assert candidate.detectable_following is not None
        claimed = {"squared": candidate.p_adjusted, WEIGHTED: candidate.weighted.p_adjusted}
        found = tuple(loss for loss, p in claimed.items() if p is not None and p <= verdict.alpha)
        assert candidate.found_by == (found if candidate.status == "better" else ())


def test_without_variances_the_verdict_rests_on_plain_errors(walked: WalkTables) -> None:
    verdict = judge(evidence_of(walked.forecasts.drop("variance"), walked.folds), candidates=["ridge"])
    assert verdict.comparisons == 2 * 2
    assert [candidate.weighted for candidate in verdict.candidates] == [None, None]


def test_other_targets_have_no_such_variances() -> None:
    plan = small(models=["base_rate", "coin", "mean"], target={"kind": "direction"}, data={"source": "synthetic:n=900"})
    assert walk_in_memory(plan).forecasts["variance"].null_count() == walk_in_memory(plan).forecasts.height
