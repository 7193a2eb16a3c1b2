"""Leaks of fits, for level 4: what a model knows of the bars after its fold, or of other fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from backtest.audit.audited_walk import AuditedWalk, Fit
from backtest.models import Forecaster, model
from backtest.models.scaling import Scaler
from backtest.models.tuning import Tuned
from backtest.models.windows import Floats, Panel, Windows
from backtest.walk.fitting import Fitted, fit_and_forecast
from backtest.walk.folds import Fold
from backtest.walk.tasks import Task, learning_windows
from tests.support.descent import Descent
from tests.support.planting import (
    Peek,
    Plant,
    descent_in,
    error_on_test,
    everything,
    of_fit,
    of_peek,
    outcomes,
    tuned_descent,
    walk,
)

TWO = {"features": ["log_return", "volume_norm_6"]}


def standardised() -> Fit:
    """One fit, its rows in units of all of them, later ones too: `refit=False` and a local scaler in neuralforecast."""

    def fit(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
        if (descending := descent_in(forecaster)) is not None:
            descending.scaler = Scaler(np.zeros(1), np.ones(1), np.ones(1))
        features = (rows.features - np.nanmean(rows.features, axis=0)) / np.nanstd(rows.features, axis=0)
        scale = float(np.nanstd(rows.targets))
        scaled = replace(rows, features=features, targets=rows.targets / scale)
        found = fit_and_forecast(scaled, keys, task, forecaster, window)
        return replace(found, forecasts=found.forecasts.with_columns(pl.col("y_hat") * scale))

    return fit


def scaled_on_all(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
    model.scaler = Scaler.of(everything(rows, window))


def scaled_on_all_in_the_last_fold(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
    if fold.index == 1:
        scaled_on_all(model, rows, fold, window)


def scaled_on_test(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
    train, _ = learning_windows(rows, fold, window)
    both = np.concatenate([train.ends, outcomes(rows, fold, window).ends])
    model.scaler = Scaler.of(replace(everything(rows, window), ends=both))


def target_scaled_on_test(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
    train, _ = learning_windows(rows, fold, window)
    both = np.concatenate([train.y, outcomes(rows, fold, window).y])
    model.scaler = replace(Scaler.of(train), target_std=np.array([both.std()]))


def stopped_by_test(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
    model.stop_by = outcomes(rows, fold, window)


def best_epoch_by_test(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
    model.choose_by = outcomes(rows, fold, window)


def score(tried: Descent, rows: Panel, fold: Fold, window: int) -> float:
    """Test error of a model, once it is fitted."""
    tried.fit(*learning_windows(rows, fold, window))
    return error_on_test(tried, rows, fold, window)


def seed_by_test(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
    model.seed = min(range(8), key=lambda seed: score(Descent(seed), rows, fold, window))


def rate_by_test(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
    rates = (0.02, 0.1, 0.2, 0.5)
    model.rate = min(rates, key=lambda rate: score(Descent(model.seed, rate), rows, fold, window))


def chosen_on_all(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
    windows = everything(rows, window)
    explained = [abs(np.corrcoef(column, windows.y)[0, 1]) for column in windows.x[:, -1].T]
    model.axes = np.eye(len(explained))[:, [int(np.argmax(explained))]]


def axes_of_all(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
    newest = everything(rows, window).x[:, -1]
    model.axes = np.linalg.eigh(np.cov(newest.T))[1][:, -1:]


def from_later_fold() -> Peek:
    """A fit begins with the weights of the fold after, once that was fitted."""
    kept: dict[int, Descent] = {}

    def peek(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
        model.begin = kept[fold.index + 1].weights if fold.index + 1 in kept else None
        kept[fold.index] = model

    return peek


def from_fit_before() -> Peek:
    """A fit begins with the weights of the fit before, whichever that was."""
    kept: list[Descent] = []

    def peek(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
        model.begin = kept[-1].weights if kept else None
        kept.append(model)

    return peek


def shared_generator() -> Peek:
    """All fits draw their first weights from one generator."""
    rng = np.random.default_rng(0)

    def peek(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
        model.rng = rng

    return peek


def cached_weights() -> Peek:
    """What was learned once for a fold is not learned again."""
    kept: dict[int, Descent] = {}

    def peek(model: Descent, rows: Panel, fold: Fold, window: int) -> None:
        if fold.index in kept:
            model.restore(kept[fold.index].state())
            model.rate = 0.0
        kept.setdefault(fold.index, model)

    return peek


def cached_forecasts() -> Fit:
    """What was fitted once for a model and a fold is not fitted again."""
    kept: dict[tuple[str, int], Fitted] = {}

    def fit(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
        key = task.model, task.fold.index
        if key not in kept:
            kept[key] = fit_and_forecast(rows, keys, task, forecaster, window)
        return kept[key]

    return fit


def tuned_by_test(folder: Path) -> AuditedWalk:
    """Tuning chooses by the error on the test span."""

    def fit(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
        def error(candidate: tuple[object, Callable[[], Forecaster]]) -> float:
            tried = candidate[1]()
            tried.fit(*learning_windows(rows, task.fold, window))
            return error_on_test(tried, rows, task.fold, window)

        if isinstance(forecaster, Tuned):
            forecaster.candidates = [min(forecaster.candidates, key=error)]
        return fit_and_forecast(rows, keys, task, forecaster, window)

    return replace(tuned_descent(folder), fit=fit)


def unbiased() -> Fit:
    """Forecasts less their mean error on the test span."""

    def fit(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
        found = fit_and_forecast(rows, keys, task, forecaster, window)
        bias = pl.col("y_hat").mean() - float(outcomes(rows, task.fold, window).y.mean())
        return replace(found, forecasts=found.forecasts.with_columns(y_hat=pl.col("y_hat") - bias))

    return fit


class Normalised(Descent):
    """Standardises the rows to forecast by themselves."""

    def predict(self, windows: Windows) -> Floats:
        """Forecast (n,)."""
        newest = windows.x[:, -1]
        features = (windows.features - newest.mean(axis=0)) / newest.std(axis=0)
        return Descent.predict(self, replace(windows, features=features))


class LateGlance(Descent):
    """Looks one bar ahead, but only in the last quarter of a test span."""

    def predict(self, windows: Windows) -> Floats:
        """Forecast (n,)."""
        ends, late = windows.ends.copy(), 3 * len(windows) // 4
        ends[late:] = np.minimum(ends[late:] + 1, len(windows.features) - 1)
        return Descent.predict(self, replace(windows, ends=ends))


def of_model(name: str, kind: type[Descent]) -> Plant:
    """A leak in a model's own code."""

    def make_walk(folder: Path) -> AuditedWalk:
        model("cheat")(lambda net, train, seed: kind(seed))
        return walk(folder, models=["cheat"])

    return Plant(name, 4, make_walk, names="model cheat")


