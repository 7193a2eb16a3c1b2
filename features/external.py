"""Series that are not bars, such as a funding rate or a macro figure, and which of their values a bar's close knew.

A figure is about one instant, the end of the period that it covers, and becomes known at another, often weeks later.
What a feature reads at a bar is the value in force at the bar's close: among all that was published by then, the one
about the latest period. A revision thus counts from its publication on, and only until a newer period has a value.

A series is a function, `@external`, or a file that the settings name (`data.reading.outside`): both go this way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar, overload

import polars as pl

from backtest.data.errors import BacktestError, ConfigError, WrongSchema
from backtest.data.schema import SYMBOL, UTC_TIME, Column, Schema, check
from backtest.features.catalog import check_redefinition

Source = Callable[[], pl.DataFrame]
Registered = TypeVar("Registered", bound=Source)

EXTERNAL: dict[str, External] = {}

INSTANTS = (
    Column("time", UTC_TIME, "the instant that the value is about: the end of the period it covers"),
    Column("known_at", UTC_TIME, "when it was published"),
)
EXPIRES = Column("expires", UTC_TIME, "the last instant at which the value counts; null: until the next", optional=True)
KEYS = (SYMBOL.name, *(column.name for column in (*INSTANTS, EXPIRES)))


NO_FILES: Mapping[str, Source] = MappingProxyType({})
"""No series of the settings."""


@dataclass(frozen=True, slots=True)
class External:
    """An entry of EXTERNAL: a function without parameters that returns the whole series."""

    name: str
    function: Source

    @property
    def identity(self) -> object:
        """What two registrations of the same code share, even when their module was imported again."""
        return getattr(self.function, "__code__", self.function)


@overload
def external(function: Registered) -> Registered:  # noqa: D418
    """Register under the function's own name, as a bare `@external`."""


@overload
def external(*, name: str) -> Callable[[Registered], Registered]:  # noqa: D418
    """Register under `name`, as `@external(name="...")`."""


def external(
    function: Registered | None = None, *, name: str | None = None
) -> Registered | Callable[[Registered], Registered]:
    """Register a function that returns a series, named as it or `name`; it stays a plain function.

    The frame it returns has the columns `time` (the instant a value is about, the end of the period it covers) and
    `known_at` (when it was published), both Datetime("us", "UTC"), one or more columns of numbers, where null says
    that there is no value, `symbol` if each instrument has a series of its own, and `expires` (the last instant at
    which a value counts) if it does not count until the next. A feature names what it reads,
    `requires=("funding.rate",)`. Raises ConfigError for a name with a dot, or one that other code has already.

    >>> import backtest as bt
    >>> import polars as pl
    >>> @bt.external
    ... def funding() -> pl.DataFrame:
    ...     return pl.read_parquet("funding.parquet")
    >>> @bt.feature(lookback=0, requires=("funding.rate",))
    ... def carry() -> pl.Expr:
    ...     return pl.col("funding.rate")
    """

    def register(function: Registered) -> Registered:
        entry = External(name or function.__name__, function)
        if "." in entry.name:
            raise ConfigError(
                f"external: {entry.name}: expected a name without a dot, which parts it from its columns: rename it"
            )
        known = EXTERNAL.setdefault(entry.name, entry)
        if known.identity != entry.identity:
            check_redefinition("external", entry.name, function, known.function)
            EXTERNAL[entry.name] = entry
        return function

    return register if function is None else register(function)


