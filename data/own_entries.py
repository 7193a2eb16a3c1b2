"""A user's own targets and losses: the decorators that enter them in TARGETS and LOSSES."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Literal, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backtest.data.errors import ConfigError
from backtest.data.losses import LOSSES
from backtest.data.targets import PRIMARY_TEST, TARGETS, Target

Floats = NDArray[np.float64]
OfArrays = TypeVar("OfArrays", bound=Callable[..., Any])
Outcome = TypeVar("Outcome", bound=Callable[[int], pl.Expr])

PROBE = np.array([0.2, 0.5, 0.7]), np.array([0.3, 0.4, 0.6])
"""Outcomes and forecasts that a loss of any target is defined for."""


def loss(name: str) -> Callable[[OfArrays], OfArrays]:
    """Register a function of outcomes and forecasts, arrays (n,), that returns the loss of each (n,), as a loss.

    Smaller is better. It is tabulated and tested in every run, and `question={"loss": name}` rests the verdict on it.
    Raises ConfigError where the name is taken by another function, or the function does not return an array (n,).

    >>> import backtest as bt
    >>> import numpy as np
    >>> @bt.loss("too_low")
    ... def too_low(y, y_hat):
    ...     return np.where(y > y_hat, 3.0, 1.0) * (y - y_hat) ** 2
    >>> too_low(np.array([2.0, 0.0]), np.array([1.0, 1.0])).tolist()
    [3.0, 1.0]
    """

    def register(function: OfArrays) -> OfArrays:
        _refuse_taken("loss", name, function, LOSSES)
        found = function(*PROBE)
        if np.shape(found) != (3,) or not np.isfinite(found).all():
            raise ConfigError(
                f"loss {name!r}: expected one finite number for each of 3 outcomes and forecasts between 0 and 1 "
                f"(got {found!r}): return an array of the shape of y, not its mean"
            )

        @wraps(function)
        def of_columns(y: Any, y_hat: Any, /) -> Any:
            """The losses of arrays, or of columns of a table."""
            if not isinstance(y, pl.Expr):
                return function(y, y_hat)
            rows = pl.struct(y.alias("y"), y_hat.alias("y_hat"))

            def losses(both: pl.Series) -> pl.Series:
                columns = (both.struct.field(column).to_numpy() for column in ("y", "y_hat"))
                return pl.Series(function(*columns), dtype=pl.Float64)

            return rows.map_batches(losses, return_dtype=pl.Float64, is_elementwise=True)

        LOSSES[name] = of_columns
        return function

    return register


def target(
    name: str,
    *,
    title: str | None = None,
    unit: str | None = None,
    references: Sequence[str] = ("mean", "zero"),
    rival: str | None = None,
    losses: Sequence[str] = ("squared", "absolute"),
    metrics: Sequence[str] = ("skill", "correlation"),
    tests: Sequence[str] = (PRIMARY_TEST, "ibragimov_muller", "giacomini_white", "fluctuation"),
    models: Sequence[str] = ("ar", "ridge", "lstm", "gru"),
    features: Sequence[str] = ("log_return", "rolling_mean_24", "rolling_std_24"),
    scale: Literal["return", "probability"] = "return",
    neutral: float | None = None,
    intervals: bool = True,
    tradable: bool = False,
) -> Callable[[Outcome], Outcome]:
    """Register a function of the horizon in bars, which returns the outcome as an expression over bars, as a target.

    Parameters
    ----------
    name
        By which settings know it: `target=name`.
    title, unit
        What an outcome is called, and in what it is measured; None: the name.
    references, rival
        Models that are always in the table, and the one to be beaten; None: the first of them.
    losses
        Those that are tabulated, the verdict's own first. Their means are metrics.
    metrics, tests
        Further metrics, and the tests that make sense.
    models, features
        What a run takes where its settings name none.
    scale, neutral, intervals, tradable
        As in `Target`: outcomes that are forecast as they are or as probabilities; the outcome between up and down;
        whether intervals around a forecast, and a strategy on it, make sense.

    Raises
    ------
    ConfigError
        The name is taken by another function, a loss is unknown, or the function returns no expression.

    Examples
    --------
    >>> import backtest as bt
    >>> import polars as pl
    >>> @bt.target("next_range", unit="log range")
    ... def next_range(horizon):
    ...     return (pl.col("high") / pl.col("low")).log().shift(-horizon)
    >>> run = bt.walk_forward("synthetic:n=700", target="next_range", models=["ridge"], folds={"first_train": 300},
    ...     progress=False)
    >>> run.verdict.question.rival
    'mean'
    """
    if unknown := [one for one in losses if one not in LOSSES]:
        raise ConfigError(
            f"target {name!r}: losses: unknown {', '.join(unknown)}: it may be one of {', '.join(LOSSES)}, or register "
            "it with @bt.loss before"
        )

    def register(function: Outcome) -> Outcome:
        _refuse_taken("target", name, function, {key: known.outcome for key, known in TARGETS.items()})
        if not isinstance(found := function(1), pl.Expr):
            raise ConfigError(
                f"target {name!r}: expected a polars expression over the columns of bars (got {type(found).__name__}): "
                "return, for example, pl.col('close').shift(-horizon)"
            )
        TARGETS[name] = Target(
            title=title or name.replace("_", " "),
            unit=unit or title or name.replace("_", " "),
            outcome=function,
            references=tuple(references),
            nested=(),
            rival=rival or references[0],
            losses=tuple(losses),
            metrics=tuple(metrics),
            tests=tuple(tests),
            models=tuple(models),
            features=tuple(features),
            tradable=tradable,
            scale=scale,
            neutral=neutral,
            intervals=intervals,
            bounds=(0.0, 1.0) if scale == "probability" else (-1e6, 1e6),
        )
        return function

    return register


def _refuse_taken(kind: str, name: str, new: Callable[..., Any], table: Mapping[str, Callable[..., Any]]) -> None:
    """ConfigError if another function has the name: one of the same module and name is the same, changed."""
    known = table.get(name)
    if known is not None and (known.__module__, known.__qualname__) != (new.__module__, new.__qualname__):
        taken = f"{known.__module__}.{known.__qualname__}"
        raise ConfigError(f"{kind} {name!r}: the name is taken by {taken}: choose another name")
