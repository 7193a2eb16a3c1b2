"""Brings a table of one file, however it is written, into the columns of BARS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

import polars as pl

from backtest.data.errors import DataError, WrongSchema
from backtest.data.reading.formats import recognise, symbol_of
from backtest.data.reading.problems import Table, problem
from backtest.data.reading.times import Fault, parse_times
from backtest.data.schema import BARS


@dataclass(frozen=True, slots=True)
class Part:
    """The bars of one file: the columns of BARS, `row`, and for klines `close_time`; and what could not be read.

    `named` tells that the symbol was taken from the file's name.
    """

    table: Table
    format: str
    problems: tuple[DataError, ...] = ()
    named: bool = False

    @property
    def frame(self) -> pl.DataFrame:
        """The rows that could be read."""
        return self.table.frame


def normalise(raw: Table) -> Part:
    """Return the bars of `raw`, oldest first where the format itself is newest first.

    Cells that cannot be read become problems, and their rows are left out.
    Raises WrongSchema if `raw` does not hold bars.
    """
    form, sources = recognise(raw.file, raw.frame.columns)
    series, problems = [raw.frame["row"]], []
    unread = pl.Series([False]).new_from_index(0, raw.frame.height)
    for name, source in sources.items():
        values, faults = _read(name, raw.frame[source])
        series.append(values.alias(name))
        problems += [_word(raw, source, fault) for fault in faults]
        unread = reduce(or_, (fault.mask for fault in faults), unread)
    frame = pl.DataFrame(series).filter(~unread)
    _refuse_funding(raw.file, frame)
    if form.newest_first and frame.height and frame["time"][0] > frame["time"][-1]:
        frame = frame.reverse()
    named = "symbol" not in sources
    if named:
        frame = frame.with_columns(symbol=pl.lit(symbol_of(raw.file)))
    known = [column.name for column in BARS.columns if column.name in frame.columns]
    extra = [name for name in ("row", "close_time") if name in frame.columns]
    return Part(Table(raw.file, frame.select(*known, *extra), raw.head), form.name, tuple(problems), named)


def _read(name: str, raw: pl.Series) -> tuple[pl.Series, list[Fault]]:
    """Read one column of BARS."""
    if name in ("time", "close_time"):
        return parse_times(raw)
    if name == "symbol":
        return raw.cast(pl.String), []
    values, faults = _read_numbers(raw)
    if name == "trades":
        fraction = (values.is_finite() & (values != values.floor())).fill_null(value=False)
        faults.append(Fault(WrongSchema, fraction, "fractions of a trade", "whole numbers", "correct the rows"))
        values = values.cast(pl.Int64, strict=False)
    return values, [fault for fault in faults if fault.mask.any()]


def _read_numbers(raw: pl.Series) -> tuple[pl.Series, list[Fault]]:
    """Read numbers, or texts that spell them, as Float64."""
    text = raw.dtype == pl.String
    if not (text or raw.dtype.is_numeric() or raw.dtype == pl.Null):
        nothing = pl.Series([None], dtype=pl.Float64).new_from_index(0, raw.len())
        return nothing, [Fault(WrongSchema, raw.is_not_null(), f"{raw.dtype} values", "numbers", "convert the column")]
    values = (raw.str.strip_chars() if text else raw).cast(pl.Float64, strict=False)
    unread = raw.is_not_null() & values.is_null()
    remedy = "correct the rows (a decimal comma must become a point)"
    return values, [Fault(WrongSchema, unread, "texts that are no number", "a number such as 4261.48", remedy)]


def _word(raw: Table, source: str, fault: Fault) -> DataError:
    """Put a fault of the column `source` into words."""
    bad = raw.frame.select("row", cell=pl.col(source).cast(pl.String)).filter(fault.mask)
    return problem(fault.kind, raw, source, bad, fault.what, fault.expected, fault.remedy, "{cell}")


def _refuse_funding(file: str, frame: pl.DataFrame) -> None:
    """Refuse funding rates in the shape of bars, as freqtrade stores them: the rate in `open`, all else zero."""
    if frame.height and frame.select((pl.col("high", "low", "close", "volume") == 0).all()).row(0) == (True,) * 4:
        raise WrongSchema(
            f"{file}: expected bars (got high, low, close and volume 0 in every row: funding rates in the shape of "
            "bars, the rate in open): load the bars of the instrument instead"
        )
