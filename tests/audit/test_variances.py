"""The audit of walks over variances: planted leaks are found at their level, and true volatility forecasts are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest

from backtest.audit.audited_walk import AuditedWalk, Refit
from backtest.audit.levels import EXTENTS, audit_walk
from backtest.audit.placebo import check_placebos, run_placebo, sign_rank_p_value
from backtest.audit.placebo_data import PLACEBOS
from backtest.data.dataset import Dataset
from backtest.data.records.audit import Level, Subject
from backtest.evaluation.loss_panel import loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.features import FEATURES, feature
from backtest.walk.config_file import LoadedConfig, build
from backtest.walk.engine import walk_in_memory
from backtest.walk.plan import WalkPlan, plan_walk
from backtest.walk.tables import collect_forecasts
from backtest.walk.tasks import Task
from tests.support.planting import RETURN
from tests.support.selection import quick_or_slow

ALPHA, BETA, FREEDOM = 0.08, 0.90, 6
SQUARE = RETURN.pow(2)
MODELS = ("har", "ridge")


def garch_bars(n: int, seed: int) -> pl.DataFrame:
    """Daily bars (n rows) whose returns are GARCH(1,1): their shocks know nothing of any feature."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_t(FREEDOM, n) * ((FREEDOM - 2) / FREEDOM) ** 0.5
    returns, variance = np.empty(n), 1.0
    for step, shock in enumerate(shocks):
        returns[step] = 0.01 * variance**0.5 * shock
        variance = 1 - ALPHA - BETA + (ALPHA * shock**2 + BETA) * variance
    close = 100 * np.exp(np.cumsum(returns))
    opened, beyond = np.concatenate([[100.0], close[:-1]]), np.exp(np.abs(rng.normal(0, 0.3, n) * returns))
    start = datetime(2000, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "time": [start + timedelta(days=day) for day in range(n)],
            "open": opened,
            "high": np.maximum(opened, close) * beyond,
            "low": np.minimum(opened, close) / beyond,
            "close": close,
            "volume": np.full(n, 1000.0),
        }
    )


def plan_of(seed: int, horizon: int = 1, n: int = 1200, **settings: Any) -> WalkPlan:
    """A walk over the variances of GARCH bars."""
    tree = {
        "name": "variances",
        "executor": "serial",
        "models": list(MODELS),
        "features": ["log_variance_1", "log_variance_5", "log_variance_22"],
        "folds": {"first_train": 400, "validation": 100, "test": 150},
        "net": {"window": 24, "har_lags": (1, 5, 22)},
        "target": {"kind": "log_variance", "horizon": horizon},
        "data": {"source": "given"},
    }
    return plan_walk(
        LoadedConfig(build({**tree, **settings}, where="here"), None), Dataset.from_frame(garch_bars(n, seed))
    )


def p_values(seeds: range, horizon: int) -> list[float]:
    """P-values of knowing nothing, of all models on all placebos of so many walks."""
    found = []
    for seed in seeds:
        walk, refit = AuditedWalk.of(plan_of(seed, horizon)), Refit(EXTENTS["full"].sample)
        found += [one.p_value for placebo in PLACEBOS for one in run_placebo(walk, refit, placebo, MODELS, seed)]
        assert not refit.notes
    return found


def test_a_true_forecast_of_volatility_is_no_leak() -> None:
    plan = plan_of(3, n=2000)
    walk = AuditedWalk.of(plan)
    question = plan.config.resolved_question
    (panel,) = loss_panels(match_forecasts(walk_in_memory(plan).forecasts, question), question)
    assert sign_rank_p_value(panel, "har", signs=False) < 1e-4, "the case must be one of true skill"
    assert check_placebos(walk, Refit(EXTENTS["full"].sample)) == ([], 4)


@pytest.mark.parametrize("horizon", quick_or_slow([1, 5], ["5"]))
def test_placebos_of_variances_keep_their_size(horizon: int) -> None:
    """Two models, two placebos, six walks: 24 p-values, of which 1.2 lie below 5 %."""
    assert sum(p_value <= 0.05 for p_value in p_values(range(6), horizon)) <= 5


@pytest.mark.slow
@pytest.mark.parametrize("horizon", [1, 5])
def test_no_false_alarms_in_fifty_walks_over_variances(horizon: int) -> None:
    alarms = [
        check_placebos(AuditedWalk.of(plan_of(seed, horizon)), Refit(EXTENTS["full"].sample))[0] for seed in range(50)
    ]
    assert sum(map(bool, alarms)) <= 5  # 5 % and two Monte-Carlo errors
    assert (
        sum(p_value <= 0.05 for p_value in p_values(range(50), horizon)) <= 0.05 * 200 + 2 * (0.05 * 0.95 * 200) ** 0.5
    )


LEAKS: dict[str, tuple[int, pl.Expr]] = {
    "squared return of the next bar": (1, SQUARE.shift(-1)),
    "centred rolling variance": (1, SQUARE.rolling_mean(5, center=True)),
    "variance in units of that of all bars": (1, SQUARE / SQUARE.mean()),
    "rank among all variances": (1, SQUARE.rank()),
    "exponential average of the reversed series": (1, SQUARE.fill_null(0.0).reverse().ewm_mean(span=10).reverse()),
    "a month of variances, declared as a week": (2, SQUARE.rolling_mean(22)),
}
"""Features that leak, and the level that finds each; all declare a look-back of five bars and the return's."""


@pytest.mark.parametrize("name", LEAKS)
def test_leaks_in_features_of_volatility_are_found_at_their_level(name: str) -> None:
    number, made = LEAKS[name]
    with patch.dict(FEATURES):
        feature(name="planted", lookback=6)(lambda: made)
        walk = AuditedWalk.of(plan_of(0, n=800, models=["har"], features=["planted"]))
        found: list[Level] = []
        audit_walk(walk, "quick", watch=found.append)
    first = next(level for level in found if level.leaks)
    assert first.number == number
    assert {leak.subject for leak in first.leaks} == {Subject("feature", "planted")}


def calibrated(forecasts: pl.DataFrame) -> pl.DataFrame:
    """The forecasts of har replaced by the mean outcome of those of like size in the same test span."""
    order = pl.col("y_hat").rank("ordinal").over("model", "fold") * 30 // 151
    mean = pl.col("y").mean().over("model", "fold", order)
    return forecasts.with_columns(y_hat=pl.when(pl.col("model") == "har").then(mean).otherwise("y_hat"))


def shifted(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Every forecast is matched with the outcome of the bar before, which the random walk repeats."""
    return forecasts.with_columns(y=pl.col("y").shift(1, fill_value=1e-4).over("model", "seed", "symbol"))


@pytest.mark.parametrize(("change", "model"), [(calibrated, "har"), (shifted, "random_walk")])
def test_outcomes_that_reach_the_forecasts_of_a_variance_are_found_by_the_placebo(
    change: Callable[[pl.DataFrame], pl.DataFrame], model: str
) -> None:
    def gather(plan: WalkPlan, forecasts_of: Callable[[Task], pl.DataFrame]) -> pl.DataFrame:
        return change(collect_forecasts(plan, forecasts_of))

    walk = replace(AuditedWalk.of(plan_of(1)), gather=gather)
    leaks, _ = check_placebos(walk, Refit(EXTENTS["full"].sample))
    assert Subject("model", model) in {leak.subject for leak in leaks}
    assert {leak.code for leak in leaks} == {"skill_on_placebo"}
