"""Loads bars from files, folders, globs and built-in names, and refuses what cannot be trusted."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from backtest.data.errors import DataError, UnknownSource, WrongSchema
from backtest.data.reading.built_in import built_in_bars
from backtest.data.reading.checks import check_rows, check_series, further_columns
from backtest.data.reading.formats import NOTHING, Columns, ParsedFile, parse_table
from backtest.data.reading.inspection import BarsCheck, summarise_bars
from backtest.data.reading.problems import Table, most_severe_first
from backtest.data.reading.tables import FRAME, find_files, read_tables, rows_of_frame
from backtest.data.schema import BARS

BUILT_IN_FORMAT = "built in"
UNNAMED = "series"
"""Symbol of the bars of a data frame where nothing names one."""

Symbols = str | Sequence[str] | None
"""An instrument, several, or all that there are."""

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SourceContent:
    """All bars of a source, the files they come from, and the problems, most severe first."""

    bars: pl.DataFrame
    parts: tuple[ParsedFile, ...]
    problems: tuple[DataError, ...]


def load_bars(
    source: str | Path, symbol: Symbols = None, *, columns: Columns = NOTHING, now: datetime | None = None
) -> pl.DataFrame:
    """Return the BARS of `source`, sorted by symbol and time, with the optional columns that the source has.

    `source` is a file (Parquet, Feather, CSV, CSV.gz, zip), a folder or a glob of them, or a built-in name: `sp500`,
    `nasdaq`, `synthetic`, `synthetic:n=20000,signal=0.02`. `symbol` picks an instrument, or names the one of a file
    that does not; several names pick those. Without it, names come from the files. `columns` are further ones to be
    read, by what they are to be called; a file that has those and no prices is taken as it is. Bars must have closed
    before `now`, by default the clock.

    Raises UnknownSource if there is nothing of that name, ConfigError for settings of `synthetic` that cannot be, and
    for data that cannot be trusted the most severe DataError with the others attached: nothing is repaired or dropped.
    """
    return _bars_or_raise(_read_source(source, symbol, columns, now))


def load_frame(
    frame: object, symbol: Symbols = None, *, columns: Columns = NOTHING, now: datetime | None = None
) -> pl.DataFrame:
    """Return the BARS of a polars or pandas data frame, recognised and checked as those of a file.

    `symbol` picks an instrument, or names the one of a frame without such a column. Raises as `load_bars`.
    """
    part = parse_table(Table(FRAME, rows_of_frame(frame)), columns)
    if part.named and symbol is None:
        part = _with_frame(part, part.frame.with_columns(symbol=pl.lit(UNNAMED)))
    return _bars_or_raise(_check_parts(_select_symbol(FRAME, [part], symbol), [], now or datetime.now(UTC)))


def inspect_bars(source: str | Path, symbol: str | None = None, *, now: datetime | None = None) -> BarsCheck:
    """Return what is in `source`, its holes and oddities, and every problem for which `load_bars` would refuse it.

    Raises UnknownSource and ConfigError as `load_bars`, but nothing for what is wrong with the data.
    """
    gathered = _read_source(source, symbol, None, now)
    files = tuple((part.table.file, part.format) for part in gathered.parts)
    fingerprint = None if gathered.problems else digest(gathered.bars)
    return summarise_bars(str(source), files, gathered.bars, gathered.problems, fingerprint)


def digest(bars: pl.DataFrame) -> str:
    """Return the SHA-256 of the content of BARS, independent of file and chunks; their order counts."""
    state = hashlib.sha256()
    known = {column.name: column.dtype for column in BARS.columns if column.name in bars.columns}
    for name, dtype in {**known, **{name: bars.schema[name] for name in sorted({*bars.columns} - {*known})}}.items():
        values = bars[name].cast(dtype)
        state.update(f"{name} {dtype} {values.len()} {values.null_count()}\n".encode())
        if dtype == pl.String:
            for length, symbol in values.rle().struct.unnest().select("len", "value").iter_rows():
                state.update(f"{length} {symbol}\n".encode())
            continue
        if values.null_count():
            state.update(np.packbits(values.is_null().to_numpy()).data)
        numbers = values.to_physical().fill_null(0).to_numpy()
        # Adding zero makes one zero of both; the byte order is stated, for the machine's own may be another.
        state.update(np.ascontiguousarray(numbers + numbers.dtype.type(0), numbers.dtype.newbyteorder("<")).data)
    return state.hexdigest()


def _read_source(source: str | Path, symbol: Symbols, columns: Columns, now: datetime | None) -> SourceContent:
    """Read, recognise and check everything that `source` names."""
    made = built_in_bars(str(source))
    if made is not None:
        if columns:
            raise WrongSchema(
                f"{source}: expected a column {' and '.join(columns.values())}, which the settings name (got "
                f"{', '.join(made.columns)}): correct target.kind or features, or use a file that has it"
            )
        part = ParsedFile(Table(str(source), made.with_row_index("row", offset=1)), BUILT_IN_FORMAT)
        return _check_parts(_select_symbol(str(source), [part], symbol), [], now or NEVER)
    parts: list[ParsedFile] = []
    problems: list[DataError] = []
    for path in find_files(source):
        try:
            parts += [parse_table(table, columns) for table in read_tables(path)]
        except DataError as error:
            problems.append(error)
    return _check_parts(_select_symbol(str(source), parts, symbol), problems, now or datetime.now(UTC))


def _check_parts(parts: list[ParsedFile], problems: list[DataError], deadline: datetime) -> SourceContent:
    """Check the rows of every part and all of them together; `problems` are those of parts that cannot be read."""
    for part in parts:
        problems += [*part.problems, *check_rows(part.table)]
    priced = {"close" in part.frame.columns for part in parts}
    if len(priced) > 1:
        problems.append(WrongSchema("prices: expected in all files or in none (got both): load one kind by a glob"))
    rows = _merge(parts)
    if rows.height or not problems:
        problems += check_series(rows, [part.table for part in parts], deadline)
    names = [*(column.name for column in BARS.columns if column.name in rows.columns), *further_columns(rows)]
    empty = [column.name for column in BARS.columns if column.optional and column.name in names]
    kept = [name for name in names if not (name in empty and rows[name].null_count() == rows.height)]
    return SourceContent(rows.select(kept).rechunk(), tuple(parts), most_severe_first(problems))


def _bars_or_raise(gathered: SourceContent) -> pl.DataFrame:
    """Return the bars, or raise the most severe problem with the others attached."""
    if gathered.problems:
        first, *others = gathered.problems
        raise type(first)(first.message, *others)
    return gathered.bars


def _select_symbol(source: str, parts: list[ParsedFile], symbol: Symbols) -> list[ParsedFile]:
    """Keep the bars of `symbol`, however it is written, or of several; or give its name to the only, unnamed series."""
    if symbol is None or not parts:
        return parts
    held = {name for part in parts for name in part.frame["symbol"].unique() if name is not None}
    if not isinstance(symbol, str):
        plain = {letters_and_digits(name): name for name in held}
        if absent := [name for name in symbol if letters_and_digits(name) not in plain]:
            raise UnknownSource(
                f"{source}: symbols: expected bars of {', '.join(absent)} (got bars of {', '.join(sorted(held))}): "
                "correct the names, or take them out"
            )
        names = [plain[letters_and_digits(name)] for name in symbol]
        kept = [_with_frame(part, part.frame.filter(pl.col("symbol").is_in(names))) for part in parts]
        return [part for part in kept if part.frame.height]
    wanted = [name for name in held if letters_and_digits(name) == letters_and_digits(symbol)]
    if wanted:
        one_name = pl.lit(sorted(wanted)[0]).alias("symbol")
        chosen = [
            _with_frame(part, part.frame.filter(pl.col("symbol").is_in(wanted)).with_columns(one_name))
            for part in parts
        ]
        return [new for old, new in zip(parts, chosen, strict=True) if new.frame.height or old.frame.is_empty()]
    if len(held) > 1 or not all(part.named for part in parts):
        raise UnknownSource(
            f"{source}: symbol: expected bars of {symbol} (got bars of {', '.join(sorted(held))}): "
            "ask for one of these, or leave the symbol out"
        )
    return [_with_frame(part, part.frame.with_columns(symbol=pl.lit(symbol))) for part in parts]


def letters_and_digits(symbol: str) -> str:
    """Return `symbol` without the marks in which spellings differ: BTCUSDT for BTC/USDT."""
    return re.sub(r"[\W_]+", "", symbol).upper()


def _with_frame(part: ParsedFile, frame: pl.DataFrame) -> ParsedFile:
    return replace(part, table=replace(part.table, frame=frame))


def _merge(parts: Sequence[ParsedFile]) -> pl.DataFrame:
    """Return the rows of all parts that have a time and a symbol, sorted by them, with the number of their `file`."""
    priced = not parts or any("close" in part.frame.columns for part in parts)
    bars = BARS.dtypes if priced else {name: BARS.dtypes[name] for name in ("symbol", "time")}
    nothing = pl.DataFrame(schema={**bars, "row": pl.UInt32, "file": pl.UInt32})
    numbered = [part.frame.with_columns(file=pl.lit(number, pl.UInt32)) for number, part in enumerate(parts)]
    rows = pl.concat([nothing, *numbered], how="diagonal").drop_nulls(["symbol", "time"])
    symbol, time = pl.col("symbol"), pl.col("time")
    back = (symbol < symbol.shift()) | ((symbol == symbol.shift()) & (time < time.shift()))
    return rows.sort("symbol", "time", "file", "row") if rows.select(back.any()).item() else rows
