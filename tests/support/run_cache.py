"""Made-up runs and their tables, made once in a test session, by whichever worker asks first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
from filelock import FileLock

from backtest.data.run_files import sha256

VARIABLE = "BEATZERO_TEST_CACHE"
"""Environment variable with the folder of the session; nothing is kept where it is not set."""


def folder_once(name: str, fill: Callable[[Path], object]) -> Path:
    """Return a folder of the session, filled by whichever worker asks for `name` first; for tests that only read it."""
    folder = Path(os.environ[VARIABLE]) / name
    done = folder.with_suffix(".done")  # not a new name for the folder: runs remember where their bars are
    with FileLock(f"{folder}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            fill(folder)
            done.touch()
    return folder


def tables_once(key: str, compute: Callable[[], dict[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    """Return the tables that `compute` makes, from the session's folder if another test has asked for `key` before."""
    if VARIABLE not in os.environ:
        return compute()

    def fill(folder: Path) -> None:
        for name, table in compute().items():
            table.write_ipc(folder / name)

    folder = folder_once(sha256(key.encode())[:24], fill)
    return {path.name: pl.read_ipc(path) for path in sorted(folder.iterdir())}
