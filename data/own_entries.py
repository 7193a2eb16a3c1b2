"""A user's own targets and losses: the decorators that enter them in TARGETS and LOSSES."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backtest.data.errors import ConfigError
from backtest.data.losses import LOSSES, Loss
from backtest.data.names import SCALES, Scale
from backtest.data.targets import FOLD_TEST, PRIMARY_TEST, TARGETS, Target, variance_target

Floats = NDArray[np.float64]
OfArrays = TypeVar("OfArrays", bound=Callable[..., Any])
Outcome = TypeVar("Outcome", bound=Callable[..., pl.Expr])

PROBE = np.array([0.2, 0.5, 0.7]), np.array([0.3, 0.4, 0.6])
"""Outcomes and forecasts that a loss of any target is defined for."""


def loss(name: str, *, scales: Sequence[Scale] = SCALES) -> Callable[[OfArrays], OfArrays]:
    """Register a function of outcomes and forecasts, arrays (n,), that returns the loss of each (n,), as a loss.

    Smaller is better, and 0 the loss of a perfect forecast. It is tabulated and tested in every run on an outcome of
    one of the `scales`: `return` (as it is), `variance`, `probability`. `question={"loss": name}` rests the verdict on
    it. Raises ConfigError where the name is taken by another function, a scale is unknown, or the function does not
    return an array (n,).

    >>> import backtest as bt
    >>> import numpy as np
    >>> @bt.loss("too_low")
    ... def too_low(y, y_hat):
    ...     return np.where(y > y_hat, 3.0, 1.0) * (y - y_hat) ** 2
    >>> too_low(np.array([2.0, 0.0]), np.array([1.0, 1.0])).tolist()
    [3.0, 1.0]
    """
    _refuse_unknown(f"loss {name!r}: scales", scales, SCALES)

    def register(function: OfArrays) -> OfArrays:
        _refuse_taken("loss", name, function, {key: known.function for key, known in LOSSES.items()})
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

        LOSSES[name] = Loss(of_columns, tuple(scales))
        return function

    return register


def target(
    name: str,
    *,
    title: str | None = None,
    unit: str | None = None,
    scale: Scale = "return",
    references: Sequence[str] | None = None,
    rival: str | None = None,
    losses: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    tests: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    features: Sequence[str | dict[str, Any]] | None = None,
    neutral: float | None = None,
    intervals: bool | None = None,
    tradable: bool | None = None,
    bounds: tuple[float, float] | None = None,
    reads: Sequence[str] | None = None,
) -> Callable[[Outcome], Outcome]:
    """Register a function as a target: of the horizon in bars, returning the outcome as an expression over bars.

    With `scale="variance"` it is a function of nothing that returns the variance of a bar; the outcome is the sum of
    those of the next bars.

    Parameters
    ----------
    name
        By which settings know it: `target=name`.
    title, unit
        What an outcome is called, and in what it is measured; None: the name, and of variances squared log returns.
    scale
        How outcomes are forecast: as they are (`return`), as a `variance`, or as a `probability`. What is not named
        below is as usual for it: of variances and probabilities as for `log_variance` and `direction`.
    references, rival
        Models that are always in the table, and the one to be beaten; None: the first of them.
    losses
        Those that are tabulated first, the verdict's own at the head; every other one for the scale follows.
    metrics, tests
        Further metrics, and the tests that make sense.
    models, features
        What a run takes where its settings name none.
    neutral, intervals, tradable
        As in `Target`: the outcome between up and down; whether intervals around a forecast, and a strategy on it,
        make sense.
    bounds
        The smallest and the largest number that an outcome can be; another one is refused before anything is fitted.
    reads
        The columns that it is computed from; None: those that the expression names.

    Raises
    ------
    ConfigError
        The name is taken by another function, a loss or the scale is unknown, or the function returns no expression.

    Examples
    --------
    >>> import backtest as bt
    >>> import polars as pl
    >>> @bt.target("next_range", unit="log range", bounds=(0.0, 5.0))
    ... def next_range(horizon):
    ...     return (pl.col("high") / pl.col("low")).log().shift(-horizon)
    >>> run = bt.walk_forward("synthetic:n=700", target="next_range", models=["ridge"], folds={"first_train": 300},
    ...     progress=False)
    >>> run.verdict.question.rival
    'mean'
    """
    _refuse_unknown(f"target {name!r}: losses", losses or (), LOSSES, ", or register it with @bt.loss before")
    _refuse_unknown(f"target {name!r}: scale", [scale], SCALES)
    given: dict[str, Sequence[Any] | None] = {"references": references, "losses": losses, "metrics": metrics}
    given |= {"tests": tests, "models": models, "features": features, "bounds": bounds, "reads": reads}
    own: dict[str, Any] = {key: tuple(value) for key, value in given.items() if value is not None}
    single = {"unit": unit, "neutral": neutral, "intervals": intervals, "tradable": tradable}
    single["rival"] = rival or (references[0] if references else None)
    own |= {key: value for key, value in single.items() if value is not None}

    def register(function: Outcome) -> Outcome:
        _refuse_taken("target", name, function, {key: known.outcome for key, known in TARGETS.items()})
        _refuse_other_results(name, function, scale)
        TARGETS[name] = replace(_usual(scale, function, title or name.replace("_", " ")), **own)
        return function

    return register


def _usual(scale: Scale, function: Callable[..., pl.Expr], title: str) -> Target:
    """A target of a scale that names nothing else: as the first of TARGETS on it, without what is about prices."""
    if scale == "variance":
        return variance_target(function, title)
    like = next(known for known in TARGETS.values() if known.scale == scale)
    made = replace(like, title=title, unit=title, outcome=function, formula="", nested=(), tradable=False)
    if scale == "probability":
        return made
    return replace(
        made,
        references=("mean", "zero"),
        rival="mean",
        metrics=("correlation",),
        tests=(PRIMARY_TEST, FOLD_TEST, "ibragimov_muller", "giacomini_white", "fluctuation"),
        models=("ar", "ridge", "lstm", "gru"),
        features=("log_return", "rolling_mean_24", "rolling_std_24"),
        neutral=None,
        additive=False,
        drift=None,
    )


def _refuse_other_results(name: str, function: Callable[..., Any], scale: Scale) -> None:
    """ConfigError unless a function returns an expression of the horizon, or of nothing for the variance of a bar."""
    of_what, example = "of the horizon", "pl.col('close').shift(-horizon)"
    if scale == "variance":
        of_what, example = "of nothing, for the variance of a bar", "pl.col('close').log().diff() ** 2"
    try:
        found = function() if scale == "variance" else function(1)
    except TypeError as error:
        raise ConfigError(
            f"target {name!r}: expected a function {of_what} (got {error}): change what it takes"
        ) from error
    if not isinstance(found, pl.Expr):
        raise ConfigError(
            f"target {name!r}: expected a polars expression over the columns of bars (got {type(found).__name__}): "
            f"return, for example, {example}"
        )


def _refuse_unknown(where: str, names: Iterable[str], known: Iterable[str], otherwise: str = "") -> None:
    """ConfigError where a name is not among those that are known."""
    if unknown := [one for one in names if one not in known]:
        raise ConfigError(f"{where}: unknown {', '.join(unknown)}: it may be one of {', '.join(known)}{otherwise}")


def _refuse_taken(kind: str, name: str, new: Callable[..., Any], table: Mapping[str, Callable[..., Any]]) -> None:
    """ConfigError if another function has the name: one of the same module and name is the same, changed."""
    known = table.get(name)
    if known is not None and (known.__module__, known.__qualname__) != (new.__module__, new.__qualname__):
        taken = f"{known.__module__}.{known.__qualname__}"
        raise ConfigError(f"{kind} {name!r}: the name is taken by {taken}: choose another name")