def load(names: Iterable[str], files: Mapping[str, Source] = NO_FILES) -> dict[str, pl.DataFrame]:
    """Call the series `names`; return each sorted by symbol, if it has one, `known_at` and `time`, its values Float64.

    `files` are those that the settings name, besides EXTERNAL. NaN and infinity become null. Whether a value was
    published before the end of its period is left to the audit. Raises ConfigError for an unknown name or one that
    stands in both, any exception of its function, or a frame that is not as `external` says; DataError for a file that
    cannot be trusted.
    """
    found: dict[str, pl.DataFrame] = {}
    known = {name: entry.function for name, entry in EXTERNAL.items()} | dict(files)
    for name in names:
        if name not in known:
            raise ConfigError(
                f"external: {name!r} is not known (known: {', '.join(known) or 'none'}): correct the name, name its "
                "file in a table [series.NAME] of the settings, or an asset in context.symbols, or use @external"
            )
        if name in files and name in EXTERNAL:
            raise ConfigError(
                f"series.{name}: expected a name of its own (a plugin has an @external of that name): rename one"
            )
        try:
            frame = known[name]()
        except BacktestError:
            raise
        except Exception as error:
            raise ConfigError(
                f"external: {name} cannot be read: {type(error).__name__}: {error}: fix its function"
            ) from error
        found[name] = checked(name, frame)
    return found


def join(bars: pl.DataFrame, series: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return `bars` (symbol, time, known_at: the close) with every value in force at the close, as `series.column`.

    In force is the latest `time` of all that was published up to the close, and of that time the last publication;
    null before the first, and where it has expired. A series with a `symbol` counts for the bars of that symbol alone,
    any other for all.
    """
    closes = bars.select("symbol", "known_at").with_row_index("row").sort("known_at")
    for name, frame in series.items():
        by = "symbol" if "symbol" in frame.columns else None
        values = [pl.col(column).alias(f"{name}.{column}") for column in frame.columns if column not in KEYS]
        # a publication about an earlier time than one before it never was the value in force
        newest, published = pl.col("time").cum_max(), frame.sort("known_at", maintain_order=True)
        in_force = published.filter(pl.col("time") == (newest.over(by) if by else newest))
        until = [EXPIRES.name] if EXPIRES.name in frame.columns else []
        read = in_force.select("known_at", *([by] if by else []), *until, *values)
        found = closes.join_asof(read, on="known_at", by=by, check_sortedness=False).sort("row")
        if until:
            counts = (pl.col("known_at") <= pl.col(EXPIRES.name)).fill_null(value=True)
            found = found.with_columns(pl.when(counts).then(expr.meta.output_name()) for expr in values)
        bars = bars.with_columns(found[expr.meta.output_name()] for expr in values)
    return bars


def checked(name: str, frame: object) -> pl.DataFrame:
    """Return a series as `load` does; ConfigError where it is not as `external` says."""
    if not isinstance(frame, pl.DataFrame):
        raise ConfigError(f"external: {name}: expected a polars DataFrame (got {type(frame).__name__}): return one")
    keys = _check(name, frame)
    numbers = (pl.col(column).cast(pl.Float64) for column in frame.columns if column not in KEYS)
    series = frame.with_columns(pl.when(number.is_finite()).then(number) for number in numbers).unique().sort(keys)
    twice = series.select(keys).is_duplicated().sum()
    if twice:
        raise ConfigError(
            f"external: {name}: expected one row for each {', '.join(keys)} (got {twice} rows that differ in their "
            "values alone): keep the right ones"
        )
    return series


def _check(name: str, frame: pl.DataFrame) -> list[str]:
    """Return the columns by which `frame` is sorted; ConfigError unless its columns are as `external` says."""
    by_symbol = (SYMBOL,) if SYMBOL.name in frame.columns else ()
    try:
        check(frame, Schema(name, "an external series", (*by_symbol, *INSTANTS, EXPIRES), open_ended=True))
    except WrongSchema as error:
        raise ConfigError(
            f'external: {error}: return `time` and `known_at` with a value in every row, as .cast(pl.Datetime("us", '
            '"UTC")) makes them, and `symbol`, if there is one, as text'
        ) from None
    values = {column: dtype for column, dtype in frame.schema.items() if column not in KEYS}
    if not values or not all(dtype.is_numeric() for dtype in values.values()):
        got = ", ".join(f"{column} {dtype}" for column, dtype in values.items()) or "none"
        raise ConfigError(
            f"external: {name}: expected one or more columns of numbers besides {', '.join(KEYS)} (got {got}): "
            "cast them, or drop what is not a number"
        )
    return [*(column.name for column in by_symbol), "known_at", "time"]
