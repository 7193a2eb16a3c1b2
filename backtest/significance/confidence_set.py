"""Which models may be the best of all."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from arch.bootstrap import MCS

from backtest.data.errors import ConfigError, UndefinedTest
from backtest.significance.resampling import BY_RULE, Resampling, alike, block_length, checked

Method = Literal["R", "max"]
"""How models are compared: in pairs, or each with the mean of all."""


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
    resampling: Resampling = BY_RULE,
) -> ModelConfidenceSet:
    """The models among which the best one lies with probability 1 - alpha, by their losses (n,) in the order of time.

    The worst model is dropped as long as those left differ; a model's p-value is the smallest alpha that drops it.
    Models with the same losses enter once and share a p-value, as `note` says; the block length is that for the
    differences from the mean over the models.

    Raises UnpairedForecasts and NotFinite for losses that are no pairs, ConfigError for a bad setting, UndefinedTest
    for too few times, fewer than two different models, or differences that do not vary or that tie exactly.

    Source: Hansen, Lunde and Nason (2011), Econometrica 79, 453-497.
    """
    if method not in get_args(Method):
        raise ConfigError(f"method: must be one of {', '.join(get_args(Method))} (got {method!r})")
    series = checked(losses, horizon=horizon, resampling=resampling, alpha=alpha)
    first = {model: next(name for name in series if alike(series, name, model)) for model in series}
    names = [model for model in series if first[model] == model]
    if len(names) < 2:
        raise UndefinedTest(f"losses of {', '.join(series)}: all are the same, there is nothing to choose from")
    matrix = np.stack([series[model] for model in names], axis=1)
    block = resampling.block or block_length(matrix - matrix.mean(axis=1, keepdims=True), horizon)
    test = MCS(matrix, alpha, resampling.reps, block, method)
    test.bootstrap = resampling.bootstrap(np.arange(len(matrix)), block, resampling.seed)
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
