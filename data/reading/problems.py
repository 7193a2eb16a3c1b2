"""The messages about a table: where, what was expected, what it got, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from backtest.data.errors import (
    DataError,
    DuplicateTime,
    InconsistentPrices,
    MissingValue,
    NegativeVolume,
    NonPositivePrice,
    NotFinite,
    RepeatedBar,
    TimestampUnit,
    TimezoneMissing,
    TooFewBars,
    UnfinishedBar,
    UnknownSource,
    Unsorted,
    WrongSchema,
)

SEVERITY: tuple[type[DataError], ...] = (
    UnknownSource,
    WrongSchema,
    TimestampUnit,
    TimezoneMissing,
    MissingValue,
    NotFinite,
    NonPositivePrice,
    NegativeVolume,
    InconsistentPrices,
    DuplicateTime,
    RepeatedBar,
    Unsorted,
    UnfinishedBar,
    TooFewBars,
)


@dataclass(frozen=True, slots=True)
class Table:
    """What one file holds.

    `frame` has a column `row`: the number of the data row in the file, from 1, header and banner not counted but blank
    lines counted. `head` is the number of lines before the first data row; None for a file that is no text.
    """

    file: str
    frame: pl.DataFrame
    head: int | None = None

    def place(self, row: int) -> str:
        """Where a person finds `row` in the file: `row 5`, and in a text file the line as an editor counts."""
        return f"row {row}" if self.head is None else f"row {row}, line {row + self.head}"


def format_time(time: datetime) -> str:
    """Return a time as the messages write it, with seconds only where there are any."""
    digits = "auto" if time.second or time.microsecond else "minutes"
    return f"{time.replace(tzinfo=None).isoformat(sep=' ', timespec=digits)} UTC"


def plural(count: int, noun: str) -> str:
    """Return `1 row`, `2,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def describe_problem(
    kind: type[DataError], table: Table, column: str, bad: pl.DataFrame, what: str, expected: str, remedy: str, got: str
) -> DataError:
    """Describe what is wrong with the rows `bad` of `table`, which have `row` and perhaps `time`.

    `got` is a format string over the columns of the first bad row, as the file counts.
    """
    first: dict[str, Any] = bad.row(bad["row"].arg_min() or 0, named=True)
    time = first.get("time")
    at = table.place(first["row"]) + (f", {format_time(time)}" if isinstance(time, datetime) else "")
    came = got.format_map(first)
    return kind(
        f"{table.file}: {column}: {what} in {plural(bad.height, 'row')}, first in {at}: "
        f"expected {expected} (got {came}): {remedy}"
    )


def most_severe_first(problems: list[DataError]) -> tuple[DataError, ...]:
    """Return the problems in the fixed order of SEVERITY, those of one kind as they came."""
    return tuple(sorted(problems, key=lambda each: SEVERITY.index(type(each))))
