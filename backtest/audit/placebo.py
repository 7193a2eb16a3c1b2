"""Level 5: where nothing can be known, the pipeline must show no skill. What shows some was given the answer.

Placebos are made from the true bars: targets in another order, and a random walk. Squared errors say little here: a few
bars of fat-tailed returns make up all of their variance, so that even forecasts of realised values look like luck. Two
tests without tails are made instead, the smaller p-value doubled: are forecasts closer to the realised value than zero
is, more often than not; and do their ranks agree with its ranks? On a target that lies as often above zero as below,
neither can be. A rejection counts only if it is repeated on a second draw of the same placebo.

For directions zero is a half: the first test then counts right calls. A variance has no sign, and a random walk with
GARCH noise one that can be forecast. There targets keep their signs, the bars of the random walk are the true ones in
another order, and the ranks alone are tested. Of a series, the random walk has its changes in another order and with
random signs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.stats import rankdata

from backtest.audit.audited_walk import AuditedWalk, Refit
from backtest.audit.placebo_data import PLACEBOS, has_no_sign
from backtest.data.errors import UndefinedTest
from backtest.data.names import BEST
from backtest.data.question import Question
from backtest.data.records.audit import Leak, Subject, Trial
from backtest.evaluation.loss_panel import LossPanel, loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.robustness import against_rival
from backtest.significance.mean_tests import mean_test
from backtest.significance.multiple_testing import holm
from backtest.significance.result import mean_per_time
from backtest.walk.tasks import Task

ALPHA = 0.001


@dataclass(frozen=True, slots=True)
class PlaceboResult:
    """What a model showed on a placebo: skill against the rival, and the p-value of knowing nothing.

    Of several horizons the one with the smallest p-value, times their number (Bonferroni).
    """

    placebo: Trial
    model: str
    skill: float
    p_value: float


def check_placebos(walk: AuditedWalk, refit: Refit, seed: int = 0) -> tuple[list[Leak], int]:
    """Run the walk on placebos; return the leaks, and how many models were tested."""
    models = [model for model in walk.config.all_models if model not in walk.leaking]
    results = [one for placebo in PLACEBOS for one in run_placebo(walk, refit, placebo, models, seed)]
    adjusted = holm([one.p_value for one in results])
    leaks = [Leak("refused", Subject("model", model), error=error) for model, error in refit.refused.items()]
    for one in (one for one, p_adjusted in zip(results, adjusted, strict=True) if p_adjusted <= ALPHA):
        again = run_placebo(walk, refit, one.placebo, [one.model], seed + 1)
        if any(other.p_value <= ALPHA for other in again):
            numbers = {"skill": one.skill, "p_value": one.p_value}
            leaks.append(Leak("skill_on_placebo", Subject("model", one.model), None, numbers, (one.placebo,)))
    return leaks, len({one.model for one in results})


def run_placebo(
    walk: AuditedWalk, refit: Refit, placebo: Trial, models: Sequence[str], seed: int
) -> list[PlaceboResult]:
    """Results of some models on one draw of a placebo, each on the folds of its sample."""
    random = np.random.default_rng([seed, list(PLACEBOS).index(placebo)])
    features = refit.table(lambda: PLACEBOS[placebo](walk, random), placebo)
    if features is None:
        return []
    other = replace(walk, plan=replace(walk.plan, features=features, rows=walk.rows(features)))
    networks = [model for model in models if walk.config.entry(model).model.seeded]
    results = []
    for group in (networks, [model for model in models if model not in networks]):
        tasks = {model: refit.sample.of(walk, model) for model in group}
        folds = {task.fold.index for own in tasks.values() for task in own}
        for model in question_of(walk).references:
            tasks[model] = [task for task in walk.tasks(model) if task.fold.index in folds]
        found = _test(other, tasks, refit, placebo) if group else []
        results += [one for one in found if one.model in group]
    return results


def question_of(walk: AuditedWalk) -> Question:
    """The question that skills on a placebo answer: that of the walk, against one rival.

    Of the best baseline it would need every one, and a single one that cannot be fitted would hide all others' leaks.
    """
    question = walk.config.resolved_question
    if question.rival != BEST:
        return question
    return replace(question, rival=question.about.rival, baselines=())


def _test(walk: AuditedWalk, tasks: Mapping[str, Sequence[Task]], refit: Refit, placebo: Trial) -> list[PlaceboResult]:
    """Fit, gather and test the tasks of some models, except those that cannot be fitted."""
    kept: list[Task] = []
    forecasts: dict[str, pl.DataFrame] = {}
    for own in tasks.values():
        fitted = {task.key: refit.attempt(walk, task, walk.plan.rows, placebo) for task in own}
        found = {key: one.forecasts for key, one in fitted.items() if one}
        if len(found) == len(own):
            forecasts |= found
            kept += own
    plan, question = replace(walk.plan, tasks=tuple(kept)), question_of(walk)
    if not {*question.references} <= {task.model for task in kept}:
        return []
    panels = loss_panels(match_forecasts(walk.gather(plan, lambda task: forecasts[task.key]), question), question)
    results = []
    for model in (name for name in panels[0].models if name != panels[0].rival):
        p_values = [sign_rank_p_value(panel, model, signs=not has_no_sign(walk)) for panel in panels]
        first = int(np.argmin(p_values))
        skill, p_value = against_rival(panels[first], model).get("skill", 0.0), len(panels) * p_values[first]
        results.append(PlaceboResult(placebo, model, skill, min(1.0, p_value)))
    return results


def sign_rank_p_value(panel: LossPanel, model: str, *, signs: bool = True) -> float:
    """P-value of the hypothesis that a model knows nothing of the realised values, by signs and by ranks.

    The signs are those of |y| - |y - forecast|, less the neutral outcome; the ranks are multiplied (Spearman 1904).
    The mean of each over time is tested by `mean_test`, which allows for overlap, and the smaller p-value is doubled
    (Bonferroni). Without `signs`, as of variances, the ranks decide alone.
    """
    centre = panel.question.about.neutral or 0.0
    y, forecast = panel.y - centre, panel.y_hat[model] - centre
    nearness = np.sign(np.abs(y) - np.abs(y - forecast))
    ranks = [rankdata(values) / len(y) - (len(y) + 1) / (2 * len(y)) for values in (y, forecast)]
    p_values = []
    for values in (nearness, ranks[0] * ranks[1])[0 if signs else 1 :]:
        series = mean_per_time(values, panel.instant)
        try:
            p_values.append(mean_test(series, horizon=panel.horizon, alternative="greater").p_value)
        except UndefinedTest:  # a series that does not vary: the p-value of so many equal coins
            positive = len(series) and series[0] > 0
            p_values.append(0.5 ** (len(series) / panel.horizon) if positive else 1.0)
    return min(1.0, len(p_values) * min(p_values))
