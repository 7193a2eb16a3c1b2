"""Bars in, FEATURES out: every feature and the target in one lazy query that never looks across a hole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from data.errors import ConfigError
from data.gaps import interval_of, segments
from features.catalog import Resolved, Spec, resolve
from features.price import log_return
from features.target import target

POSITION = "position in segment"  # no feature can have this name


def build(
    bars: pl.DataFrame,
    specs: Sequence[Spec],
    *,
    horizon: int = 1,
    kind: str = "log_return",
    interval: timedelta | None = None,
) -> pl.DataFrame:
    """Return FEATURES for `bars`: one row per bar, its features in the order of `specs`, and the target.

    Within each stretch of bars without a hole, the first `lookback` values of a feature are null, whatever the feature
    itself would return there, and so is the target of the last `horizon` bars. A value that is not finite, such as the
    0/0 of `volume_norm` after a day without trades, is null too: the table holds no NaN and no infinity.
    The bars' `interval` is inferred where it is not given.
    Raises ConfigError for settings that do not fit each other or the bars.
    """
    features = resolve(specs)
    _check_columns(bars, features)
    step = interval or interval_of(bars)
    segment = segments(bars, step)
    known_at = (pl.col("time") + step).alias("known_at")
    raw = [
        log_return().alias("bar_return"),
        *(expr for one in features for expr in one.exprs),
        target(kind, horizon),
        known_at.shift(-horizon).alias("target_time"),
        pl.int_range(pl.len()).alias(POSITION),
    ]
    if segment.n_unique() > 1:  # grouping takes twice the time
        raw = [expr.over("segment") for expr in raw]
    query = (
        bars.lazy()
        .with_columns(segment)
        .select("symbol", "time", known_at, "segment", *raw)
        .with_columns(_usable(column, one.lookback) for one in features for column in one.columns)
        .drop(POSITION)
    )
    try:
        return query.collect()
    except pl.exceptions.PolarsError as error:
        raise ConfigError(f"features: a feature cannot be computed from these bars: {error}") from error


def _usable(column: str, lookback: int) -> pl.Expr:
    """Keep the finite values of a feature whose look-back lies inside the stretch of bars; null the others."""
    value = pl.col(column).cast(pl.Float64)
    return pl.when((pl.col(POSITION) >= lookback) & value.is_finite()).then(value).alias(column)


def _check_columns(bars: pl.DataFrame, features: Sequence[Resolved]) -> None:
    """Raise ConfigError if a feature reads an optional column that the bars lack."""
    for one in features:
        missing = [column for column in one.requires if column not in bars.columns]
        if missing:
            raise ConfigError(
                f"features: {one.columns[0]} needs {', '.join(missing)}, which these bars lack: "
                "remove the feature, or use bars that have it"
            )
