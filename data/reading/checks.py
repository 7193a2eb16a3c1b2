"""Checks of bars: rules for the rows of one file, and for the series over all files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from backtest.data.durations import format_duration
from backtest.data.errors import (
    DataError,
    DuplicateTime,
    InconsistentPrices,
    MissingValue,
    NegativeVolume,
    NonPositivePrice,
    NotFinite,
    RepeatedBar,
    TooFewBars,
    UnfinishedBar,
    Unsorted,
    WrongSchema,
)
from backtest.data.reading.formats import PRICES
from backtest.data.reading.problems import Table, describe_problem, format_time, plural
from backtest.data.schema import BARS
from backtest.data.sessions import interval_of

NUMBERS = tuple(column.name for column in BARS.columns if column.dtype == pl.Float64)
AMOUNTS = ("volume", "quote_volume", "trades", "taker_buy_volume")

TRADED = ("symbol", "time", *PRICES, *AMOUNTS)
"""Columns of bars; what else there is, such as a realised variance, is measured in the bar."""

# A single crash can be as deep as this; where many bars are, decimal points have been lost.
IMPLAUSIBLE_RATIO, IMPLAUSIBLE_SHARE, IMPLAUSIBLE_COUNT = 9.0, 0.01, 3


@dataclass(frozen=True, slots=True)
class Check:
    """A rule: which rows break it (null counts as no), and the words of the error. `got` is formatted with the row."""

    kind: type[DataError]
    column: str
    broken: pl.Expr
    what: str
    expected: str
    remedy: str
    got: str

    def report(self, table: Table) -> DataError:
        """Describe the rows of `table` that break the rule; there must be some."""
        broken = table.frame.filter(self.broken)
        return describe_problem(self.kind, table, self.column, broken, self.what, self.expected, self.remedy, self.got)


def rules(frame: pl.DataFrame) -> list[Check]:
    """Return the rules for the columns that `frame` has; each row can be judged alone, or by the row before it.

    Columns beyond those of bars may be null, where there is no value.

    NaN is greater than every number in Polars, so each comparison also asks for finite values.
    """
    columns, fill = frame.columns, "fill in the value or delete the row"
    found = [
        Check(MissingValue, name, pl.col(name).is_null(), "no value", "a value in every row", fill, "nothing")
        for name in BARS.names
        if name in columns
    ]
    for name in dict.fromkeys((*NUMBERS, *further_columns(frame))):
        if name in columns:
            broken = ~pl.col(name).is_finite()
            found.append(Check(NotFinite, name, broken, "NaN or infinity", "a finite number", fill, f"{{{name}}}"))
    for name in [price for price in PRICES if price in columns]:
        broken, remedy = pl.col(name).is_finite() & (pl.col(name) <= 0), "correct the price or delete the row"
        found.append(
            Check(NonPositivePrice, name, broken, "price not above zero", "a price > 0", remedy, f"{{{name}}}")
        )
    for name in AMOUNTS:
        if name in columns:
            broken = pl.col(name) < 0 if name == "trades" else pl.col(name).is_finite() & (pl.col(name) < 0)
            remedy = "correct the amount or delete the row (zero is allowed)"
            found.append(
                Check(NegativeVolume, name, broken, "amount below zero", "an amount >= 0", remedy, f"{{{name}}}")
            )
    back, several = pl.col("time").diff() < pl.duration(), frame.height > 0 and frame["symbol"].n_unique() > 1
    unsorted = Check(
        Unsorted,
        "time",
        back.over("symbol") if several else back,
        "earlier than the row before",
        "ascending times",
        "sort the file by time",
        "{time:%Y-%m-%d %H:%M}",
    )
    return [*found, *(_inconsistent() if "close" in columns else ()), unsorted]


def further_columns(frame: pl.DataFrame) -> list[str]:
    """Columns of numbers that are not of BARS, such as realised measures of a file."""
    known = {*(column.name for column in BARS.columns), "row", "file"}
    return [name for name, dtype in frame.schema.items() if name not in known and dtype.is_numeric()]


def _inconsistent() -> list[Check]:
    """Rules for the four prices of a bar, where all four are prices at all."""
    opened, high, low, close = (pl.col(name) for name in PRICES)
    sound = pl.all_horizontal(pl.col(name).is_finite() & (pl.col(name) > 0) for name in PRICES)
    got, remedy = "open {open}, high {high}, low {low}, close {close}", "correct the prices or delete the row"
    below = sound & (high < pl.max_horizontal(opened, low, close))
    above = sound & (low > pl.min_horizontal(opened, close))
    ratio = sound & (high > IMPLAUSIBLE_RATIO * low)
    enough = ratio.sum() >= pl.max_horizontal(IMPLAUSIBLE_COUNT, IMPLAUSIBLE_SHARE * pl.len())
    kind = InconsistentPrices
    return [
        Check(kind, "high", below, "below another price of the bar", "high >= open, low and close", remedy, got),
        Check(kind, "low", above, "above another price of the bar", "low <= open and close", remedy, got),
        Check(
            kind,
            "high",
            ratio & enough,
            f"more than {IMPLAUSIBLE_RATIO:g} times the low, as where decimal points are lost,",
            "a larger ratio in rare crashes at most",
            "download the file again",
            got,
        ),
    ]


def check_rows(table: Table) -> list[DataError]:
    """Return the problems of the bars of one file that a single row, or its neighbour, shows."""
    checks = rules(table.frame)
    counts = table.frame.select(check.broken.sum().alias(str(number)) for number, check in enumerate(checks)).row(0)
    return [check.report(table) for check, count in zip(checks, counts, strict=True) if count]


FEWEST = 2
VALUES = [column.name for column in BARS.columns[2:]]


def check_series(bars: pl.DataFrame, tables: Sequence[Table], now: datetime) -> list[DataError]:
    """Return the problems of the bars of all files together.

    `bars` have the columns of BARS, sorted by symbol and time, besides `file` (a number in `tables`), `row` and perhaps
    `close_time`. `now` is the time at which the last bar must have closed.
    """
    problems = [*_repeated_times(bars, tables), *_too_few(bars, tables), *_mixed_intervals(bars, tables)]
    if any(isinstance(each, TooFewBars | WrongSchema) for each in problems):
        return problems
    try:
        return problems + _unfinished(bars, tables, interval_of(bars), now)
    except DataError as no_interval:
        return [*problems, no_interval]


def _repeated_times(bars: pl.DataFrame, tables: Sequence[Table]) -> list[DataError]:
    """Name the times that an instrument has more than once, per set of files and whether the bars are identical."""
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift() for name in ("symbol", "time"))
    flags = bars.select(same=same.fill_null(value=False))["same"]
    if not flags.any():
        return []
    values = [name for name in (*VALUES, *further_columns(bars)) if name in bars.columns]
    # What only one of two files knows, such as the number of trades, is no contradiction.
    identical = pl.all_horizontal(pl.col(name).drop_nulls().n_unique() <= 1 for name in values)
    times = (
        bars.filter(flags | flags.shift(-1, fill_value=False))
        .group_by("symbol", "time", maintain_order=True)
        .agg("file", "row", *values, identical=identical)
        .with_columns(files=pl.col("file").list.unique().list.sort())
    )
    return [
        _describe_repeated(group, tables, values)
        for group in times.partition_by("symbol", "identical", "files", maintain_order=True)
    ]


def _describe_repeated(times: pl.DataFrame, tables: Sequence[Table], values: list[str]) -> DataError:
    """Describe the repeated times of one instrument in one set of files, which are all identical or all conflicting."""
    first = times.row(0, named=True)
    files = " and ".join(tables[number].file for number in first["files"])
    places = " and ".join(
        tables[file].place(row) for file, row in sorted(zip(first["file"], first["row"], strict=True))
    )
    more = "".join(f", {format_time(time)}" for time in times["time"][1:3]) + ", ..." * (times.height > 3)
    where = f"{files}: time: {plural(times.height, 'time')} of {first['symbol']} more than once"
    when = f"first {format_time(first['time'])} ({places}){more}: expected one row per time"
    if first["identical"]:
        remedy = "delete the repeated rows" if len(first["files"]) == 1 else "load each time from one file only"
        return RepeatedBar(f"{where}, identical in every column, {when} (got identical rows): {remedy}")
    known = {name: dict.fromkeys(value for value in first[name] if value is not None) for name in values}
    name, differing = next((name, found) for name, found in known.items() if len(found) > 1)
    return DuplicateTime(
        f"{where}, with different values, {when} (got {name} {' and '.join(map(str, differing))}): "
        "find out which rows are right and delete the others; such bars often come from two downloads"
    )


def _too_few(bars: pl.DataFrame, tables: Sequence[Table]) -> list[DataError]:
    """Name the instruments with too few bars to tell their interval, and say so if there is no bar at all."""
    remedy = "load more"
    if bars.is_empty():
        files = ", ".join(table.file for table in tables)
        return [TooFewBars(f"{files}: time: expected at least {FEWEST} bars (got 0): {remedy}")]
    lengths = bars.group_by("symbol", maintain_order=True).agg(pl.len(), pl.col("file").first())
    return [
        TooFewBars(f"{tables[file].file}: time: expected at least {FEWEST} bars of {symbol} (got {count}): {remedy}")
        for symbol, count, file in lengths.filter(pl.col("len") < FEWEST).iter_rows()
    ]


def _mixed_intervals(bars: pl.DataFrame, tables: Sequence[Table]) -> list[DataError]:
    """Name two files, or two instruments, whose bars are of different length; a few bars do not tell."""
    step = pl.col("time").diff()
    steps = (
        bars.group_by("symbol", "file", maintain_order=True)
        .agg(pl.len(), step=step.filter(step > pl.duration()).mode().min())
        .filter((pl.col("len") > 3) & pl.col("step").is_not_null())
    )
    if steps["step"].n_unique() < 2:
        return []
    listed = ", ".join(
        f"{symbol} {format_duration(length)} in {tables[file].file}"
        for symbol, file, _, length in steps.unique("step", keep="first", maintain_order=True).iter_rows()
    )
    return [WrongSchema(f"interval: expected one for all bars (got {listed}): load one interval at a time by a glob")]


def _unfinished(bars: pl.DataFrame, tables: Sequence[Table], interval: timedelta, now: datetime) -> list[DataError]:
    """Name the last bars that close after `now`, or whose own close time comes before their full length."""
    last = bars.group_by("symbol", maintain_order=True).last()
    close_time = pl.col("close_time") if "close_time" in bars.columns else pl.lit(None, pl.Datetime("us", "UTC"))
    # A kline's close time is the last millisecond or microsecond of the bar.
    early = close_time + timedelta(seconds=1) < pl.col("time") + interval
    late = pl.col("time") + interval > now
    open_bars = last.filter(early.fill_null(value=False) | late).with_columns(
        closes=pl.when(early).then(close_time).otherwise(pl.col("time") + interval)
    )
    return [_describe_unfinished(row, tables[row["file"]], interval, now) for row in open_bars.iter_rows(named=True)]


def _describe_unfinished(row: dict[str, Any], table: Table, interval: timedelta, now: datetime) -> DataError:
    """Describe the last bar of an instrument, which had not closed."""
    return UnfinishedBar(
        f"{table.file}: time: last bar of {row['symbol']} not finished, in {table.place(row['row'])}, "
        f"{format_time(row['time'])}: expected a closed bar of {format_duration(interval)} "
        f"(got one that closes at {format_time(row['closes'])}, now is {format_time(now)}): delete the row"
    )
