"""Runs tasks in whatever process: take the rows, fit, forecast, keep the result whole or not at all."""

from __future__ import annotations

import io
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from backtest.data.errors import BacktestError, RunError
from backtest.data.run_files import sha256, table_bytes
from backtest.features import plugins
from backtest.models import MODELS, Model
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Panel, panel
from backtest.walk.fitting import fit_and_forecast, forecaster_of
from backtest.walk.store import FORECASTS, RECORD, SECONDS, STATE, Record, Store
from backtest.walk.tasks import Task

Rows = tuple[Panel, pl.DataFrame]
"""The rows of a walk as arrays, and the symbol and time of each."""


@lru_cache(maxsize=1)
def read_rows(path: Path, digest: str, names: tuple[str, ...], horizon: int) -> Rows:
    """Read a file of FEATURES, once in each process; RunError if its SHA-256 is not `digest`."""
    content = path.read_bytes()
    if sha256(content) != digest:
        raise RunError(f"{path}: changed while the run was using it: run `backtest run` again")
    frame = pl.read_parquet(io.BytesIO(content))
    return panel(frame, names, horizon), frame.select("symbol", "time")


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What all tasks of a walk share.

    `rows` are the rows themselves, or what reads them in each process. `plugins` define models in modules in
    `config_dir`, the folder of the settings file, or in the `working` directory of the planning process. `models` are
    those that a worker cannot import, such as those of a notebook.
    """

    store: Store
    rows: Rows | Callable[[], Rows]
    net: NetSettings
    train: TrainSettings
    plugins: tuple[str, ...]
    config_dir: Path | None
    working: Path
    models: tuple[Model, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """A finished task: its record, and its files if the process that asked for it cannot see the worker's store."""

    task: Task
    record: Record
    files: dict[str, bytes] | None


def run_tasks(context: TaskContext, chain: tuple[Task, ...]) -> list[Done]:
    """Fit and forecast each task of a chain that is not finished yet."""
    plugins.load(context.plugins, context.config_dir, context.working)
    MODELS.update({model.name: model for model in context.models})
    done = []
    for task in chain:
        record, files = context.store.find(task), None
        if record is None:
            record, files = _run_task(context, task)
        done.append(Done(task, record, None if context.store.shared else files))
    return done


def _run_task(context: TaskContext, task: Task) -> tuple[Record, dict[str, bytes]]:
    """Run a task and keep its files; whatever a model raises becomes a RunError that names model, fold and seed."""
    (rows, keys), net = context.rows() if callable(context.rows) else context.rows, context.net
    start = load_arrays(context.store.read(task.after, STATE)) if task.after else None
    started = time.perf_counter()
    try:
        fitted = fit_and_forecast(rows, keys, task, forecaster_of(task, net, context.train, start), net.window)
    except BacktestError:
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise RunError(
            f"model {task.model}, fold {task.fold.index}, seed {task.seed}: {type(error).__name__}: {error} "
            f"({frame.filename}, line {frame.lineno}): fix it and rerun; finished fits are reused"
        ) from error
    seconds = time.perf_counter() - started
    state = {name: np.ascontiguousarray(array) for name, array in fitted.state.items()}  # safetensors needs that
    results = {FORECASTS: table_bytes(fitted.forecasts), STATE: save_arrays(state)}
    sums = {name: sha256(content) for name, content in results.items()}
    record = Record(task.key, task.model, task.seed, task.fold.index, fitted.log, fitted.learned, sums)
    files = {**results, RECORD: record.to_json(), SECONDS: f"{seconds:.6f}\n".encode()}
    context.store.keep(task, files)
    return record, files
