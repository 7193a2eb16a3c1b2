"""Bars in, FEATURES out: every feature and the target in one lazy query that never looks across a hole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

import polars as pl

from backtest.data.dataset import Dataset
from backtest.data.errors import ConfigError
from backtest.data.sessions import interval_of, segments
from backtest.data.target_columns import BAR_CHANGE, BAR_QUARTICITY, BAR_VARIANCE, QUARTICITY, outcome_column
from backtest.data.targets import LOG_VARIANCE_OF, Target, target_of
from backtest.features.built_in import log_return
from backtest.features.catalog import KEYS, Resolved, Spec, resolve
from backtest.features.external import EXTERNAL, NO_FILES, Source, join, load

POSITION = "position in segment"  # no feature can have this name


def build(
    bars: pl.DataFrame,
    specs: Sequence[Spec],
    *,
    horizons: Sequence[int] = (1,),
    kind: str | None = "log_return",
    interval: timedelta | None = None,
    external: Mapping[str, pl.DataFrame] | None = None,
    segment: pl.Series | None = None,
) -> pl.DataFrame:
    """Return FEATURES for `bars`: a row per bar, its features in the order of `specs`, and the target if there is one.

    The target has a column for each of `horizons`, bars ahead, ascending. The bars' `interval` is inferred where it is
    not given, and so is the `segment` of each row: an audit that changes or cuts off bars gives that of the true bars,
    for it does not change when the market was open. `external` are the series that features may read, as
    `load_external` returns them; None: those that they name. Raises ConfigError for settings that do not fit each other
    or the bars.
    """
    features = resolve(specs)
    step = interval or interval_of(bars)
    stretch = segments(bars, step) if segment is None else segment.alias("segment")
    series = load_external(features, kind) if external is None else external
    return _compute(bars, step, stretch, series, features, horizons=horizons, kind=kind)


def build_features(
    dataset: Dataset, features: Sequence[Resolved], *, horizons: Sequence[int] = (1,), kind: str = "log_return"
) -> pl.DataFrame:
    """Return FEATURES of a dataset and its outside series, as `build` does from their parts."""
    parts = dataset.bars, dataset.interval, dataset.segments, dataset.external
    return _compute(*parts, features, horizons=horizons, kind=kind)


def load_external(
    features: Sequence[Resolved], kind: str | None = None, files: Mapping[str, Source] = NO_FILES
) -> dict[str, pl.DataFrame]:
    """Load the outside series that `features` and the target `kind` read, those alone, in the order of their names.

    `files` are those that the settings name. Raises as `external.load` for those of features; what a target lacks is
    told with its other columns.
    """
    read = {name for one in features for name in one.outside}
    read |= {column.partition(".")[0] for column in (_target(kind).columns if kind else ())} & {*EXTERNAL, *files}
    return load(sorted(read), files)


def readable(bars: pl.DataFrame, interval: timedelta, external: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the bars with `known_at`, their close, and the values of external series that were in force then."""
    timed = bars.with_columns(known_at=pl.col("time") + interval)
    return join(timed, external) if external else timed


def _compute(
    bars: pl.DataFrame,
    interval: timedelta,
    segment: pl.Series,
    external: Mapping[str, pl.DataFrame],
    features: Sequence[Resolved],
    *,
    horizons: Sequence[int],
    kind: str | None,
) -> pl.DataFrame:
    """Evaluate features and target within each stretch of bars without a hole.

    There, the first `lookback` values of a feature are null, whatever the feature itself would return, and so is the
    target of the last bars; `target_time` is that of the longest of `horizons`. A value that is not finite, such as the
    0/0 of `volume_norm` after a day without trades, is null too: the table holds no NaN and no infinity, but for the
    minus infinity of a `logarithm`.
    """
    table = readable(bars, interval, external)
    _check_columns(table, features, external)
    outcomes = [outcome_of(kind, horizon) for horizon in horizons] if kind else []
    outcomes += measures_of(kind, table.columns) if kind else []
    bar_return = log_return() if "close" in table.columns else pl.lit(None, pl.Float64)
    later = [*outcomes, pl.col("known_at").shift(-max(horizons)).alias("target_time")]
    own = [one for one in features if not one.of]
    made = _evaluate(table, segment, [bar_return.alias("bar_return")], own, later)
    assets = dict.fromkeys(one.of for one in features if one.of)
    for asset in assets:
        others = [one for one in features if one.of == asset]
        part = _evaluate(_seen_from(table, asset), segment, [], others, [])
        made = made.hstack(part.select(column for one in others for column in one.columns))
    if assets:
        columns, last = (
            [column for one in features for column in one.columns],
            [expr.meta.output_name() for expr in later],
        )
        made = made.select(pl.exclude(*columns, *last), *columns, *last)
    return made


