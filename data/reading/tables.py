"""Reads raw tables: from the files of a source, whose first bytes tell their type, or from a data frame in memory."""

from __future__ import annotations

import glob
import gzip
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from backtest.data.errors import UnknownSource, WrongSchema
from backtest.data.reading.problems import Table

FRAME = "data frame"
"""What messages name in place of a file where the bars are in memory."""

SUFFIXES = (".csv", ".txt", ".gz", ".zip", ".parquet", ".pq", ".feather", ".arrow", ".ipc")
SEPARATORS = (",", ";", "\t")
LARGEST = 2_000_000_000
"""Bytes that a compressed file may inflate to, or all files of an archive."""
NULLS = ["", ".", "NULL", "Null", "null", "None", "NA", "N/A"]
"""Texts of a missing value; FRED writes a point."""

BAR_SOURCES = "a file, a folder, a glob, or one of sp500, nasdaq and synthetic"
KLINES = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trades"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)


def find_files(source: str | Path, kinds: str = BAR_SOURCES) -> list[Path]:
    """Return the files that `source` names: one file, the data files of a folder, or the matches of a glob, by name.

    Raises UnknownSource if there are none, which says that `kinds` were expected.
    """
    try:
        path = Path(source).expanduser()
        if path.is_dir():
            files = [each for each in sorted(path.iterdir()) if each.suffix.lower() in SUFFIXES and each.is_file()]
            if not files:
                raise UnknownSource(f"{source}: expected data files ({' '.join(SUFFIXES)}) in this folder (found none)")
            return files
        if path.is_file():
            return [path]
        matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file())  # noqa: PTH207
    except (OSError, RuntimeError, ValueError) as error:  # a name that no file can have
        raise UnknownSource(
            f"{str(source)[:200]!r}: expected {kinds} (cannot be looked up: {type(error).__name__}): check the spelling"
        ) from error
    if not matches:
        raise UnknownSource(f"{source}: expected {kinds} (no such file): check the spelling and the folder you are in")
    return matches


def read_tables(path: Path) -> list[Table]:
    """Return the table of a file, or the tables of an archive. Raises WrongSchema if it cannot be read."""
    file = str(path)
    try:
        return _decode(file, path.read_bytes())
    except OSError as error:
        raise WrongSchema(f"{file}: cannot be read ({error}): check the file") from error


