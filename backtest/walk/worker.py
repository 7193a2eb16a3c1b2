"""Carrying out one task, in whatever process: load the rows, fit, forecast, keep the result whole or not at all."""

from __future__ import annotations

import io
import time
import traceback
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from safetensors.numpy import save as save_arrays

from backtest.data.errors import BacktestError, RunError
from backtest.data.run_files import sha256, table_bytes
from backtest.features import plugins
from backtest.models.forecaster import State
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Panel, panel
from backtest.walk.checkpoints import CHECKPOINTS, FORECASTS, RECORD, SECONDS, STATE, Record, find, keep, read_state
from backtest.walk.fitting import fit_and_forecast, forecaster_of
from backtest.walk.tasks import Task

FEATURES_FILE = "features.parquet"


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What all tasks of a run share: where its rows are, the settings, and the plugins that define its models.

    Those lie in `config_dir`, the folder of the settings file, or in the `working` directory of the planning process.
    """

    run: Path
    rows_sha256: str
    features: tuple[str, ...]
    horizon: int
    net: NetSettings
    train: TrainSettings
    plugins: tuple[str, ...]
    config_dir: Path | None
    working: Path


def run_tasks(work: TaskContext, chain: tuple[Task, ...]) -> list[Record]:
    """Fit and forecast each task of a chain that is not done yet."""
    plugins.load(work.plugins, work.config_dir, work.working)
    records = []
    for task in chain:
        record = find(work.run, task)
        if record is None:
            record = _run_task(work, task)
        records.append(record)
    return records


def _run_task(work: TaskContext, task: Task) -> Record:
    """Do a task; whatever a model raises becomes a RunError that names model, fold and seed."""
    try:
        return _do(work, task)
    except BacktestError:
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise RunError(
            f"model {task.model}, fold {task.fold.index}, seed {task.seed}: {type(error).__name__}: {error} "
            f"({frame.filename}, line {frame.lineno}): mend it, then the same command goes on from here"
        ) from error


def _do(work: TaskContext, task: Task) -> Record:
    rows, keys = _rows(work.run / FEATURES_FILE, work.rows_sha256, work.features, work.horizon)
    start = read_state(work.run, task.after) if task.after else None
    started = time.perf_counter()
    fitted = fit_and_forecast(rows, keys, task, forecaster_of(task, work.net, work.train, start), work.net.window)
    seconds = time.perf_counter() - started
    files = {FORECASTS: table_bytes(fitted.forecasts), STATE: save_arrays(_owned(fitted.state))}
    sums = {name: sha256(content) for name, content in files.items()}
    record = Record(task.key, task.model, task.seed, task.fold.index, fitted.log, fitted.learned, sums)
    files |= {RECORD: record.to_json(), SECONDS: f"{seconds:.6f}\n".encode()}
    keep(work.run / CHECKPOINTS, task.folder, files)
    return record


def _owned(state: State) -> dict[str, np.ndarray]:
    """Contiguous arrays, as safetensors wants them."""
    return {name: np.ascontiguousarray(array) for name, array in state.items()}


@lru_cache(maxsize=1)
def _rows(path: Path, digest: str, features: tuple[str, ...], horizon: int) -> tuple[Panel, pl.DataFrame]:
    """Rows of the run as arrays, and the symbol and time of each; loaded once in each process."""
    content = path.read_bytes()
    if sha256(content) != digest:
        raise RunError(f"{path}: changed while the run was using it: run `backtest run` again")
    frame = pl.read_parquet(io.BytesIO(content))
    return panel(frame, features, horizon), frame.select("symbol", "time")
