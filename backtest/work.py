"""Carrying out one task, in whatever process: load the rows, fit, forecast, keep the result whole or not at all."""

from __future__ import annotations

import io
import time
import traceback
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from safetensors.numpy import save as save_arrays
from threadpoolctl import threadpool_limits

from backtest.checkpoints import CHECKPOINTS, FORECASTS, RECORD, SECONDS, STATE, Record, find, keep, read_state
from backtest.folds import Fold
from backtest.tasks import Task, learning_windows
from data.errors import BacktestError, LeakError, RunError
from data.runs import sha256, table_bytes
from features import plugins
from models import MODELS, Forecaster
from models.forecaster import State
from models.settings import NetSettings, TrainSettings
from models.windows import Floats, Panel, Windows, panel

FEATURES_FILE = "features.parquet"


@dataclass(frozen=True, slots=True)
class Work:
    """What all tasks of a run share: where its rows are, the settings, and the plugins that define its models.

    Those lie in the folder `beside` the settings or in the `working` directory of the process that plans the run.
    """

    run: Path
    rows_sha256: str
    features: tuple[str, ...]
    horizon: int
    net: NetSettings
    train: TrainSettings
    plugins: tuple[str, ...]
    beside: Path | None
    working: Path


def carry_out(work: Work, chain: tuple[Task, ...]) -> list[Record]:
    """Fit and forecast each task of a chain that is not done yet; one thread, so that every process computes alike."""
    plugins.load(work.plugins, work.beside, work.working)
    records = []
    for task in chain:
        record = find(work.run, task)
        if record is None:
            record = _do_or_say_which(work, task)
        records.append(record)
    return records


def _do_or_say_which(work: Work, task: Task) -> Record:
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


def _do(work: Work, task: Task) -> Record:
    rows, keys = _rows(work.run / FEATURES_FILE, work.rows_sha256, work.features, work.horizon)
    forecaster = MODELS[task.model].make(work.net, work.train, task.fit_seed)
    if task.after:
        forecaster.restore(read_state(work.run, task.after))
    train, validation = learning_windows(rows, task.fold, work.net.window)
    with threadpool_limits(1):
        started = time.perf_counter()
        log = forecaster.fit(train, validation)
        forecasts = [_forecast(forecaster, rows, keys, task.model, fold, work.net.window) for fold in task.folds]
        seconds = time.perf_counter() - started
    files = {FORECASTS: table_bytes(pl.concat(forecasts)), STATE: save_arrays(_owned(forecaster.state()))}
    sums = {name: sha256(content) for name, content in files.items()}
    learned = len(train) * max(1, len(log.epochs))
    record = Record(task.key, task.model, task.seed, task.fold.index, log, learned, sums)
    files |= {RECORD: record.to_json(), SECONDS: f"{seconds:.6f}\n".encode()}
    keep(work.run / CHECKPOINTS, task.folder, files)
    return record


def _forecast(
    forecaster: Forecaster, rows: Panel, keys: pl.DataFrame, model: str, fold: Fold, window: int
) -> pl.DataFrame:
    """Forecasts of one test span; RunError where one is missing or not finite."""
    origins = rows.origins(fold.test.start, fold.test.end, window=window)
    windows = rows.test(fold.test.start, fold.test.end, window=window)
    y_hat = np.asarray(forecaster.predict(windows), np.float64) if len(origins) else np.empty(0)
    if y_hat.shape != origins.shape or not np.isfinite(y_hat).all():
        raise RunError(
            f"model {model}, fold {fold.index}: expected {len(origins)} finite forecasts "
            f"(got shape {y_hat.shape}, {int((~np.isfinite(y_hat)).sum())} not finite): "
            "a network that diverged wants a smaller train.learning_rate"
        )
    if len(origins):
        _refuse_foresight(forecaster, windows, y_hat, f"model {model}, fold {fold.index}")
    return keys[origins].select(pl.lit(fold.index, pl.Int32).alias("fold"), "symbol", "time", y_hat=pl.Series(y_hat))


def _refuse_foresight(forecaster: Forecaster, windows: Windows, y_hat: Floats, where: str) -> None:
    """LeakError where noise in the rows behind the middle window moves a forecast of it or of one before it."""
    middle = len(windows) // 2
    features, returns = windows.features.copy(), windows.returns.copy()
    noise = np.random.default_rng(0)
    behind = slice(windows.ends[middle] + 1, None)
    features[behind] = noise.normal(size=features[behind].shape)
    returns[behind] = noise.normal(size=returns[behind].shape)
    again = forecaster.predict(replace(windows, features=features, returns=returns))
    moved = int((again[: middle + 1] != y_hat[: middle + 1]).sum())
    if moved:
        raise LeakError(
            f"{where}: expected forecasts that depend on their own windows alone (noise in later bars moved {moved} of "
            f"{middle + 1}): check_forecaster tells what to mend"
        )


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
