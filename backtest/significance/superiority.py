"""Tests of many models at once: the Model Confidence Set, superior predictive ability and StepM."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from arch.bootstrap import MCS, SPA, StepM

from backtest.data.errors import ConfigError, UndefinedTest
from backtest.significance import fixed_b
from backtest.significance.resampling import (
    DEFAULT_RESAMPLING,
    Resampling,
    bartlett_variances,
    block_length,
    bootstrap_variances,
    check_losses,
    circular,
    same_losses,
    stationary,
)
from backtest.significance.result import FloatArray

Method = Literal["R", "max"]
"""How models are compared: in pairs, or each with the mean of all."""

FLOOR = 1e-12
"""Smallest variance of a resample, that of the sample being 1: some resamples of rare differences do not vary."""

OVERLAPPING_STRETCHES = 50
"""Above horizon 1, SPA and StepM need so many times for each step of it. With fewer they still reject too many true
nulls at 5 %, five models and 500 samples each: 3.6 to 8.0 % at horizon 5 with 120 times, 6.2 to 9.0 % at horizon 24
with 1,000."""


@dataclass(frozen=True, slots=True)
class ModelConfidenceSet:
    """`p_values` by model, the best first; `included` are the models of the set, in the order of the losses."""

    p_values: dict[str, float]
    included: tuple[str, ...]
    block: int
    reps: int
    note: str


def model_confidence_set(
    losses: Mapping[str, npt.ArrayLike],
    *,
    horizon: int = 1,
    alpha: float = 0.05,
    method: Method = "R",
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> ModelConfidenceSet:
    """The models among which the best one lies with probability 1 - alpha, by their losses (n,) in the order of time.

    The worst model is dropped as long as those left differ; a model's p-value is the smallest alpha that drops it.
    Models with the same losses enter once and share a p-value, as `note` says; the block length is that for the
    differences from the mean over the models, and the bootstrap the stationary one.

    Raises UnpairedForecasts and NotFinite for losses that are no pairs, ConfigError for a bad setting, UndefinedTest
    for too few times, fewer than two different models, or differences that do not vary or that tie exactly.

    Source: Hansen, Lunde and Nason (2011), Econometrica 79, 453-497.
    """
    if method not in get_args(Method):
        raise ConfigError(f"method: must be one of {', '.join(get_args(Method))} (got {method!r})")
    series = check_losses(losses, horizon=horizon, resampling=resampling, alpha=alpha)
    first = {model: next(name for name in series if same_losses(series, name, model)) for model in series}
    names = [model for model in series if first[model] == model]
    if len(names) < 2:
        raise UndefinedTest(f"losses of {', '.join(series)}: all are the same, there is nothing to choose from")
    matrix = np.stack([series[model] for model in names], axis=1)
    block = resampling.block or block_length(matrix - matrix.mean(axis=1, keepdims=True), horizon)
    test = MCS(matrix, alpha, resampling.reps, block, method)
    test.bootstrap = (resampling.bootstrap or stationary)(np.arange(len(matrix)), block, resampling.seed)
    dropped = [(names[column], p) for column, p in _drop(test).items()]
    p_values = {model: p for name, p in reversed(dropped) for model in series if first[model] == name}
    included = tuple(model for model in series if p_values[model] > alpha)
    twins = [f"{model} has the same losses as {name}" for model, name in first.items() if model != name]
    return ModelConfidenceSet(p_values, included, block, resampling.reps, resampling.note(block, twins))


def _drop(test: Any) -> dict[int, float]:
    """P-values by column, in the order in which arch drops the columns; raises UndefinedTest where it cannot."""
    test._bootstrap_indices = deque(maxlen=0)  # noqa: SLF001  arch would keep every draw: 450 MB for 57,000 times
    try:
        with np.errstate(divide="raise", invalid="raise", over="raise"):
            test.compute()
    except FloatingPointError as error:
        raise UndefinedTest(f"losses: some differ too seldom, or are too large to be squared ({error})") from error
    dropped = test.pvalues["Pvalue"]
    if any(np.ndim(column) for column in dropped.index):  # arch 8.0 has dropped both models of a pair at once
        raise UndefinedTest("losses: two pairs of models tie exactly, so that none of them is the worst: leave one out")
    return {int(column): float(p) for column, p in dropped.items()}


@dataclass(frozen=True, slots=True)
class Superiority:
    """The SPA test: `consistent` is the p-value to report, `lower` and `upper` are its bounds."""

    statistic: float
    lower: float
    consistent: float
    upper: float
    block: int
    reps: int
    note: str


@dataclass(frozen=True, slots=True)
class Stepwise:
    """The models found `better` than the baseline, in the order of the losses."""

    better: tuple[str, ...]
    block: int
    reps: int
    note: str


def superior_predictive_ability(
    losses: Mapping[str, npt.ArrayLike], *, baseline: str, horizon: int = 1, resampling: Resampling = DEFAULT_RESAMPLING
) -> Superiority:
    """Test whether any model has a smaller expected loss than the baseline, though the best of several was looked for.

    The statistic is the largest gain on the baseline in units of its own standard error; without any gain it is zero
    and p = 1. The three p-values differ in how far they discount models that are much worse. A model with the
    baseline's losses is left out, as `note` says; the block length is that for the gains. Losses (n,) stand in the
    order of time.

    At horizon 1 all resamples (stationary bootstrap) share the standard errors of the sample, as in Hansen. Where
    forecasts overlap these are too small and too uncertain for that. There the standard errors are those of
    `diebold_mariano`, and each resample (circular blocks, at least as long as the horizon) has its own, computed
    in the same way, which reproduces fixed-b critical values (Goncalves and Vogelsang).

    Raises as `model_confidence_set`, ConfigError for a baseline without losses, and UndefinedTest for fewer than 50
    times for each step of a horizon above 1.
    Source: Hansen (2005), Journal of Business & Economic Statistics 23, 365-380; Goncalves and Vogelsang (2011),
    Econometric Theory 27, 745-791.
    """
    search = _search(losses, baseline, horizon, resampling)
    search.spa.compute()
    # arch counts the resamples above the statistic; none is below zero, so all of them reach one that is zero
    lower, consistent, upper = search.spa.pvalues[["lower", "consistent", "upper"]] if search.statistic else (1, 1, 1)
    found = float(lower), float(consistent), float(upper)
    return Superiority(search.statistic, *found, search.block, resampling.reps, search.note)


def stepwise(
    losses: Mapping[str, npt.ArrayLike],
    *,
    baseline: str,
    horizon: int = 1,
    alpha: float = 0.05,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> Stepwise:
    """The models that are better than the baseline: even one false name among them has a chance of at most alpha.

    StepM on the gains of `superior_predictive_ability`, each in units of its own standard error: what is found is set
    aside and the others are tested again, until nothing is found. Raises as `superior_predictive_ability`.

    Source: Romano and Wolf (2005), Econometrica 73, 1237-1282.
    """
    search = _search(losses, baseline, horizon, resampling, alpha)
    test: Any = StepM(search.spa.benchmark, search.spa.models, alpha)
    test.spa = search.spa
    test.compute()
    better = tuple(search.rivals[column] for column in test.superior_models)
    return Stepwise(better, search.block, resampling.reps, search.note)


@dataclass(frozen=True, slots=True)
class _Search:
    """arch's test of the models that differ from the baseline, ready to be computed."""

    spa: SPA
    rivals: list[str]
    statistic: float
    block: int
    note: str


