"""Reads a series that is not bars from files: what each value is about, when it was known, until when it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl

from backtest.data.errors import DataError, MissingValue, WrongSchema
from backtest.data.reading.formats import MEASURES, listed, read_numbers
from backtest.data.reading.problems import Table, describe_problem, most_severe_first
from backtest.data.reading.tables import find_files, read_tables
from backtest.data.reading.times import BadCells, parse_times

TIMES = MEASURES.times
"""Names of a column of times where none is named."""

RESERVED = {"row", "symbol", "time", "known_at", "expires"}
"""Names that no column of values can have."""

KINDS = "a file, a folder or a glob of a series"


@dataclass(frozen=True, slots=True)
class Layout:
    """How the files of a series are to be read: the names of its columns, and how late and how long a value counts.

    Attributes
    ----------
    columns
        Columns of values, called as they are written here; empty: all that hold numbers alone, in lower case.
    time
        Column of the instants that values are about; None: the first of TIMES.
    known_at
        Column of the instants at which they were published; None: they are known `delay` after their time.
    delay
        Time from publication to knowledge, added to `known_at`, or to the time where there is none.
    max_age
        How long after it was known a value counts; None: until the next one.
    """

    columns: Sequence[str] = ()
    time: str | None = None
    known_at: str | None = None
    delay: timedelta = timedelta(0)
    max_age: timedelta | None = None


def read_series(source: str | Path, layout: Layout) -> pl.DataFrame:
    """Return the series in `source`: `symbol` if the files have it, `time`, `known_at`, `expires` if it does, values.

    Rows without any value, as FRED writes days without a figure, were no publication and are left out. Times are read
    as those of bars, see `times`; rows stay in their order. Raises UnknownSource where there is no file, and the most
    severe DataError, the others attached, for cells that cannot be read.
    """
    parts = [_parse(table, layout) for path in find_files(source, KINDS) for table in read_tables(path)]
    problems = most_severe_first([problem for _, found in parts for problem in found])
    if problems:
        first, *others = problems
        raise type(first)(first.message, *others)
    rows = pl.concat([frame for frame, _ in parts], how="diagonal")
    values = [name for name in rows.columns if name not in {"symbol", "time", "known_at"}]
    known = pl.col("known_at") + layout.delay
    rows = rows.filter(~pl.all_horizontal(pl.col(values).is_null())).with_columns(known_at=known)
    return rows.with_columns(expires=pl.col("known_at") + layout.max_age) if layout.max_age else rows


def _parse(table: Table, layout: Layout) -> tuple[pl.DataFrame, list[DataError]]:
    """Return the columns of a series and the problems with its cells; WrongSchema where a column is not there."""
    names = table.frame.columns
    time = _named(table, layout.time) or next((name for name in TIMES if name in names), None)
    if time is None:
        raise WrongSchema(
            f"{table.file}: expected a column of times called {', '.join(TIMES)} (got {listed(names)}): name yours as "
            "`time`"
        )
    known_at = _named(table, layout.known_at) or time
    if taken := sorted(RESERVED & {*layout.columns}):
        raise WrongSchema(
            f"{table.file}: expected columns of values (got {', '.join(taken)}, which have a meaning): rename"
        )
    values = {name: _named(table, name) or name for name in layout.columns} or {
        name: name for name in names if name not in {*RESERVED, time, known_at} and _holds_numbers(table.frame[name])
    }
    if not values:
        raise WrongSchema(f"{table.file}: expected a column of numbers (got {listed(names)}): correct the file")
    columns = {"symbol": table.frame["symbol"].cast(pl.String)} if "symbol" in names else {}
    faults: dict[str, list[BadCells]] = {}
    for name, column in {"time": time, "known_at": known_at}.items():
        columns[name], unread = parse_times(table.frame[column])
        missing = table.frame[column].is_null()
        gap = BadCells(MissingValue, missing, "no time", "one in every row", "correct or delete the rows")
        faults[column] = [*unread, gap]
    for name, column in values.items():
        columns[name], faults[column] = read_numbers(table.frame[column])
    problems = [
        problem for column, found in faults.items() for fault in found if (problem := _problem(table, column, fault))
    ]
    return pl.DataFrame([values.alias(name) for name, values in columns.items()]), problems


def _problem(table: Table, column: str, fault: BadCells) -> DataError | None:
    """Describe cells that cannot be read; None where there are none."""
    bad = table.frame.select("row", cell=pl.col(column).cast(pl.String)).filter(fault.mask)
    if bad.is_empty():
        return None
    return describe_problem(fault.kind, table, column, bad, fault.what, fault.expected, fault.remedy, "{cell}")


def _named(table: Table, name: str | None) -> str | None:
    """Return the lower-case name of a column that the settings name; WrongSchema where it is not there."""
    if name and name.strip().lower() not in table.frame.columns:
        raise WrongSchema(
            f"{table.file}: expected a column {name}, which the settings name (got {listed(table.frame.columns)}): "
            "correct the name"
        )
    return name and name.strip().lower()


def _holds_numbers(column: pl.Series) -> bool:
    """Whether all that is known in a column are numbers, and something is."""
    if not (column.dtype.is_numeric() or column.dtype == pl.String):
        return False
    values, faults = read_numbers(column)
    return values.len() > values.null_count() and not any(fault.mask.any() for fault in faults)
