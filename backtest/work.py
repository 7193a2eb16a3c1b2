"""Carrying out one task, in whatever process: load the rows, fit, forecast, keep the result whole or not at all."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
import traceback
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from threadpoolctl import threadpool_limits

from backtest.folds import Fold
from backtest.tasks import Task, learning_windows
from data.errors import BacktestError, LeakError, RunError
from data.runs import json_bytes, sha256, sync_folder, table_bytes, write_bytes
from features import plugins
from models import MODELS, Forecaster
from models.forecaster import Epoch, FitLog, State
from models.settings import NetSettings, TrainSettings
from models.windows import Floats, Panel, Windows, panel

CHECKPOINTS = "checkpoints"
FORECASTS = "forecasts.parquet"
STATE = "state.safetensors"
RECORD = "fit.json"
SECONDS = "seconds.txt"
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
    _keep(work.run / CHECKPOINTS, task.folder, files)
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


def _keep(checkpoints: Path, name: str, files: dict[str, bytes]) -> None:
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
