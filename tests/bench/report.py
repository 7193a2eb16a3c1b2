"""The report of a long walk in a process of its own: wall time, and the size of its page."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
from polars import selectors as cs

from backtest.data.result_tables import RUN_TABLES
from backtest.data.run_files import MANIFEST, file_sums, read_manifest, read_table, write_json, write_table
from backtest.data.schema import FOLDS, FORECASTS
from tests.bench.rows import Row, seconds

LONG = 500
"""Folds."""

MANY = 1_000_000
"""Forecasts, each seed's counted."""

BUILD = """
import pathlib, sys
from backtest import reports
reports.write(pathlib.Path(sys.argv[1]))
assert "torch" not in sys.modules
"""


def measure(run: Path) -> Iterator[Row]:
    """Rows for the report of the finished `run`, stretched to LONG folds and about MANY forecasts."""
    stretched = stretch(run, run.with_name("long"))
    count = pl.scan_parquet(stretched / FORECASTS.file).select(pl.len()).collect().item()
    command = [sys.executable, "-c", BUILD, str(stretched)]
    fastest = min(seconds(lambda: subprocess.run(command, check=True)) for _ in range(3))  # noqa: S603
    note = f"{LONG} folds, {count:,} forecasts; a process of its own, the best of three, without torch"
    yield Row("report: wall time", fastest, "s", 5.0, False, note)
    yield Row("report: size of the page", (stretched / "report.html").stat().st_size / 1e6, "MB", 1.5, False)


def stretch(run: Path, folder: Path) -> Path:
    """Write `run` as `folder` with its folds repeated one after the other until they are LONG; each is cut short."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("checkpoints", "figures", "report.*"))
    manifest = read_manifest(run)
    tables = {table: read_table(run, table.file, table, manifest) for table in RUN_TABLES}
    folds, forecasts = tables[FOLDS], tables[FORECASTS]
    each = forecasts.filter(pl.col("fold") == 0).group_by("time").len()["len"].max()
    origins = pl.col("time").rank("dense").over("fold")
    tables[FORECASTS] = forecasts.filter(origins <= math.ceil(MANY / (LONG * each)))  # type: ignore[operator]
    span: timedelta = folds.select(pl.col("test_end").max() - pl.col("test_start").min()).item()
    for table, frame in tables.items():
        copies = [frame, *(_later(frame, copy, folds.height, span) for copy in range(1, -(-LONG // folds.height)))]
        write_table(folder / table.file, pl.concat(copies).filter(_within(frame)), table)
    names = [name for name in manifest["files"] if (folder / name).is_file()]
    write_json(folder / MANIFEST, manifest | {"files": file_sums(folder, names)})
    return folder


def _later(frame: pl.DataFrame, copy: int, folds: int, span: timedelta) -> pl.DataFrame:
    """The rows of a table that are of a fold or a time, `copy` walks later."""
    numbers, times = cs.by_name("fold", "fit_fold", require_all=False), cs.datetime()
    if "fold" not in frame.columns and not frame.select(times).width:
        return frame.clear()
    later = frame.with_columns(numbers + pl.lit(copy * folds, pl.Int32), times + copy * span)
    return later.filter(pl.col("fold").is_not_null()) if "fold" in frame.columns else later


def _within(frame: pl.DataFrame) -> pl.Expr:
    """Whether a row is of one of LONG folds, or of none."""
    return pl.col("fold").fill_null(0) < LONG if "fold" in frame.columns else pl.lit(True)
