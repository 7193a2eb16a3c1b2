"""Fits tasks in whatever process: from rows to forecasts, kept whole or not at all."""

from __future__ import annotations

import io
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from backtest.data.errors import BacktestError, LeakError, RunError
from backtest.data.run_files import sha256, table_bytes
from backtest.data.targets import TARGETS, Target
from backtest.data.threads import one_thread
from backtest.features import plugins
from backtest.models import MODELS, Entry, FitLog, Forecaster, Model
from backtest.models.forecaster import State, log_of, predict
from backtest.models.scales import make_forecaster
from backtest.models.scaling import covered
from backtest.models.windows import Floats, Panel, Windows, panel
from backtest.walk.config import Config
from backtest.walk.folds import Fold
from backtest.walk.store import FORECASTS, RECORD, SECONDS, STATE, Record, Store
from backtest.walk.tasks import Task, learning_windows


@dataclass(frozen=True, slots=True)
class Fitted:
    """The result of a task.

    `forecasts` (fold, symbol, time, horizon, y_hat) of all its folds, the forecaster's `state`, the fit's `log`, and
    how many windows it `learned` from, epochs counted.
    """

    forecasts: pl.DataFrame
    state: State
    log: FitLog
    learned: int


def forecaster_of(task: Task, entry: Entry, start: State | None = None) -> Forecaster:
    """Return the forecaster that a task fits: fresh from its seed, or with the weights `start`."""
    forecaster = make_forecaster(entry, task.question, task.fit_seed)
    if start is not None:
        forecaster.restore(start)
    return forecaster


def fit_and_forecast(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
    """Fit the `forecaster` of a task on `rows` and forecast; `keys` are symbol and time of each row.

    One thread, so that every process computes the same. RunError if a forecast is missing or not finite, LeakError
    if it depends on later rows.
    """
    windows, validation = learning_windows(rows, task.fold, window)
    with one_thread():
        log = log_of(forecaster.fit(windows, validation), task.model)
        forecasts = [_forecast(forecaster, rows, keys, task.model, fold, window) for fold in task.folds]
    return Fitted(pl.concat(forecasts), forecaster.state(), log, len(windows) * log.passes)


def _forecast(
    forecaster: Forecaster, rows: Panel, keys: pl.DataFrame, model: str, fold: Fold, window: int
) -> pl.DataFrame:
    """Forecasts of one test span at every horizon; RunError if one is not finite."""
    origins = rows.origins(fold.test.start, fold.test.end, window=window)
    windows = rows.test(fold.test.start, fold.test.end, window=window)
    point = predict(forecaster, windows, model).point if len(origins) else np.empty((0, len(rows.horizons)))
    if not np.isfinite(point).all():
        raise RunError(
            f"model {model}, fold {fold.index}: expected {point.size} finite forecasts "
            f"(got {int((~np.isfinite(point)).sum())} not finite): training diverged: reduce train.learning_rate"
        )
    if len(origins):
        _refuse_foresight(forecaster, windows, point, f"model {model}, fold {fold.index}")
    about = keys[origins].select(pl.lit(fold.index, pl.Int32).alias("fold"), "symbol", "time")
    return pl.concat(
        about.with_columns(pl.lit(horizon, pl.Int32).alias("horizon"), y_hat=pl.Series(point[:, place]))
        for place, horizon in enumerate(rows.horizons)
    )


BORDER = 8
"""Windows at the start and at the end of a test span that are forecast alone, to see what the border ones depend on."""


def _refuse_foresight(forecaster: Forecaster, windows: Windows, point: Floats, where: str) -> None:
    """LeakError if other rows after a window change its forecast or that of one before it.

    Asked of the middle of the test span, in a call for all of it, and of its first, last but one and last window, in
    calls for the BORDER windows next to them.
    """
    first, final = (replace(windows, ends=windows.ends[part]) for part in (slice(BORDER), slice(-BORDER, None)))
    _refuse_moved(forecaster, windows, point, len(windows) // 2, where)
    for part, places in ((first, {0}), (final, {max(len(final) - 2, 0), len(final) - 1})):
        alone = predict(forecaster, part, where).point
        for place in sorted(places):
            _refuse_moved(forecaster, part, alone, place, where)


def _refuse_moved(forecaster: Forecaster, windows: Windows, point: Floats, place: int, where: str) -> None:
    """LeakError if other rows after the window at a `place` change one of the forecasts up to it."""
    behind, random = slice(windows.ends[place] + 1, None), np.random.default_rng(0)
    known = np.flatnonzero(covered(windows))
    if not len(windows.returns[behind]):
        return

    def redrawn(column: Floats) -> Floats:
        """Rows of the windows in another order, each a little larger or smaller: of the size and sign of true ones."""
        again = column.copy()
        size = len(again[behind])
        factor = random.uniform(0.5, 1.5, size).reshape(size, *[1] * (again.ndim - 1))
        again[behind] = again[random.choice(known, size)] * factor
        return again

    again = predict(forecaster, windows.with_rows(redrawn), where).point
    moved = int((again[: place + 1] != point[: place + 1]).any(axis=1).sum())
    if moved:
        raise LeakError(
            f"{where}: expected forecasts that depend on their own windows alone (other values in later bars moved "
            f"{moved} of {place + 1}): check_forecaster says what to fix"
        )


Rows = tuple[Panel, pl.DataFrame]
"""The rows of a walk as arrays, and the symbol and time of each."""


@lru_cache(maxsize=1)
def read_rows(path: Path, digest: str, names: tuple[str, ...], horizons: tuple[int, ...], kind: str) -> Rows:
    """Read a file of FEATURES, once in each process; RunError if its SHA-256 is not `digest`."""
    content = path.read_bytes()
    if sha256(content) != digest:
        raise RunError(f"{path}: changed while the run was using it: run `backtest run` again")
    frame = pl.read_parquet(io.BytesIO(content))
    return panel(frame, names, horizons, kind), frame.select("symbol", "time")


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What all tasks of a walk share.

    `rows` are the rows themselves, or what reads them in each process. The plugins of `config` define models in modules
    in `config_dir`, the folder of the settings file, or in the `working` directory of the planning process. `models`
    and `targets` are those that a worker cannot import, such as those of a notebook.
    """

    store: Store
    rows: Rows | Callable[[], Rows]
    config: Config
    config_dir: Path | None
    working: Path
    models: tuple[Model, ...] = ()
    targets: Mapping[str, Target] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """A finished task: its record, and its files if the process that asked for it cannot see the worker's store."""

    task: Task
    record: Record
    files: dict[str, bytes] | None


def run_tasks(context: TaskContext, chain: tuple[Task, ...]) -> list[Done]:
    """Fit and forecast each task of a chain that is not finished yet."""
    plugins.load(context.config.plugins, context.config_dir, context.working)
    MODELS.update({model.name: model for model in context.models})
    TARGETS.update(context.targets)
    done = []
    for task in chain:
        record, files = context.store.find(task), None
        if record is None:
            record, files = _run_task(context, task)
        done.append(Done(task, record, None if context.store.shared else files))
    return done


def _run_task(context: TaskContext, task: Task) -> tuple[Record, dict[str, bytes]]:
    """Run a task and keep its files; whatever a model raises becomes a RunError that names model, fold and seed."""
    (rows, keys), config = context.rows() if callable(context.rows) else context.rows, context.config
    start = load_arrays(context.store.read(task.after, STATE)) if task.after else None
    started = time.perf_counter()
    try:
        forecaster = forecaster_of(task, config.entry(task.model), start)
        fitted = fit_and_forecast(rows, keys, task, forecaster, config.net.window)
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
