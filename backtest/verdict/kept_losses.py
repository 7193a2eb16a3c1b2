"""The loss differences of trials, in files beside the ledger: they tell how much trials that resemble each other cost.

A file is a Parquet table in `ledger/`, named by its SHA-256, which the line of the trial holds. It has the times of the
losses and, as float32, a column of differences against the rival for each test: 4 bytes for every time and test.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from backtest.data.run_files import UNREADABLE, sha256, table_bytes, write_bytes
from backtest.data.schema import UTC_TIME
from backtest.significance.stepdown import Hypothesis
from backtest.verdict.family import Key

FOLDER = "ledger"
"""Name of the folder, beside `ledger.jsonl`."""

SESSION_LOSSES: dict[str, bytes] = {}
"""The files of the runs that this process holds in memory, by their SHA-256."""


def losses_file(hypotheses: Mapping[Key, Hypothesis]) -> bytes | None:
    """Return the file of a trial, None without a test; all hypotheses have the same times."""
    if not hypotheses:
        return None
    times = next(iter(hypotheses.values())).places
    columns = {name_of(key): pl.Series(one.differences, dtype=pl.Float32) for key, one in hypotheses.items()}
    return table_bytes(pl.DataFrame({"time": pl.Series(times, dtype=pl.Int64).cast(UTC_TIME), **columns}))


def keep_losses(folder: Path, content: bytes) -> None:
    """Write a file beside the ledger in `folder`, unless it is there. Raises OSError."""
    path = folder / FOLDER / f"{sha256(content)}.parquet"
    if not path.is_file():
        write_bytes(path, content)


def find_losses(digest: str, folders: Sequence[Path]) -> bytes | None:
    """Return the file with this SHA-256 from memory or the first of the folders that has it undamaged."""
    if digest in SESSION_LOSSES:
        return SESSION_LOSSES[digest]
    for folder in folders:
        try:
            content = (folder / FOLDER / f"{digest}.parquet").read_bytes()
        except OSError:
            continue
        if sha256(content) == digest:
            return content
    return None


def hypotheses_in(content: bytes) -> dict[Key, Hypothesis]:
    """Return the loss differences in a file, by what was tested; those that cannot be used are left out."""
    try:
        table = pl.read_parquet(io.BytesIO(content))
        places = table["time"].cast(UTC_TIME).dt.epoch("us").to_numpy()
        keys = {name: key_of(name) for name in table.columns if name != "time"}
        columns = {keys[name]: table[name].cast(pl.Float64).to_numpy() for name in keys}
    except UNREADABLE:
        return {}
    usable = places.size > 1 and bool((np.diff(places) > 0).all())
    return {
        key: Hypothesis(values, places, key.horizon)
        for key, values in columns.items()
        if usable and key.horizon > 0 and np.isfinite(values).all() and np.ptp(values) > 0
    }


def name_of(key: Key) -> str:
    """Return a key as "model@horizon", or "model@horizon:weighted" for the test on weighted errors."""
    return f"{key.model}@{key.horizon}{f':{key.loss}' if key.loss else ''}"


def key_of(name: str) -> Key:
    """Return the key of a `name_of`; ValueError for another text."""
    model, _, rest = name.rpartition("@")
    horizon, _, loss = rest.partition(":")
    return Key(model, int(horizon), loss)
