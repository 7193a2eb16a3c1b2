"""Models and fits without a leak, unusual ones included, and harmless counterparts of leaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from backtest.audit.audited_walk import AuditedWalk, Fit
from backtest.models import FitLog, Forecaster, model
from backtest.models.baselines import Zero
from backtest.models.forecaster import State
from backtest.models.scaling import Scaler
from backtest.models.windows import Floats, Panel, Windows
from backtest.walk.fitting import Fitted, fit_and_forecast
from backtest.walk.tasks import Task, learning_windows
from tests.support.descent import Descent
from tests.support.planting import of_fit, tuned_descent, walk

Make = Callable[[Path], AuditedWalk]


class Constant(Zero):
    """Forecasts a small gain, ever."""

    def predict(self, windows: Windows) -> Floats:
        return np.full(len(windows), 1e-4)

    def state(self) -> State:
        return {"gain": np.array([1e-4])}


class Reversal(Zero):
    """Forecasts that the sum of the window turns back; nothing is learned."""

    def predict(self, windows: Windows) -> Floats:
        return np.asarray(-0.05 * windows.past_returns.sum(axis=1))


class Kept(Reversal):
    """The same rule, which keeps its parameter."""

    def state(self) -> State:
        return {"speed": np.array([0.05])}


class Nearest(Zero):
    """Forecasts what followed the five training windows that are most like the one in question."""

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        self.known, self.followed = train.past_returns.copy(), train.y.copy()
        return FitLog()

    def predict(self, windows: Windows) -> Floats:
        distance = np.abs(windows.past_returns[:, None] - self.known).sum(axis=2)
        return np.asarray(self.followed[np.argsort(distance, axis=1, kind="stable")[:, :5]].mean(axis=1))

    def state(self) -> State:
        return {"known": self.known, "followed": self.followed}


class FittedAgain(Descent):
    """Chooses its epoch by validation, then learns from the validation rows too."""

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        log = Descent.fit(self, train, validation)
        self.begin = self.weights
        Descent.fit(self, validation, validation)
        return log


class Projected(Descent):
    """Learns on axes that are drawn from the seed."""

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        self.axes = np.asarray(np.random.default_rng(self.seed).normal(size=(train.features.shape[1], 6)))
        return Descent.fit(self, train, validation)


def of(*kinds: Callable[[int], Forecaster], seeded: bool = False, **settings: Any) -> Make:
    """The usual walk with custom models, each made from a seed."""

    def make_walk(folder: Path) -> AuditedWalk:
        names = [f"own{number}" for number, _ in enumerate(kinds)]
        for name, kind in zip(names, kinds, strict=True):
            model(name, seeded=seeded)(_maker(kind))
        return walk(folder, models=names, **settings)

    return make_walk


def _maker(kind: Callable[[int], Forecaster]) -> Callable[[object, object, int], Forecaster]:
    """What makes a model, from settings that it does not need, and a seed."""
    return lambda net, train, seed: kind(seed)


def in_units(units: Callable[[Scaler], tuple[Floats, Floats, Floats]]) -> Fit:
    """A fit on rows in other units, which may depend on the training span: the mean, the scale, that of the target."""

    def fit(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
        mean, scale, of_target = units(Scaler.of(learning_windows(rows, task.fold, window)[0]))
        scaled = replace(rows, features=(rows.features - mean) / scale, targets=rows.targets / of_target)
        found = fit_and_forecast(scaled, keys, task, forecaster, window)
        return replace(found, forecasts=found.forecasts.with_columns(pl.col("y_hat") * float(of_target[0])))

    return fit


def cached() -> Fit:
    """A fit that is not made again on the same rows."""
    kept: dict[object, Fitted] = {}

    def fit(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
        key = task.model, task.fold, rows.features.tobytes(), rows.targets.tobytes(), type(forecaster)
        if key not in kept:
            kept[key] = fit_and_forecast(rows, keys, task, forecaster, window)
        return kept[key]

    return fit


def scaled(units: Callable[[Scaler], tuple[Floats, Floats, Floats]]) -> Make:
    """The walk of gradient descent, on rows in other units."""
    return of_fit("", lambda: in_units(units)).make_walk


MODELS: dict[str, Make] = {
    "a constant and rules": of(lambda seed: Constant(), lambda seed: Reversal(), lambda seed: Kept()),
    "nearest neighbours": of(lambda seed: Nearest()),
    "early stopping and best epoch by validation": of(Descent),
    "axes drawn from the seed": of(Projected, seeded=True, seeds=2),
    "fitted again with the validation rows": of(FittedAgain),
    "settings tuned by validation": tuned_descent,
    "scaler on the training rows": scaled(lambda own: (own.mean, own.std, own.target_std)),
    "rows in percent": scaled(lambda own: (0 * own.mean, np.full_like(own.std, 0.01), np.array([0.01]))),
    "fit cached with the data among its keys": of_fit("", cached).make_walk,
}
