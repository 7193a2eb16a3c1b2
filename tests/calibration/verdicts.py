"""How often the verdict on made-up forecasts says what it should: of one model, and of several at several horizons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from backtest.data.errors import RunError
from backtest.data.question import Question
from backtest.data.result_tables import SCORES, SEEDS, TESTS
from backtest.data.schema import FOLDS, FORECASTS
from backtest.evaluation.loss_panel import loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.robustness import P_VALUES, against_rival, without_each_fold
from backtest.significance.multi_horizon import (
    average_superior_predictive_ability,
    uniform_superior_predictive_ability,
)
from backtest.significance.resampling import Resampling
from backtest.significance.result import FloatArray
from backtest.significance.weights import known_variance
from backtest.verdict.rule import Evidence, judge
from tests.calibration.cases import CANDIDATE, CASES, COST, LOG_HAR, Forecasts
from tests.calibration.findings import LEVEL
from tests.calibration.many import LEAD
from tests.calibration.volatility import draw_variances, noisy, too_large, too_small
from tests.calibration.worlds import generator

START = datetime(2020, 1, 1, tzinfo=UTC)
SPANS = 5
"""Folds of the made-up forecasts."""

Drawn = Mapping[int, tuple[FloatArray, Forecasts]]
"""Outcomes (n,) and forecasts (n,) by model, by horizon."""


def count_verdicts(case: str, horizon: int, n: int, draws: int, block: int) -> dict[str, int]:
    """How many of so many samples of equally good models get each status; `block` is the seed."""
    found: Counter[str] = Counter()
    rng = generator("verdict", case, horizon, n, block)
    for _ in range(draws):
        evidence = evidence_on(CASES[case].question, _drawn(case, horizon, n, 0.0, rng))
        found[judge(evidence, candidates=(CANDIDATE,)).status] += 1
    return dict(found)


def judge_better(
    case: str, horizon: int, n: int, strength: float, draws: int, block: int
) -> list[tuple[float, float, bool]]:
    """Skill, smallest detectable skill and "better" or not in so many samples of a candidate that is better."""
    found = []
    rng = generator("better", case, horizon, n, repr(strength), block)
    for _ in range(draws):
        evidence = evidence_on(CASES[case].question, _drawn(case, horizon, n, strength, rng))
        (one,) = judge(evidence, candidates=(CANDIDATE,)).candidates
        if one.skill is None or one.detectable is None:
            raise RunError(f"{case}: expected a skill and a detectable one (got {one.reason})")
        found.append((one.skill, one.detectable, one.status == "better"))
    return found


HORIZONS = (1, 5, 22)
JUDGED = {"noisy": noisy, "too small": too_small}
"""The candidates of a run at several horizons, by how they err; the rival is too large."""

AVERAGE, UNIFORM = "Average SPA over horizons", "Uniform SPA over horizons"
FAMILY = "Verdict of any of two models at any horizon"
OVER_HORIZONS = (FAMILY, AVERAGE, UNIFORM)
REPS = 250


def count_over_horizons(proxy: str, n: int, draws: int, block: int) -> dict[str, int]:
    """How many of so many runs, all models equally good at all horizons, call one better, by whom; `block` is the seed.

    The verdict errs where it calls any model better at any horizon, the tests over horizons where they find the noisy
    model better than the rival.
    """
    counts = dict.fromkeys(OVER_HORIZONS, 0)
    rng = generator("horizons", proxy, n, block)
    for draw in range(draws):
        drawn = _equal_at_all_horizons(proxy, n, rng)
        evidence = evidence_on(LOG_HAR, drawn)
        counts[FAMILY] += judge(evidence, candidates=tuple(JUDGED)).status == "better"
        losses = [{each.horizon: each.loss(name) for each in evidence.panels} for name in ("noisy", "log_har")]
        resampling = Resampling(reps=REPS, seed=block * draws + draw)
        average = average_superior_predictive_ability(*losses, resampling=resampling)
        uniform = uniform_superior_predictive_ability(*losses, resampling=resampling)
        counts[AVERAGE] += average.p_value <= LEVEL
        counts[UNIFORM] += uniform.p_value <= LEVEL
    return counts


def _equal_at_all_horizons(proxy: str, n: int, rng: np.random.Generator) -> Drawn:
    """Forecasts of models that err alike at all horizons, each with the same cost."""
    logs = {name: errs(COST, n, rng) for name, errs in JUDGED.items()}
    logs |= {"log_har": too_large(COST, n, rng), "random_walk": noisy(COST, n, rng), "ewma": noisy(COST, n, rng)}
    return {
        horizon: (y, {name: mean * np.exp(error) for name, error in logs.items()})
        for horizon, (y, mean) in draw_variances(proxy, HORIZONS, n, rng).items()
    }


def _drawn(case: str, horizon: int, n: int, strength: float, rng: np.random.Generator) -> Drawn:
    """A sample of a case; where errors are weighted with LEAD outcomes before the first forecast."""
    about = CASES[case]
    return {horizon: about.draw(horizon, n + LEAD * about.question.weighted, strength, rng)}


def evidence_on(question: Question, drawn: Drawn) -> Evidence:
    """All that the rule reads of made-up forecasts: of TESTS the question's own, of SCORES that there are no seeds.

    Where errors are weighted, the first LEAD outcomes are what was known before.
    """
    forecasts, folds = tables(drawn, LEAD * question.weighted)
    panels = loss_panels(match_forecasts(forecasts, question), question)
    tests = [
        {"model": model, "horizon": panel.horizon, "loss": loss, "alternative": alternative, "p_value": found.get(name)}
        | {"skill": found.get("skill"), "n": panel.rival_loss().size}
        for panel in panels
        for model in panel.models
        if model not in question.references
        for found in [against_rival(panel, model)]
        for loss, names in zip(panel.primary_losses, P_VALUES, strict=False)
        for alternative, name in zip(("less", "greater"), names, strict=True)
    ]
    same = {"title": "", "of_skill": True, "asks": "", "note": "", **question.primary}
    table = pl.DataFrame([{**same, **row} for row in tests], schema=TESTS.dtypes)
    no_scores, no_seeds = (pl.DataFrame(schema=each.dtypes) for each in (SCORES, SEEDS))
    return Evidence(no_scores, table, folds, no_seeds, without_each_fold(panels), panels, question=question)


def tables(drawn: Drawn, lead: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """FORECASTS and FOLDS of made-up daily forecasts; with a `lead`, the variances known after so many outcomes."""
    n = next(iter(drawn.values()))[0].size - lead
    variances = {
        horizon: known_variance(y, horizon=horizon)[lead:] if lead else None for horizon, (y, _) in drawn.items()
    }
    fold = np.arange(n) * SPANS // n
    shared = pl.DataFrame({"fold": pl.Series(fold, dtype=pl.Int32)}).with_columns(
        time=pl.datetime_range(START, START + timedelta(days=n - 1), "1d", eager=True, time_unit="us"),
        symbol=pl.lit("WORLD"),
        seed=pl.lit(None, pl.Int32),
    )
    forecasts = pl.concat(
        shared.with_columns(
            horizon=pl.lit(horizon, pl.Int32),
            target_time=pl.col("time") + timedelta(days=1 + horizon),
            model=pl.lit(model),
            y=pl.Series(y[lead:]),
            y_hat=pl.Series(y_hat[lead:]),
            variance=pl.Series(variances[horizon], dtype=pl.Float64) if lead else pl.lit(None, pl.Float64),
        )
        for horizon, (y, fits) in drawn.items()
        for model, y_hat in fits.items()
    )
    constants = {name: pl.lit(0).cast(dtype) for name, dtype in FOLDS.dtypes.items()}
    folds = pl.DataFrame({"fold": range(SPANS), "n_test": np.bincount(fold)}).with_columns(fit_fold="fold")
    return forecasts.select(FORECASTS.all_names), folds.with_columns(
        value.alias(name) for name, value in constants.items() if name not in folds.columns
    ).select(pl.col(name).cast(dtype) for name, dtype in FOLDS.dtypes.items())
