"""Recognises the format of a table of bars, and converts it to the columns of BARS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from types import MappingProxyType

import polars as pl

from backtest.data.errors import DataError, WrongSchema
from backtest.data.reading.problems import Table, describe_problem
from backtest.data.reading.times import BadCells, parse_times
from backtest.data.schema import BARS

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write bars: the names of its column of open times, and further columns of which it has one."""

    name: str
    times: tuple[str, ...]
    marks: tuple[str, ...] = ()
    newest_first: bool = False


SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "symbol": ("symbol",),
        "volume": ("volume",),
        "quote_volume": ("quote_volume", "quote_asset_volume", "assetvolume"),
        "trades": ("trades", "trade_count", "tradecount", "number_of_trades", "count"),
        "taker_buy_volume": (
            *("taker_buy_volume", "taker_buy_base", "taker_buy_asset_volume"),
            *("taker_buy_base_asset_volume", "taker_buy_base_volume"),
        ),
        "close_time": ("close_time", "closetime", "close time"),
    }
)

FORMATS = (
    Format("CryptoDataDownload", times=("unix",), marks=("symbol",), newest_first=True),
    Format("Binance klines", times=("open_time", "opentime", "open time", "time", "ts"), marks=SYNONYMS["close_time"]),
    Format("bars", times=("time",)),
    Format("tidy bars", times=("ts", "timestamp", "datetime", "open_time", "unix")),
    Format("freqtrade", times=("date",)),
)

MEASURES = Format("columns", times=("time", "ts", "timestamp", "datetime", "date", "observation_date"))
"""Columns of numbers by time, without prices."""

Columns = Mapping[str, str] | None
"""Further columns to be read, by what they are to be called; None: all of them where there are no prices."""

NOTHING: Mapping[str, str] = MappingProxyType({})
"""No further columns."""

FUNDING = {"fundingrate", "funding_rate"}
QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "GBP", "BTC")


def recognise(file: str, columns: list[str]) -> tuple[Format, dict[str, str]]:
    """Return the format of a table with these lower-case `columns`, and which of them is which column of BARS.

    The second also maps `close_time` where there is one. Raises WrongSchema if the columns are not those of bars.
    """
    names = set(columns)
    if names & FUNDING:
        raise WrongSchema(
            f"{file}: expected bars (got funding rates, {listed(columns)}): a funding rate is paid between traders of "
            "a perpetual future and is no price; load the bars of the instrument instead"
        )
    synonyms = {ours: next((name for name in theirs if name in names), None) for ours, theirs in SYNONYMS.items()}
    others = {ours: name for ours, name in synonyms.items() if name is not None}
    for form in FORMATS:
        time = next((name for name in form.times if name in names), None)
        if time and names.issuperset(PRICES) and (not form.marks or names & set(form.marks)):
            found = {"time": time} | {price: price for price in PRICES} | others
            if (
                form.newest_first
            ):  # first in the instrument's units, then in the quote currency, if that is named at all
                volumes = [name for name in columns if name.startswith("volume")]
                found |= dict(zip(("volume", "quote_volume"), volumes, strict=False))
            if "volume" in found:
                return form, found
    missing = [name for name in (*PRICES, "volume") if name not in {*names, *others}]
    absent = f"; missing: {', '.join(missing)}" if missing else ""
    raise WrongSchema(
        f"{file}: expected columns open, high, low, close, volume and the open times as time, ts, timestamp, date, "
        f"open_time or unix (got {listed(columns)}{absent}): rename the columns"
    )


def _measures(raw: Table, columns: Columns) -> dict[str, str] | None:
    """Return the columns of a table without prices, its own or those asked for; None for bars, or if none are asked."""
    names = raw.frame.columns
    time = next((name for name in MEASURES.times if name in names), None)
    if columns == {} or {*PRICES, *FUNDING} & {*names}:
        return None
    if time is None:
        if not columns:
            return None
        raise WrongSchema(
            f"{raw.file}: expected a column of times or dates called {', '.join(MEASURES.times)} (got "
            f"{listed(names)}): rename or add it"
        )
    symbol = {"symbol": "symbol"} if "symbol" in names else {}
    keys = {"row", time, *symbol}
    numbers = {name: name for name in names if name not in keys and raw.frame.schema[name] not in (pl.Boolean, pl.Date)}
    return {**symbol, "time": time, **(_found(raw, columns) if columns else numbers)}