def _decode(file: str, content: bytes) -> list[Table]:
    """Read bytes by their signature: zip, gzip, Parquet, Arrow, or else text."""
    try:
        if content.startswith(b"PK\x03\x04"):
            return _unzip(file, content)
        if content.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=BytesIO(content)) as packed:
                inflated = packed.read(LARGEST + 1)
            _check_size(file, len(inflated))
            return _decode(file, inflated)
        if content.startswith(b"PAR1"):
            return [Table(file, numbered(pl.read_parquet(BytesIO(content))))]
        if content.startswith(b"ARROW1"):
            return [Table(file, numbered(pl.read_ipc(BytesIO(content))))]
        return [_read_text(file, content.removeprefix(b"\xef\xbb\xbf"))]
    except (
        *(pl.exceptions.PolarsError, pl.exceptions.PanicException, RuntimeError, OSError),
        *(zipfile.BadZipFile, EOFError, zlib.error),
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WrongSchema(
            f"{file}: expected a Parquet, Feather, CSV, CSV.gz or zip file (got: {reason}): it is damaged, cut short "
            "or of another kind; download it again"
        ) from error


def _check_size(file: str, size: int) -> None:
    """Refuse what a small file would inflate to and no memory holds."""
    if size > LARGEST:
        raise WrongSchema(f"{file}: expected at most {LARGEST:,} bytes when unpacked (got more): split the file")


def _unzip(file: str, content: bytes) -> list[Table]:
    """Read every file of a zip archive."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(SUFFIXES)]
        if not names:
            raise WrongSchema(f"{file}: expected a file of bars in the archive (got {archive.namelist() or 'nothing'})")
        _check_size(file, sum(archive.getinfo(name).file_size for name in names))
        alone = len(names) == 1
        return [each for name in names for each in _decode(file if alone else f"{file}/{name}", archive.read(name))]


def _read_text(file: str, content: bytes) -> Table:
    """Read separated values as texts; a banner line before the header is left out, klines without header get one."""
    if not content.strip():
        raise WrongSchema(f"{file}: expected bars (the file is empty): download it again")
    first, _, rest = content.partition(b"\n")
    banner = first.lstrip(b'"').startswith((b"http://", b"https://"))
    header = (rest.partition(b"\n")[0] if banner else first).decode("utf-8", errors="replace").strip()
    separator = max(SEPARATORS, key=header.count)
    fields = [field.strip().strip('"') for field in header.split(separator)]
    headless = _is_number(fields[0])
    if headless and len(fields) != len(KLINES):
        raise WrongSchema(
            f"{file}: expected a header, or the {len(KLINES)} columns of a Binance kline (got {len(fields)} columns "
            "without a header): write the names of the columns into the first line"
        )
    _check_names([] if headless else fields)
    frame = pl.read_csv(
        rest if banner else content,
        has_header=not headless,
        new_columns=list(KLINES) if headless else None,
        separator=separator,
        infer_schema=False,
        null_values=NULLS,
    )
    head = banner + (not headless)
    rows = numbered(frame)
    return Table(file, rows.filter(~pl.all_horizontal(pl.all().exclude("row").is_null())), head)


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Give each row its number from 1, and the columns lower-case names; polars' DuplicateError where two are equal."""
    _check_names(frame.columns)
    named = frame.rename({name: name.strip().lower() for name in frame.columns})
    return named.drop("row", strict=False).with_row_index("row", offset=1)


def _check_names(names: list[str]) -> None:
    """Refuse a name that stands twice, capital letters aside."""
    plain = [name.strip().lower() for name in names]
    twice = sorted({name for name in plain if plain.count(name) > 1})
    if twice:
        raise pl.exceptions.DuplicateError(f"columns of the same name: {', '.join(twice)}")


def _is_number(field: str) -> bool:
    """Tell a value from a name."""
    try:
        float(field)
    except ValueError:
        return False
    return True


def rows_of_frame(frame: object) -> pl.DataFrame:
    """Return the rows of a polars or pandas data frame with lower-case names and their number as `row`, from 1.

    A pandas DatetimeIndex becomes the column `time` where there is none. pandas itself is never imported. WrongSchema
    for anything else, and for a name that stands twice.
    """
    if isinstance(frame, pl.DataFrame):
        table = frame
    elif type(frame).__module__.partition(".")[0] == "pandas" and hasattr(frame, "columns"):
        table = _from_pandas(frame)
    else:
        raise WrongSchema(
            f"{FRAME}: expected a polars or pandas DataFrame of bars (got {type(frame).__name__}): convert it to one"
        )
    try:
        return numbered(table)
    except pl.exceptions.DuplicateError as twice:
        raise WrongSchema(f"{FRAME}: expected each column once (got {twice}): rename or drop one of them") from twice


def _from_pandas(table: Any) -> pl.DataFrame:
    """Copy a pandas frame column by column, which needs no pyarrow."""
    columns = [(str(name), table.iloc[:, place]) for place, name in enumerate(table.columns)]
    if hasattr(table.index, "tz") and "time" not in {name.strip().lower() for name, _ in columns}:
        columns.insert(0, ("time", table.index.to_series()))
    names = [name for name, _ in columns]
    if len(set(names)) < len(names):
        raise WrongSchema(f"{FRAME}: expected each column once (got columns {', '.join(names)}): rename or drop one")
    return pl.DataFrame([_column(name, values) for name, values in columns])


def _column(name: str, values: Any) -> pl.Series:
    """Copy one pandas series; what pandas takes for missing becomes null."""
    if getattr(values.dtype, "tz", None) is not None:
        plain = values.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return pl.Series(name, plain).dt.replace_time_zone("UTC")
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biufM":
        return pl.Series(name, values.to_numpy(), nan_to_null=True)
    known = values.notna()
    return pl.Series(name, [value if there else None for value, there in zip(values, known, strict=True)], strict=False)
