"""Fitting one task and forecasting its folds, from rows to rows: no file is read or written here."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from backtest.data.errors import LeakError, RunError
from backtest.models import MODELS, FitLog, Forecaster
from backtest.models.forecaster import State, log_of
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Panel, Windows
from backtest.walk.folds import Fold
from backtest.walk.tasks import Task, learning_windows


@dataclass(frozen=True, slots=True)
class Fitted:
    """The result of a task.

    `forecasts` (fold, symbol, time, y_hat) of all its folds, the forecaster's `state`, the fit's `log`, and how many
    windows it `learned` from, epochs counted.
    """

    forecasts: pl.DataFrame
    state: State
    log: FitLog
    learned: int


def forecaster_of(task: Task, net: NetSettings, train: TrainSettings, start: State | None = None) -> Forecaster:
    """Return the forecaster that a task fits: fresh from its seed, or with the weights `start`."""
    forecaster = MODELS[task.model].make(net, train, task.fit_seed)
    if start is not None:
        forecaster.restore(start)
    return forecaster


def fit_and_forecast(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
    """Fit the `forecaster` of a task on `rows` and forecast; `keys` are symbol and time of each row.

    One thread, so that every process computes the same. RunError if a forecast is missing or not finite, LeakError
    if it depends on later rows.
    """
    windows, validation = learning_windows(rows, task.fold, window)
    with threadpool_limits(1):
        log = log_of(forecaster.fit(windows, validation), task.model)
        forecasts = [_forecast(forecaster, rows, keys, task.model, fold, window) for fold in task.folds]
    return Fitted(pl.concat(forecasts), forecaster.state(), log, len(windows) * max(1, len(log.epochs)))


def _forecast(
    forecaster: Forecaster, rows: Panel, keys: pl.DataFrame, model: str, fold: Fold, window: int
) -> pl.DataFrame:
    """Forecasts of one test span; RunError if one is missing or not finite."""
    origins = rows.origins(fold.test.start, fold.test.end, window=window)
    windows = rows.test(fold.test.start, fold.test.end, window=window)
    y_hat = np.asarray(forecaster.predict(windows), np.float64) if len(origins) else np.empty(0)
    if y_hat.shape != origins.shape or not np.isfinite(y_hat).all():
        raise RunError(
            f"model {model}, fold {fold.index}: expected {len(origins)} finite forecasts "
            f"(got shape {y_hat.shape}, {int((~np.isfinite(y_hat)).sum())} not finite): "
            "training diverged: reduce train.learning_rate"
        )
    if len(origins):
        _refuse_foresight(forecaster, windows, y_hat, f"model {model}, fold {fold.index}")
    return keys[origins].select(pl.lit(fold.index, pl.Int32).alias("fold"), "symbol", "time", y_hat=pl.Series(y_hat))


def _refuse_foresight(forecaster: Forecaster, windows: Windows, y_hat: Floats, where: str) -> None:
    """LeakError if noise in the rows after the middle window changes a forecast of it or of one before it."""
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
            f"{middle + 1}): check_forecaster says what to fix"
        )