def _evaluate(
    table: pl.DataFrame,
    segment: pl.Series,
    first: Sequence[pl.Expr],
    features: Sequence[Resolved],
    last: Sequence[pl.Expr],
) -> pl.DataFrame:
    """Evaluate features between other expressions in one query, each stretch of bars for itself."""
    raw = [*first, *(expr for one in features for expr in one.exprs), *last, pl.int_range(pl.len()).alias(POSITION)]
    if segment.n_unique() > 1:  # grouping takes twice the time
        raw = [expr.over("segment") for expr in raw]
    try:
        query = (
            table.with_columns(segment)
            .lazy()
            .select(*KEYS, "segment", *raw)
            .with_columns(_usable(column, one) for one in features for column in one.columns)
            .drop(POSITION)
        )
        return query.collect()
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"features: a feature cannot be computed from these bars: {reason}: fix its function"
        ) from error


def _seen_from(table: pl.DataFrame, asset: str) -> pl.DataFrame:
    """Return the rows with the columns of another asset under the names of the bars' own, which are left out."""
    its = {name: name.removeprefix(f"{asset}.") for name in table.columns if name.startswith(f"{asset}.")}
    kept = [name for name in table.columns if name in KEYS or ("." in name and name not in its)]
    return table.select(*kept, *(pl.col(name).alias(own) for name, own in its.items()))


def outcome_of(kind: str, horizon: int) -> pl.Expr:
    """Return the outcome, null where its bar is missing. Raises ConfigError for an unknown kind or horizon < 1."""
    if horizon < 1:
        raise ConfigError(f"target.horizons: must be at least 1 bar (got {horizon})")
    return _target(kind).outcome(horizon).alias(outcome_column(kind, horizon))


def measures_of(kind: str, columns: Sequence[str]) -> list[pl.Expr]:
    """Return the variance or change of a bar if outcomes are made of it, and its quarticity where `columns` have one.

    Raises ConfigError for an unknown kind, or one about a column that is not among them.
    """
    target = _target(kind)
    missing = [name for name in target.columns if name not in columns]
    if missing:
        raise ConfigError(
            f"target.kind: {kind} needs {', '.join(missing)}, which these bars lack (columns: {', '.join(columns)}): "
            "correct the name, use bars that have it, or set target.from, which makes realised_variance of finer bars"
        )
    if target.bar_change:
        return [target.bar_change().alias(BAR_CHANGE)]
    if not target.bar_variance:
        return []
    has_quarticity = kind.startswith(LOG_VARIANCE_OF) and QUARTICITY in columns
    quarticity = [pl.col(QUARTICITY).alias(BAR_QUARTICITY)] if has_quarticity else []
    return [target.bar_variance().alias(BAR_VARIANCE), *quarticity]


def _target(kind: str) -> Target:
    """Return the target of a name; ConfigError where there is none."""
    try:
        return target_of(kind)
    except ValueError as unknown:
        raise ConfigError(f"target.kind: {unknown}") from unknown


def _usable(column: str, about: Resolved) -> pl.Expr:
    """Keep the values of a feature, finite or of a logarithm, whose look-back lies inside the stretch of bars."""
    value = pl.col(column).cast(pl.Float64)
    a_number = value.is_finite() | (value == -math.inf) if about.logarithm else value.is_finite()
    return pl.when((pl.col(POSITION) >= about.lookback) & a_number).then(value).alias(column)


def _check_columns(bars: pl.DataFrame, features: Sequence[Resolved], series: Mapping[str, object]) -> None:
    """Raise ConfigError if a feature reads a column that neither the bars nor an outside series have."""
    for one in features:
        roots = () if one.of else (name for expr in one.exprs for name in expr.meta.root_names())
        read = dict.fromkeys((*one.requires, *roots))
        missing = [column for column in read if column not in bars.columns]
        if missing:
            known = ", ".join({**EXTERNAL, **series}) or "none"
            raise ConfigError(
                f"features: {one.columns[0]} needs {', '.join(missing)}, which these bars lack and no outside series "
                f"has (columns: {', '.join(bars.columns)}; series: {known}): correct the name, use bars that have it, "
                "or name the file of the series in a table [series.NAME]"
            )
