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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata

from backtest.audit.audited_walk import AuditedWalk, Refit
from backtest.data.errors import UndefinedTest
from backtest.data.names import BEST
from backtest.data.question import Question
from backtest.data.reading.checks import AMOUNTS
from backtest.data.reading.formats import PRICES
from backtest.data.records.audit import Leak, Subject, Trial
from backtest.data.targets import target_of
from backtest.evaluation.loss_panel import LossPanel, loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.robustness import against_rival
from backtest.models import MODELS
from backtest.models.windows import Floats
from backtest.significance.mean_tests import mean_test
from backtest.significance.multiple_testing import holm
from backtest.significance.result import mean_per_time
from backtest.walk.tasks import Task

ALPHA = 0.001

BLOCK = 20
"""Targets that stay together, at least; four horizons where that is more, because they overlap."""

MAX_PERSISTENCE, MIN_FREEDOM = 0.999, 2.1
"""Bounds on what is estimated from the true returns, so that the simulated ones have a variance."""

TRADED = ("symbol", "time", *PRICES, *AMOUNTS)
"""Columns of bars; what else there is, such as a realised variance, is measured in the bar."""

Placebo = Callable[[AuditedWalk, np.random.Generator], pl.DataFrame]


def shuffled_targets(walk: AuditedWalk, rng: np.random.Generator) -> pl.DataFrame:
    """FEATURES of the true bars, with each symbol's targets shuffled in blocks, less a median that can be known.

    Directions are turned around a half, so that a block's ups become downs: a fair coin. Variances are shuffled alone:
    they have neither sign nor median to be known.
    """
    neutral, size = target_of(walk.config.target.kind).neutral, max(BLOCK, 4 * walk.config.target.longest)
    parts = []
    for part in walk.plan.features.partition_by("symbol", maintain_order=True):
        shuffled = []
        for name in walk.targets.values():
            target = part[name].to_numpy().copy()
            known = np.isfinite(target)
            if neutral is None:
                target[known] = _shuffle(target[known], size, rng, signs=(1,))
            elif known.any():
                middle = neutral or np.median(target[known])
                target[known] = neutral + _shuffle(target[known] - middle, size, rng, signs=(-1, 1))
            shuffled.append(pl.Series(name, target, nan_to_null=True))
        parts.append(part.with_columns(shuffled))
    return pl.concat(parts)


def random_walk(walk: AuditedWalk, rng: np.random.Generator) -> pl.DataFrame:
    """FEATURES of bars whose log returns are GARCH(1,1) noise, with the persistence and tails of the true ones.

    Bars keep their times, volumes and how far their extremes lie beyond open and close. For variances the bars are the
    true ones in a random order, so that no variance tells of the next. A column of bars or of an external series that
    is forecast is made anew too: variances in a random order, a level as a random walk.
    """
    target = target_of(walk.config.target.kind)
    simulate = _shuffle_prices if has_no_sign(walk) else _simulate_prices
    parts = [simulate(part, rng) for part in walk.bars.partition_by("symbol", maintain_order=True)]
    external = dict(walk.external)
    for read in target.reads:
        series, _, column = read.rpartition(".")
        if target.bar_change and not series and read != "close":
            parts = [part.with_columns(_wander(part[read], rng)) for part in parts]
        elif series:
            frames = external[series].partition_by(
                *(name for name in ("symbol",) if name in external[series].columns), maintain_order=True
            )
            again = _wander if target.bar_change else _shuffled
            external[series] = pl.concat(frame.with_columns(again(frame[column], rng)) for frame in frames)
    return walk.features(pl.concat(parts), external)


PLACEBOS: dict[Trial, Placebo] = {"shuffled_targets": shuffled_targets, "random_walk": random_walk}


def has_no_sign(walk: AuditedWalk) -> bool:
    """Whether the outcomes of a walk have no sign, as variances have none."""
    return target_of(walk.config.target.kind).neutral is None


def _shuffle(values: Floats, size: int, rng: np.random.Generator, signs: Sequence[int]) -> Floats:
    """The same values (n,), in blocks of `size` in a random order, with random `signs` and a random first border.

    No hour of the day keeps a mean.
    """
    turned = np.roll(values, int(rng.integers(size)))
    blocks = np.split(turned, np.arange(size, len(turned), size))
    return np.concatenate([blocks[place] * rng.choice(signs) for place in rng.permutation(len(blocks))])


