"""What can be forecast: the targets, each with the models, losses and tests that belong to it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, reduce, wraps
from operator import add
from typing import Any

import polars as pl

from backtest.data.bar_variances import garman_klass, parkinson, squared_return
from backtest.data.names import Scale
from backtest.data.target_columns import REALISED, column_name

PRIMARY_TEST, ROBUST_TEST = PRIMARY_TESTS = ("diebold_mariano", "diebold_mariano_robust")
"""The tests that a verdict can rest on, keys of TESTS: the usual one, and that for skewed losses."""

FOLD_TEST, *_ = FOLD_TESTS = ("diebold_mariano_hall", ROBUST_TEST, PRIMARY_TEST)
"""The tests of a single fold, of which the first one made is shown: older runs have the usual one."""

SKEWED_LOSSES = (
    *(ROBUST_TEST, PRIMARY_TEST, "ibragimov_muller"),
    *("encompassing", "giacomini_white", "fluctuation"),
)
"""The tests of losses that are skewed or have fat tails, as those of variances and probabilities."""

SMALLEST, LARGEST = -1e6, 1e6
"""Where outcomes and forecasts lie that no target bounds otherwise."""

OWN_UNIT = "as in its column"
"""The unit of what comes from a column of which nothing more is known."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is forecast.

    Attributes
    ----------
    title, unit
        What an outcome is called, and in what it is measured.
    outcome
        The outcome over the next `horizon` bars, an expression over the bars of one stretch without a hole.
    references
        Models that are always among those of a run, and stand first in its table.
    nested
        Those of them that every model contains as a special case.
    rival
        The model that the verdict tests against unless the settings name another.
    drift
        The model that forecasts the mean of past outcomes: a gain that it has too is the drift. None: there is none.
    benchmarks
        Models that the verdict "better" is held against as well, where they are in the run.
    losses
        Those of LOSSES that stand first among the tabulated ones, which are all of its scale; the first of them is the
        verdict's unless the settings name another.
    metrics
        Those of METRICS that are tabulated, besides the means of losses and the skill against each reference.
    tests
        Those of TESTS that make sense for it: the first of PRIMARY_TESTS for the verdict, FOLD_TESTS for folds.
    models, features
        What a run takes where its settings name none.
    tradable
        Whether a strategy on its forecasts is evaluated.
    scale
        How models of any target take part: `models.scales.WRAPPERS` holds what turns their forecasts into variances or
        probabilities, and models of another scale are refused.
    neutral
        The outcome between up and down, 0 for a return; None where there is no sign.
    intervals
        Whether an interval around a forecast, as wide as earlier absolute errors, has a meaning.
    bar_variance
        The variance of a bar, whose sum over the next bars is the outcome; None for other targets.
    bar_change
        The change of a bar, whose sum over the next bars is the outcome, and which models read as past returns; None
        where these are the log returns of the close.
    bounds
        The smallest and the largest number that an outcome can be.
    reads
        The columns that it is computed from, a price, `RV` of the file, `measures.RV`; None: those of its expression.
    additive
        Whether an outcome is the sum of what models read as past returns, over the next bars.
    formula
        What an outcome is, in the terms of the report; empty: what is common to its scale.
    noise
        Standard error of a bar's variance as a share of it, with normal returns; None where it cannot be told.
    """

    title: str
    unit: str
    outcome: Callable[[int], pl.Expr]
    references: tuple[str, ...]
    nested: tuple[str, ...]
    rival: str
    losses: tuple[str, ...]
    metrics: tuple[str, ...]
    tests: tuple[str, ...]
    models: tuple[str, ...]
    features: tuple[str | dict[str, Any], ...]
    tradable: bool = False
    scale: Scale = "return"
    neutral: float | None = None
    intervals: bool = True
    bar_variance: Callable[[], pl.Expr] | None = None
    bar_change: Callable[[], pl.Expr] | None = None
    bounds: tuple[float, float] = (SMALLEST, LARGEST)
    reads: tuple[str, ...] | None = None
    additive: bool = False
    formula: str = ""
    noise: float | None = None
    benchmarks: tuple[str, ...] = ()
    drift: str | None = None

    @property
    def primary_test(self) -> str:
        """The test that the verdict rests on."""
        return next((name for name in self.tests if name in PRIMARY_TESTS), PRIMARY_TEST)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of bars that it is computed from."""
        return self.reads or tuple(sorted({*self.outcome(1).meta.root_names()}))

    @property
    def forecast_bounds(self) -> tuple[float, float]:
        """The smallest and the largest number that a forecast can be.

        Variances and probabilities obey the bounds of the outcomes; a linear forecast of another outcome may miss them.
        """
        low, high = self.bounds
        return (min(low, SMALLEST), max(high, LARGEST)) if self.scale == "return" else self.bounds


