"""Writes bars the way the world does, for the tests that load them."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from backtest.data.schema import UTC_TIME

NOW = datetime(2030, 1, 1, tzinfo=UTC)
START = datetime(2024, 1, 1, tzinfo=UTC)


def steady(n: int = 6, *, symbol: str = "BTCUSDT", start: datetime = START, step: str = "1h") -> pl.DataFrame:
    """Return `n` plain BARS: open 100, 101, ..., each closing half above its open."""
    time = pl.datetime_range(start, start + timedelta(days=100_000), step, time_unit="us", eager=True).head(n)
    opened = pl.Series([100.0 + number for number in range(n)], dtype=pl.Float64)
    columns = {"open": opened, "high": opened + 1, "low": opened - 1, "close": opened + 0.5, "volume": opened / 10}
    return pl.DataFrame({"symbol": pl.Series([symbol] * n, dtype=pl.String), "time": time.cast(UTC_TIME), **columns})


def write_parquet(bars: pl.DataFrame, folder: Path) -> Path:
    """Write Parquet."""
    bars.write_parquet(folder / "bars.parquet")
    return folder / "bars.parquet"


def write_feather(bars: pl.DataFrame, folder: Path) -> Path:
    """Write Feather."""
    bars.write_ipc(folder / "bars.feather")
    return folder / "bars.feather"


def write_csv(bars: pl.DataFrame, folder: Path) -> Path:
    """Write CSV."""
    bars.write_csv(folder / "bars.csv")
    return folder / "bars.csv"


def write_csv_gz(bars: pl.DataFrame, folder: Path) -> Path:
    """Write compressed CSV."""
    (folder / "bars.csv.gz").write_bytes(gzip.compress(bars.write_csv().encode(), compresslevel=1))
    return folder / "bars.csv.gz"


def write_zip(bars: pl.DataFrame, folder: Path) -> Path:
    """Write a zip archive with a CSV in it."""
    with zipfile.ZipFile(folder / "bars.zip", "w") as archive:
        archive.writestr("bars.csv", bars.write_csv())
    return folder / "bars.zip"


WRITERS: dict[str, Callable[[pl.DataFrame, Path], Path]] = {
    "parquet": write_parquet,
    "feather": write_feather,
    "csv": write_csv,
    "csv.gz": write_csv_gz,
    "zip": write_zip,
}


def text(folder: Path, name: str, *lines: str) -> Path:
    """Write a text file of `lines`."""
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def kline(opened: int, *, unit: int = 1_000, length: int = 3_600, price: float = 100.0, volume: float = 2.0) -> str:
    """Return a row of Binance's 12 columns; `opened` and `length` in seconds, written in `unit` per second."""
    close_time = (opened + length) * unit - 1
    values = [opened * unit, price, price + 2, price - 2, price + 1, volume, close_time, 200.0, 7, 1.5, 150.0, 0]
    return ",".join(map(str, values))
