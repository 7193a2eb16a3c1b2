"""Level 5: where nothing can be known, the pipeline must show no skill. What shows some was told the answer.

Squared errors are a poor counterexample here: a few bars of fat-tailed returns make all of their variance, so that even
forecasts of what came look like luck. Two tests without tails are made instead, the smaller p-value doubled: are
forecasts closer to what came than zero is, more often than not; and do their ranks go with those of what came? On a
target that lies as often above zero as below, whatever was forecast, neither can be. A rejection is believed only if it
comes again in a second draw of the same world.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.stats import rankdata

from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.leak_types import REFUSED, SKILLED
from backtest.audit.placebo_data import PLACEBOS
from backtest.audit.refit import Refit
from backtest.data.errors import UndefinedTest
from backtest.data.names import PRIMARY, REFERENCES
from backtest.data.records.audit import Leak
from backtest.evaluation.loss_panel import LossPanel, loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.robustness import against_zero
from backtest.models import MODELS
from backtest.significance.mean_tests import mean_test
from backtest.significance.multiple_testing import holm
from backtest.significance.result import FloatArray, mean_per_time
from backtest.walk.tasks import Task

ALPHA = 0.001


@dataclass(frozen=True, slots=True)
class Shown:
    """What a model showed in a world: skill against zero, and how likely it is to know that much by chance."""

    world: str
    model: str
    skill: float
    p_value: float


def placebo(subject: AuditedWalk, refit: Refit, seed: int = 0) -> tuple[list[Leak], int]:
    """Walk through worlds without anything to know; return what leaks, and how many models were asked."""
    models = [model for model in subject.config.all_models if model not in subject.leaking]
    shown = [one for world in PLACEBOS for one in walk(subject, refit, world, models, seed)]
    adjusted = holm([one.p_value for one in shown])
    leaks = [REFUSED.leak(f"model {model}", error=error) for model, error in refit.refused.items()]
    for one in (one for one, p_adjusted in zip(shown, adjusted, strict=True) if p_adjusted <= ALPHA):
        again = walk(subject, refit, one.world, [one.model], seed + 1)
        if any(other.p_value <= ALPHA for other in again):
            p_value, skill = f"{one.p_value:.1g}", f"{one.skill:+.2%}"
            leaks.append(SKILLED.leak(f"model {one.model}", skill=skill, world=one.world, p=p_value))
    return leaks, len({one.model for one in shown})


def walk(subject: AuditedWalk, refit: Refit, world: str, models: Sequence[str], seed: int) -> list[Shown]:
    """What each of some models shows in one draw of a world, cheap ones in their folds and networks in theirs."""
    random = np.random.default_rng([seed, list(PLACEBOS).index(world)])
    features = refit.table(lambda: PLACEBOS[world](subject, random), world)
    if features is None:
        return []
    prepared = replace(subject.prepared, features=features, rows=subject.rows(features))
    other = replace(subject, prepared=prepared)
    networks = [model for model in models if MODELS[model].seeded]
    shown = []
    for group in (networks, [model for model in models if model not in networks]):
        tasks = {model: refit.sample.of(subject, model) for model in group}
        folds = {task.fold.index for own in tasks.values() for task in own}
        for model in REFERENCES:
            tasks[model] = [task for task in subject.tasks(model) if task.fold.index in folds]
        found = _tested(other, tasks, refit, world) if group else {}
        shown += [Shown(world, model, one["skill"], one["p_value"]) for model, one in found.items() if model in group]
    return shown


def _tested(
    subject: AuditedWalk, tasks: Mapping[str, Sequence[Task]], refit: Refit, world: str
) -> dict[str, dict[str, float]]:
    """Fit, gather and test the tasks of some models, but for those that cannot be fitted."""
    kept: list[Task] = []
    forecasts: dict[str, pl.DataFrame] = {}
    for own in tasks.values():
        fitted = {task.key: refit.attempt(subject, task, subject.prepared.rows, world) for task in own}
        found = {key: one.forecasts for key, one in fitted.items() if one}
        if len(found) == len(own):
            forecasts |= found
            kept += own
    if not {*REFERENCES} <= {task.model for task in kept}:
        return {}
    prepared = replace(subject.prepared, tasks=tuple(kept))
    (panel,) = loss_panels(match_forecasts(subject.gather(prepared, lambda task: forecasts[task.key])))
    models = [model for model in panel.models if model != PRIMARY["baseline"]]
    return {
        model: {"skill": 0.0, **against_zero(panel, model), "p_value": sign_rank_p_value(panel, model)}
        for model in models
    }


def sign_rank_p_value(panel: LossPanel, model: str) -> float:
    """P-value of two tests of whether a model knows anything of what came: its nearness, and its ranks.

    Nearness is the sign of |y| - |y - forecast|, ranks go together by their product (Spearman 1904); the mean of each
    over time is tested by `mean_test`, which allows for overlap, and the smaller p-value is doubled (Bonferroni).
    """
    y, forecast = panel.y, panel.y_hat[model]
    nearness = np.sign(np.abs(y) - np.abs(y - forecast))
    ranks = [rankdata(values) / len(y) - (len(y) + 1) / (2 * len(y)) for values in (y, forecast)]
    found = [
        _positive(mean_per_time(series, panel.instant), panel.horizon) for series in (nearness, ranks[0] * ranks[1])
    ]
    return min(1.0, 2 * min(found))


def _positive(series: FloatArray, horizon: int) -> float:
    """P-value of a mean above zero; of a series that does not vary, that of so many equal coins."""
    try:
        return mean_test(series, horizon=horizon, alternative="greater").p_value
    except UndefinedTest:
        return 0.5 ** (len(series) / horizon) if len(series) and series[0] > 0 else 1.0