def log_return(horizon: int) -> pl.Expr:
    """Log return over the next `horizon` bars: log(close of the bar `horizon` ahead / close)."""
    return (pl.col("close").shift(-horizon) / pl.col("close")).log()


def rise(horizon: int) -> pl.Expr:
    """Whether the close of the bar `horizon` ahead is above this one, 1, or not, 0: an unchanged price is no rise."""
    return (pl.col("close").shift(-horizon) > pl.col("close")).cast(pl.Float64)


def variance_target(bar_variance: Callable[[], pl.Expr], title: str, efficiency: float | None = None) -> Target:
    """Return the target "logarithm of the sum of the next bars' variances", from the variance of a bar.

    `efficiency` says how many times smaller the variance of its error is than that of a squared return, 2 of its square
    if returns are normal: Garman and Klass (1980), table 1.
    """

    @wraps(bar_variance)  # so that it is known by the module that defines the variance
    def outcome(horizon: int) -> pl.Expr:
        """Sum of the variances of the next `horizon` bars."""
        return reduce(add, (bar_variance().shift(-step) for step in range(1, horizon + 1)))

    return Target(
        title=title,
        unit="squared log return",
        outcome=outcome,
        references=("random_walk", "ewma", "log_har"),
        nested=(),
        rival="log_har",
        benchmarks=("gjr_garch",),
        losses=("qlike",),
        metrics=("rmse", "correlation"),
        tests=(*SKEWED_LOSSES, "mincer_zarnowitz", "mincer_zarnowitz_logs"),
        models=("har", "lstm", "gru"),
        features=("log_variance_1", "log_variance_5", "log_variance_22", "log_return"),
        scale="variance",
        intervals=False,
        bar_variance=bar_variance,
        bounds=(0.0, LARGEST),
        noise=math.sqrt(2 / efficiency) if efficiency else None,
    )


TARGETS: dict[str, Target] = {
    "log_return": Target(
        title="log return",
        unit="log return",
        outcome=log_return,
        references=("zero", "naive"),
        nested=("zero",),
        rival="zero",
        losses=("squared",),
        metrics=("rmse", "direction", "correlation"),
        tests=(
            PRIMARY_TEST,
            FOLD_TEST,
            "ibragimov_muller",
            "clark_west",
            "encompassing",
            "giacomini_white",
            "fluctuation",
            "pesaran_timmermann",
            "anatolyev_gerko",
            "mincer_zarnowitz",
        ),
        models=("zero", "naive", "mean", "ar", "ridge", "lstm", "gru"),
        features=("log_return", "rolling_mean_24", "rolling_std_24", "volume_norm"),
        tradable=True,
        neutral=0.0,
        additive=True,
        drift="mean",
        formula="yₜ = ln(closeₜ₊ₕ / closeₜ), the {outcome}.",
    ),
    "log_variance": variance_target(squared_return, "variance from squared returns", 1.0),
    "log_variance_parkinson": variance_target(parkinson, "variance from high and low", 4.9),
    "log_variance_garman_klass": variance_target(garman_klass, "variance from open, high, low and close", 7.4),
    "direction": Target(
        title="direction",
        unit="probability of a rise",
        outcome=rise,
        references=("base_rate", "coin"),
        nested=(),
        rival="base_rate",
        losses=("brier",),
        metrics=("accuracy", "correlation"),
        tests=(*SKEWED_LOSSES, "pesaran_timmermann", "mincer_zarnowitz"),
        models=("mean", "ar", "ridge", "lstm", "gru"),
        features=("log_return", "rolling_mean_24", "rolling_std_24", "volume_norm"),
        scale="probability",
        neutral=0.5,
        intervals=False,
        bounds=(0.0, 1.0),
        formula="yₜ = 1 if closeₜ₊ₕ > closeₜ, otherwise 0; ŷₜ is the forecast probability of 1.",
    ),
}
"""Every target by the name that settings know it by.

Forecasts and outcomes of a log variance are kept as variances. A forecast of `direction` is the probability of a rise.
"""