def _search(
    losses: Mapping[str, npt.ArrayLike], baseline: str, horizon: int, resampling: Resampling, alpha: float = 0.05
) -> _Search:
    """Bring the gains on the baseline into units of their long-run standard deviations, and hand them to arch.

    arch 8.0 ignores its own flag `studentize`: on such gains its plain statistic is the studentised one, and would stay
    so if the flag worked. The baseline joins as a rival of itself, whose gain is zero: Hansen's statistic is never
    below zero, and arch 8.0's StepM fails once no model is left (its issue 862).
    """
    series = check_losses(losses, horizon=horizon, resampling=resampling, alpha=alpha)
    n, needed = next(iter(series.values())).size, OVERLAPPING_STRETCHES * horizon
    if n < needed and horizon > 1:
        raise UndefinedTest(
            f"losses: at least {needed} times are needed at horizon {horizon} (got {n}): with fewer, overlapping "
            "forecasts make the best of several models look better than it is. Test for longer"
        )
    if baseline not in series:
        raise ConfigError(f"baseline: must be one of {', '.join(series)} (got {baseline!r})")
    twins = [model for model in series if model != baseline and same_losses(series, baseline, model)]
    rivals = [model for model in series if model != baseline and model not in twins]
    if not rivals:
        raise UndefinedTest(f"losses of {', '.join(series)}: all are the same, no model can be better than {baseline}")
    gains = np.stack([series[baseline] - series[model] for model in rivals], axis=1)
    overlapping = horizon > 1
    block = resampling.block or block_length(gains, horizon, "circular" if overlapping else "stationary")
    bandwidth = fixed_b.bandwidth(len(gains), horizon) if overlapping else None
    units = np.column_stack([_studentise(gains, block, bandwidth), np.zeros(len(gains))])
    spa: Any = _StudentisedSPA(np.zeros(len(units)), -units, block, resampling.reps)
    bootstrap = resampling.bootstrap or (circular if overlapping else stationary)
    spa.bootstrap = _Averages(bootstrap(units, block, resampling.seed), units.mean(axis=0), bandwidth)
    statistic = float(np.sqrt(len(units)) * units.mean(axis=0).max())
    left_out = [f"{model} has the same losses as {baseline} and is left out" for model in twins]
    return _Search(spa, rivals, statistic, block, resampling.note(block, left_out))


