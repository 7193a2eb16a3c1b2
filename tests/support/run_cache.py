"""The tables of made-up runs, computed once for each plan in a test session, whichever worker asks first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
from filelock import FileLock

from backtest.data.run_files import sha256

VARIABLE = "BEATZERO_TEST_CACHE"
"""Environment variable with the folder of the session; nothing is kept where it is not set."""


def tables_once(key: str, compute: Callable[[], dict[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    """Return the tables that `compute` makes, from the session's folder if another test has asked for `key` before."""
    session = os.environ.get(VARIABLE)
    if not session:
        return compute()
    folder = Path(session) / sha256(key.encode())[:24]
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            unfinished = folder.with_suffix(".part")
            unfinished.mkdir(parents=True)
            for name, table in compute().items():
                table.write_ipc(unfinished / name)
            unfinished.rename(folder)
    return {path.name: pl.read_ipc(path) for path in sorted(folder.iterdir())}