LOG_VARIANCE_OF, SERIES_OF = "log_variance.", "series."
"""What the name of a target begins with that is about a column of the file or of an external series."""


def canonical(name: str) -> str:
    """Return the one spelling of a target: columns of a file are known by their lower-case names.

    >>> canonical("log_variance.RV"), canonical("log_variance.measures.RV")
    ('log_variance.rv', 'log_variance.measures.RV')
    """
    prefix, dot, column = name.partition(".")
    return f"{prefix}.{column_name(column)}" if dot and f"{prefix}." in (LOG_VARIANCE_OF, SERIES_OF) else name


def target_of(name: str) -> Target:
    """Return the target that settings call `name`: an entry of TARGETS, or one about a column.

    `log_variance.RV` is the logarithm of the sum of the next values of the column `RV`, which holds a variance for each
    bar; `series.spread` is the change of the column `spread` over the next bars. Raises ValueError naming the choices.
    """
    if name in TARGETS:
        return TARGETS[name]
    for prefix, about in ((LOG_VARIANCE_OF, _log_variance_of), (SERIES_OF, _series_of)):
        if name.startswith(prefix) and name != prefix:
            return about(name.removeprefix(prefix))
    raise ValueError(
        f"must be one of {', '.join(TARGETS)}, {LOG_VARIANCE_OF}NAME, where NAME is a column that holds a variance for "
        f"each bar, or {SERIES_OF}NAME, where it holds any level (got {name!r})"
    )


@cache
def _log_variance_of(column: str) -> Target:
    """The target about a column of variances, one and the same at each look-up."""
    title = "realised variance" if column == REALISED else f"variance {column}"
    features = tuple({"name": "log_mean", "window": window, "column": column} for window in (1, 5, 22))
    made = variance_target(lambda: pl.col(column), title)
    return replace(made, unit="squared log return" if column == REALISED else OWN_UNIT, features=features)


@cache
def _series_of(column: str) -> Target:
    """The target "level of a column some bars ahead less its level now", one and the same at each look-up.

    Of a level, the hard rival is the random walk, whose forecast is the level now: a change of zero. Which of the two
    is subtracted does not change an error, and changes are what models can be fitted to.
    """
    level = pl.col(column)
    returns = TARGETS["log_return"]
    changes = tuple({"name": "change", "bars": bars, "column": column} for bars in (1, 5, 22))
    return replace(
        returns,
        title=f"change of {column}",
        unit=OWN_UNIT,
        outcome=lambda horizon: level.shift(-horizon) - level,
        tests=tuple(name for name in returns.tests if name != "anatolyev_gerko"),  # of the profit from trading signs
        features=(*changes, {"name": "level", "column": column}),
        tradable=False,
        bar_change=lambda: level - level.shift(),
        bounds=(-sys.float_info.max, sys.float_info.max),
        formula="yₜ = xₜ₊ₕ − xₜ, x the level: the {outcome}. The random walk of the level forecasts 0.",
    )
