"""Checkpoints: the folder in which a finished task keeps its forecasts, its forecaster and its record, whole or not."""

from __future__ import annotations

import io
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
from safetensors.numpy import load as load_arrays

from backtest.data.errors import RunError
from backtest.data.run_files import json_bytes, sha256, sync_folder, write_bytes
from backtest.models.forecaster import Epoch, FitLog, State
from backtest.walk.tasks import Task

CHECKPOINTS = "checkpoints"
FORECASTS = "forecasts.parquet"
STATE = "state.safetensors"
RECORD = "fit.json"
SECONDS = "seconds.txt"


@dataclass(frozen=True, slots=True)
class Record:
    """What a finished task reports: its log, how many windows it learned from, epochs counted, and its files' sums."""

    key: str
    model: str
    seed: int | None
    fold: int
    log: FitLog
    windows: int
    files: dict[str, str]

    def to_json(self) -> bytes:
        """The record as JSON, sealed with a sum of its own."""
        tree = asdict(self)
        return json_bytes({**tree, "seal": sha256(json_bytes(tree))})

    @classmethod
    def read(cls, content: bytes) -> Record:
        """Read the record from its JSON; KeyError, TypeError or ValueError where it is damaged or not one."""
        tree = json.loads(content)
        if tree.pop("seal") != sha256(json_bytes(tree)):
            raise ValueError("its seal is broken")
        log = tree.pop("log")
        epochs = tuple(Epoch(**epoch) for epoch in log.pop("epochs"))
        return cls(log=FitLog(epochs=epochs, **log), **tree)


def find(run: Path, task: Task) -> Record | None:
    """The record of a task that was carried out before and is undamaged; None where it has to be done."""
    folder = run / CHECKPOINTS / task.folder
    try:
        record = Record.read((folder / RECORD).read_bytes())
        whole = all(sha256((folder / name).read_bytes()) == digest for name, digest in record.files.items())
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return record if whole and record.key == task.key else None


def seconds_of(run: Path, task: Task) -> float:
    """How long a finished task took; not part of its record, so that the same task leaves the same bytes."""
    return float((run / CHECKPOINTS / task.folder / SECONDS).read_text())


def read_state(run: Path, folder: str) -> State:
    """Arrays of a fitted forecaster from its checkpoint."""
    return load_arrays(_read_checked(run, folder, STATE))


def read_forecasts(run: Path, folder: str) -> pl.DataFrame:
    """Forecasts of a finished task: fold, symbol, time, y_hat."""
    return pl.read_parquet(io.BytesIO(_read_checked(run, folder, FORECASTS)))


def _read_checked(run: Path, folder: str, name: str) -> bytes:
    """One file of a checkpoint; RunError where it is not what its record says."""
    path = run / CHECKPOINTS / folder
    content = (path / name).read_bytes()
    if sha256(content) != Record.read((path / RECORD).read_bytes()).files[name]:
        raise RunError(f"{path / name}: damaged: delete {path} and run `backtest run` again")
    return content


def keep(checkpoints: Path, name: str, files: dict[str, bytes]) -> None:
    """Write a task's files into a folder that gets its name only when all of them are safe on disk."""
    unfinished = checkpoints / f".{name}.{os.getpid()}"
    for file, content in files.items():
        write_bytes(unfinished / file, content)
    final = checkpoints / name
    if final.exists():  # damaged, or it would not have been computed again
        shutil.rmtree(final)
    try:
        unfinished.rename(final)
    except OSError:
        if not (final / RECORD).exists():
            raise
        shutil.rmtree(unfinished)  # a worker that outlived its parent was faster; the bytes are the same
    sync_folder(checkpoints)