def _studentise(gains: FloatArray, block: int, bandwidth: int | None) -> FloatArray:
    """Gains (n, k) in units of their long-run standard deviations; raises UndefinedTest where these are none.

    The variance is that under the stationary bootstrap, or Bartlett's where a bandwidth is given.
    """
    try:
        with np.errstate(divide="raise", invalid="raise", over="raise"):
            variances = bartlett_variances(gains, bandwidth) if bandwidth else bootstrap_variances(gains, block)
            return np.asarray(gains / np.sqrt(variances), dtype=np.float64)
    except FloatingPointError as error:
        raise UndefinedTest(f"loss differences: too large or too small to be squared ({error})") from error


class _StudentisedSPA(SPA):
    """arch's test on loss differences whose long-run variances are known to be 1."""

    def _compute_variance(self) -> None:
        """Take them as 1: arch's own sum over all lags takes n^2 steps, 24 seconds for 57,000 times."""
        self._loss_diff_var = np.ones(self.k)


@dataclass(frozen=True, slots=True)
class _Averages:
    """A bootstrap of which each resample (n, k) is its mean (1, k) alone: arch's SPA takes it three times over.

    With a bandwidth the resample's deviation from the `centre` (k,) comes in units of the resample's own standard
    deviation.
    """

    source: Any
    centre: FloatArray
    bandwidth: int | None

    def bootstrap(self, reps: int) -> Iterator[tuple[tuple[FloatArray], dict[str, Any]]]:
        for (data,), named in self.source.bootstrap(reps):
            mean = data.mean(axis=0, keepdims=True)
            if self.bandwidth:
                variances = np.maximum(bartlett_variances(data, self.bandwidth), FLOOR)
                mean = self.centre + (mean - self.centre) / np.sqrt(variances)
            yield (mean,), named
