"""Robustness: the primary test of each seed alone, and without each fold."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import polars as pl

from backtest.data import result_tables, schema
from backtest.data.errors import UndefinedTest
from backtest.data.names import BEST
from backtest.evaluation.loss_panel import LossPanel
from backtest.significance.best_baseline import best_of_baselines
from backtest.significance.mean_tests import mean_test
from backtest.significance.multiple_testing import holm
from backtest.significance.primary import PrimaryTest
from backtest.significance.result import Alternative, FloatArray

P_VALUES = ("p_value", "p_worse"), ("p_weighted", "p_weighted_worse")
"""The columns of SEEDS and DROPPED for each of `LossPanel.primary_losses`, for "better" and for "worse"."""


def by_seed(panels: Sequence[LossPanel]) -> pl.DataFrame:
    """SEEDS: the primary test of each seed alone.

    The variance of one seed's mean loss difference is that over time of what the seeds have in common, C, plus that of
    the seeds' means around theirs (law of total variance). The latter is the seeds' sample variance. With I what time
    makes of one seed's own part, a seed has the squared standard error C + I and the mean of k seeds C + I / k, so that
    C = of the mean - (of a seed - of the mean) / (k - 1). Null where there is one seed or no movement.
    """
    rows: list[dict[str, object]] = []
    models = {model for panel in panels for model, _ in panel.seed_y_hat if model not in panel.question.references}
    for model in sorted(models):
        for panel in panels:
            variances = _variances(panel, model)
            for seed in panel.seeds(model):
                about = {"model": model, "seed": seed, "horizon": panel.horizon}
                rows.append({**about, **against_rival(panel, model, seed=seed), **variances})
    return schema.check(pl.DataFrame(rows, schema=result_tables.SEEDS.dtypes), result_tables.SEEDS)


def without_each_fold(panels: Sequence[LossPanel]) -> pl.DataFrame:
    """DROPPED: the primary test of every model but the references on all folds but one, for each fold in turn."""
    rows: list[dict[str, object]] = []
    for panel in panels:
        for fold in panel.folds if len(panel.folds) > 1 else []:
            rest = panel.part(panel.fold != fold)
            rows += [
                {"model": model, "horizon": panel.horizon, "fold": fold, **against_rival(rest, model)}
                for model in panel.models
                if model not in panel.question.references
            ]
    return schema.check(pl.DataFrame(rows, schema=result_tables.DROPPED.dtypes), result_tables.DROPPED)


def skill_of(loss_model: FloatArray, loss_baseline: FloatArray) -> dict[str, float]:
    """`skill` of losses (n,): 1 - the ratio of their means; nothing where the baseline makes no error."""
    scale = float(loss_baseline.mean())
    return {"skill": 1 - float(loss_model.mean()) / scale} if scale > 0 else {}


def evidence_on(
    loss_model: FloatArray,
    loss_baseline: FloatArray,
    horizon: int,
    primary: PrimaryTest,
    alternative: Alternative = "two-sided",
) -> dict[str, Any]:
    """Interval of the skill and p-value of the primary test as far as they are defined, and why they are not."""
    try:
        primary.require(loss_model.size, horizon)
    except UndefinedTest as too_few:
        return {"note": str(too_few)}
    found: dict[str, Any] = {}
    reasons = []
    try:
        skill = primary.interval(loss_model, loss_baseline, horizon=horizon)
        found |= {"skill_low": skill.low, "skill_high": skill.high}
    except UndefinedTest as undefined:
        reasons.append(str(undefined))
    try:
        found["p_value"] = primary.run(loss_model, loss_baseline, horizon=horizon, alternative=alternative).p_value
    except UndefinedTest as undefined:
        reasons.append(str(undefined))
    return {**found, "note": "; ".join(dict.fromkeys(reasons))}


def adjust_by_holm(rows: Sequence[dict[str, Any]], references: Sequence[str]) -> None:
    """Add `p_adjusted` to the rows with a `p_value`, one family for Holm but without the models of `references`."""
    family = [row for row in rows if "p_value" in row and row["model"] not in references]
    for row, p_adjusted in zip(family, holm([row["p_value"] for row in family]), strict=True):
        row["p_adjusted"] = p_adjusted


def against_rival(panel: LossPanel, model: str, *, seed: int | None = None) -> dict[str, float]:
    """`skill` against the rival, and the p-values of the primary test for each of its losses, as far as defined."""
    found = skill_of(panel.loss(model, seed=seed), panel.rival_loss())
    for loss, names in zip(panel.primary_losses, P_VALUES, strict=False):
        with suppress(UndefinedTest):
            found |= zip(names, both_sides(panel, model, loss, seed=seed), strict=True)
    return found


def both_sides(panel: LossPanel, model: str, loss: str, *, seed: int | None = None) -> tuple[float, float]:
    """The p-values of the primary test for "better" and for "worse" than the rival; raises as the test does."""
    own, rivals = panel.loss(model, loss, seed=seed), panel.rival_losses(loss)
    if panel.question.rival == BEST:
        found = best_of_baselines(own, rivals, horizon=panel.horizon, test=panel.primary_test.run)
        return found.better.p_value, found.worse.p_value
    (rival,) = rivals.values()
    return panel.primary_test.both_sides(own, rival, panel.horizon)


def _variances(panel: LossPanel, model: str) -> dict[str, float]:
    """Variance of one seed's mean loss difference, from time and from initialisation, as far as it is defined."""
    differences: list[FloatArray] = [panel.loss(model, seed=seed) - panel.rival_loss() for seed in panel.seeds(model)]
    if len(differences) < 2:
        return {}
    try:
        tests = [mean_test(each, horizon=panel.horizon) for each in (np.mean(differences, axis=0), *differences)]
    except UndefinedTest:
        return {}
    of_mean, *of_seeds = (test.standard_error**2 for test in tests)
    own = max(0.0, float(np.mean(of_seeds)) - of_mean) / (len(differences) - 1)
    seed_variance = float(np.var([test.mean for test in tests[1:]], ddof=1))
    return {"time_variance": max(0.0, of_mean - own), "seed_variance": seed_variance}