def _found(raw: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """Return the lower-case name of each column asked for; WrongSchema where one is not there."""
    missing = [name for name in columns.values() if name.lower() not in raw.frame.columns]
    if missing:
        raise WrongSchema(
            f"{raw.file}: expected a column {' and '.join(missing)}, which the settings name (got "
            f"{listed(raw.frame.columns)}): correct target.kind, target.quarticity or features"
        )
    return {ours: name.lower() for ours, name in columns.items()}


def listed(columns: Iterable[str]) -> str:
    """Return the names, the first dozen of a wide table."""
    names = [name[:30] for name in columns if name != "row"]
    more = f", and {len(names) - 12} more" if len(names) > 12 else ""
    return f"columns {', '.join(names[:12])}{more}"


def symbol_of(file: str) -> str:
    """Return the instrument that a file's name tells: BTCUSDT of `btcusdt_spot_1h.parquet` or `BTC_USDT-1h.feather`.

    Without a pair of currencies in it, the name's first word counts: AAPL of `aapl-daily.csv`.
    """
    name = Path(file).name.upper()
    for quote in QUOTES:
        pair = re.search(rf"(?<![A-Z0-9])([A-Z0-9]{{2,}}?)[-_ ]?{quote}(?![A-Z0-9])", name)
        if pair:
            return pair[1] + quote
    word = re.search(r"[^\W_]+", name)
    return word[0] if word else name


@dataclass(frozen=True, slots=True)
class ParsedFile:
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


def parse_table(raw: Table, columns: Columns = NOTHING) -> ParsedFile:
    """Return the bars of `raw`, oldest first where the format itself is newest first, with further `columns`.

    A table without prices is taken for what its columns are. Cells that cannot be read become problems, and their rows
    are left out. Raises WrongSchema if `raw` holds neither bars nor the columns.
    """
    measures = _measures(raw, columns)
    if measures is None:
        form, sources = recognise(raw.file, raw.frame.columns)
        sources |= _found(raw, columns or {})
    else:
        form, sources = MEASURES, measures
    series, problems = [raw.frame["row"]], []
    unread = pl.Series([False]).new_from_index(0, raw.frame.height)
    for name, source in sources.items():
        values, faults = _read(name, raw.frame[source])
        series.append(values.alias(name))
        for fault in faults:
            bad = raw.frame.select("row", cell=pl.col(source).cast(pl.String)).filter(fault.mask)
            problems.append(
                describe_problem(fault.kind, raw, source, bad, fault.what, fault.expected, fault.remedy, "{cell}")
            )
        unread = reduce(or_, (fault.mask for fault in faults), unread)
    frame = pl.DataFrame(series).filter(~unread)
    if measures is None:
        _refuse_funding(raw.file, frame)
    if form.newest_first and frame.height and frame["time"][0] > frame["time"][-1]:
        frame = frame.reverse()
    named = "symbol" not in sources
    if named:
        frame = frame.with_columns(symbol=pl.lit(symbol_of(raw.file)))
    known = [column.name for column in BARS.columns if column.name in frame.columns]
    last = [name for name in ("row", "close_time") if name in frame.columns]
    further = [name for name in frame.columns if name not in {*known, *last}]
    kept = frame.select(*known, *further, *last)
    return ParsedFile(Table(raw.file, kept, raw.head), form.name, tuple(problems), named)


def _read(name: str, raw: pl.Series) -> tuple[pl.Series, list[BadCells]]:
    """Read one column of BARS."""
    if name in ("time", "close_time"):
        return parse_times(raw)
    if name == "symbol":
        return raw.cast(pl.String), []
    values, faults = read_numbers(raw)
    if name == "trades":
        fraction = (values.is_finite() & (values != values.floor())).fill_null(value=False)
        faults.append(BadCells(WrongSchema, fraction, "fractions of a trade", "whole numbers", "correct the rows"))
        values = values.cast(pl.Int64, strict=False)
    return values, [fault for fault in faults if fault.mask.any()]


def read_numbers(raw: pl.Series) -> tuple[pl.Series, list[BadCells]]:
    """Read numbers, or texts that hold numbers, as Float64."""
    text = raw.dtype == pl.String
    if not (text or raw.dtype.is_numeric() or raw.dtype == pl.Null):
        nothing = pl.Series([None], dtype=pl.Float64).new_from_index(0, raw.len())
        return nothing, [
            BadCells(WrongSchema, raw.is_not_null(), f"{raw.dtype} values", "numbers", "convert the column")
        ]
    values = (raw.str.strip_chars() if text else raw).cast(pl.Float64, strict=False)
    unread = raw.is_not_null() & values.is_null()
    remedy = "correct the rows (a decimal comma must become a point)"
    return values, [BadCells(WrongSchema, unread, "texts that are not a number", "a number such as 4261.48", remedy)]


def _refuse_funding(file: str, frame: pl.DataFrame) -> None:
    """Refuse funding rates in the shape of bars, as freqtrade stores them: the rate in `open`, all else zero."""
    if frame.height and frame.select((pl.col("high", "low", "close", "volume") == 0).all()).row(0) == (True,) * 4:
        raise WrongSchema(
            f"{file}: expected bars (got high, low, close and volume 0 in every row: funding rates in the shape of "
            "bars, the rate in open): load the bars of the instrument instead"
        )