def _wander(levels: pl.Series, rng: np.random.Generator) -> pl.Series:
    """A random walk of the same changes in a random order and with random signs; above 0 where all levels are."""
    known = levels.is_not_null().to_numpy()
    path = levels.drop_nulls().cast(pl.Float64).to_numpy()
    positive = len(path) and path.min() > 0
    steps = rng.permutation(np.diff(np.log(path) if positive else path))
    moved = np.concatenate([[0.0], np.cumsum(steps * rng.choice((-1, 1), len(steps)))])[: len(path)]
    walked = np.full(len(levels), np.nan)
    walked[known] = path[:1] * np.exp(moved) if positive else path[:1] + moved
    return pl.Series(levels.name, walked, nan_to_null=True)


def _shuffled(values: pl.Series, rng: np.random.Generator) -> pl.Series:
    """The same values in a random order."""
    return values.gather(rng.permutation(len(values)))


def _simulate_prices(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Bars of one symbol with simulated prices, if they have any."""
    if "close" not in bars.columns:
        return bars
    noise = _simulate_garch(np.diff(np.log(bars["close"].to_numpy())), rng)
    return _with_returns(bars, noise, np.arange(bars.height))


def _shuffle_prices(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Bars of one symbol with its log returns, the extremes of their bars and their measures, in a random order."""
    if "close" not in bars.columns:
        order = rng.permutation(bars.height)
        return bars.with_columns(bars[name].gather(order) for name in bars.columns if name not in TRADED)
    returns = np.diff(np.log(bars["close"].to_numpy()))
    order = rng.permutation(len(returns))
    places = np.concatenate([[0], order + 1])
    shuffled = _with_returns(bars, returns[order], places)
    return shuffled.with_columns(bars[name].gather(places) for name in bars.columns if name not in TRADED)


def _with_returns(bars: pl.DataFrame, returns: Floats, order: NDArray[np.int64]) -> pl.DataFrame:
    """Bars with other log returns (n - 1,), their extremes as far beyond open and close as in the bars `order` (n,)."""
    walk = bars["close"][0] * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    opened = np.concatenate([bars["open"].to_numpy()[:1], walk[:-1]])
    beyond = bars.select(
        up=pl.col("high") / pl.max_horizontal("open", "close"), down=pl.col("low") / pl.min_horizontal("open", "close")
    )
    high = np.maximum(opened, walk) * beyond["up"].to_numpy()[order]
    low = np.minimum(opened, walk) * beyond["down"].to_numpy()[order]
    return bars.with_columns(open=pl.Series(opened), high=pl.Series(high), low=pl.Series(low), close=pl.Series(walk))


def _simulate_garch(returns: Floats, rng: np.random.Generator) -> Floats:
    """Noise (n,) with the variance, the GARCH(1,1) persistence and the Student t tails of some returns (n,)."""
    from arch import arch_model  # takes a second, needed by the full audit only

    scale = float(returns.std())
    if not scale:
        return returns
    found = arch_model(returns / scale, mean="Zero", dist="t", rescale=False).fit(disp="off", show_warning=False)
    alpha, beta, freedom = (float(found.params[name]) for name in ("alpha[1]", "beta[1]", "nu"))
    shrunk = min(1.0, MAX_PERSISTENCE / max(alpha + beta, MAX_PERSISTENCE))
    alpha, beta, freedom = alpha * shrunk, beta * shrunk, max(freedom, MIN_FREEDOM)
    shocks = rng.standard_t(freedom, len(returns)) * np.sqrt((freedom - 2) / freedom)
    variance = np.ones(len(returns))
    for step in range(1, len(variance)):
        variance[step] = 1 - alpha - beta + (alpha * shocks[step - 1] ** 2 + beta) * variance[step - 1]
    noise = np.sqrt(variance) * shocks
    return np.asarray(noise * (scale / noise.std()))


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
    networks = [model for model in models if MODELS[model].seeded]
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