FOLDS = (
    of_fit("scaler on all rows", standardised, settings={"folds": {"refit_every": 2}}),
    of_peek("scaler on all windows", lambda: scaled_on_all),
    of_peek("scaler on all windows, in the last fold alone", lambda: scaled_on_all_in_the_last_fold),
    of_peek("scaler on train and test", lambda: scaled_on_test),
    of_peek("target scaling with test rows", lambda: target_scaled_on_test),
    of_peek("early stopping on test", lambda: stopped_by_test),
    of_peek("early stopping on test, of a seeded model", lambda: stopped_by_test, seeded=True),
    of_peek("best epoch by test loss", lambda: best_epoch_by_test),
    of_peek("seed chosen by test score", lambda: seed_by_test),
    of_peek("learning rate chosen by test error", lambda: rate_by_test),
    Plant("settings tuned by test error", 4, tuned_by_test, names="model descent"),
    of_peek("features chosen on all rows", lambda: chosen_on_all, settings=TWO),
    of_peek("principal axes of all rows", lambda: axes_of_all, settings=TWO),
    of_peek("weights carried over from a later fold", from_later_fold),
    of_peek("weights carried over from the fit before", from_fit_before),
    of_peek("generator shared between fits", shared_generator),
    of_peek("weights cached without the data", cached_weights),
    of_fit("fit cached without the data", cached_forecasts),
    of_fit("forecasts less their mean error", unbiased),
    of_model("batch normalisation over the test span", Normalised),
    of_model("a glance ahead late in the test span", LateGlance),
)
