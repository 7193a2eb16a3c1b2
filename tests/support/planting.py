"""How a leak is planted in a small walk: in a feature, in the table of features, in a fit, or in the gathering."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from backtest.audit.audited_walk import AuditedWalk, Fit
from backtest.audit.recompute import BuildFeatures, Series
from backtest.features import feature
from backtest.models import FitLog, Forecaster, model
from backtest.models.forecaster import State
from backtest.models.scales import FlooredInputs
from backtest.models.settings import ModelSettings
from backtest.models.windows import EPOCH, Floats, Panel, Windows
from backtest.walk.fitting import Fitted, fit_and_forecast
from backtest.walk.folds import Fold
from backtest.walk.tasks import Task
from tests.support.descent import Descent
from tests.support.odd_bars import stored
from tests.support.small_run import small

FOREVER = datetime.max.replace(tzinfo=UTC)
SOURCE = "synthetic:n=720,signal=0.1"
CLOSE, VOLUME = pl.col("close"), pl.col("volume")
RETURN = (CLOSE / CLOSE.shift()).log()

Changed = Callable[[pl.DataFrame, pl.DataFrame, Series], pl.DataFrame]
"""Other FEATURES, from the true ones, the bars and the external series."""

Peek = Callable[[Descent, Panel, Fold, int], None]
"""Gives a model what it must not have, before it is fitted on a fold with windows so long."""

Choose = Callable[[Panel, Fold, int], tuple[Windows | None, Windows | None]]
"""Windows to train on and to stop by, of a fold and so long; None for the usual ones."""


@dataclass(frozen=True, slots=True)
class Plant:
    """A leak: how to plant it, given a folder for files, and what an audit must say of it.

    `level` is the first that finds anything, `names` what a leak there must name, `ahead` how many bars ahead its
    counterexample reads; None where the leak is not of one bar.
    """

    name: str
    level: int
    make_walk: Callable[[Path], AuditedWalk]
    names: str = "planted"
    ahead: int | None = None


def on_all(function: Callable[[Floats], Floats], values: pl.Expr = CLOSE) -> pl.Expr:
    """A column that numpy computes from all rows at once."""
    return values.map_batches(lambda column: pl.Series(function(column.to_numpy())), return_dtype=pl.Float64)


def walk(folder: Path, *bars: pl.DataFrame, **tables: Any) -> AuditedWalk:
    """A small walk with ridge regression, over given bars or synthetic ones."""
    usual = {"models": ["ridge"], "features": ["log_return"], "data": {"source": stored(folder, *bars) or SOURCE}}
    return AuditedWalk.of(small(**{**usual, **tables}))


def with_features(walk: AuditedWalk, features: BuildFeatures) -> AuditedWalk:
    """The same walk, with other FEATURES from the beginning."""
    table = features(walk.bars, walk.external)
    return replace(walk, plan=replace(walk.plan, features=table, rows=walk.rows(table)), features=features)


def of_expression(
    name: str, made: pl.Expr | Mapping[str, pl.Expr], *bars: pl.DataFrame, level: int = 1, **how: Any
) -> Plant:
    """A leak of a feature that is an expression; it declares the `lookback` and `tolerance`."""
    declared = {key: how.pop(key, 0) for key in ("lookback", "tolerance")}

    def make_walk(folder: Path) -> AuditedWalk:
        feature(name="planted", **declared)(lambda: made)
        return walk(folder, *bars, features=["planted"])

    return Plant(name, level, make_walk, **how)


def of_table(name: str, change: Changed, *bars: pl.DataFrame, series: Series | None = None, **how: Any) -> Plant:
    """A leak in the column `planted` of FEATURES."""

    def make_walk(folder: Path) -> AuditedWalk:
        feature(name="planted", lookback=0)(lambda: CLOSE / pl.col("open"))
        plain = replace(walk(folder, *bars, features=["planted"]), external=series or {})
        return with_features(plain, lambda bars, series: change(plain.features(bars, series), bars, series))

    return Plant(name, how.pop("level", 1), make_walk, **how)


def of_bars(name: str, compute: Callable[[pl.DataFrame], pl.Series], *bars: pl.DataFrame, **how: Any) -> Plant:
    """A leak of a feature that is computed from the whole table of bars."""
    return of_table(name, lambda features, bars, series: features.with_columns(planted=compute(bars)), *bars, **how)


def of_fit(
    name: str,
    make: Callable[[], Fit],
    *bars: pl.DataFrame,
    level: int = 4,
    models: Sequence[str] = ("descent",),
    names: str = "model descent",
    **how: Any,
) -> Plant:
    """A leak in fitting and forecasting; `make` returns a new fit, which may check_lookback what it did.

    The walk has ridge regression, or gradient descent, which may be `seeded` as networks are.
    """
    seeded, settings = how.pop("seeded", False), how.pop("settings", {})

    def make_walk(folder: Path) -> AuditedWalk:
        model("descent", seeded=seeded)(descent)
        return replace(walk(folder, *bars, models=list(models), **settings), fit=make())

    return Plant(name, level, make_walk, names, **how)


def of_peek(name: str, make: Callable[[], Peek], **how: Any) -> Plant:
    """A leak into gradient descent alone; `make` returns a new peek, which may check_lookback what it saw."""

    def make_fit() -> Fit:
        peek = make()

        def fit(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
            if (descending := descent_in(forecaster)) is not None:
                peek(descending, rows, task.fold, window)
            return fit_and_forecast(rows, keys, task, forecaster, window)

        return fit

    return of_fit(name, make_fit, **how)


def descent_in(forecaster: Forecaster) -> Descent | None:
    """Gradient descent behind what the walk wraps around every model."""
    inner = forecaster.forecaster if isinstance(forecaster, FlooredInputs) else forecaster
    return inner if isinstance(inner, Descent) else None


def descent(net: object, train: object, seed: int) -> Forecaster:
    """Gradient descent."""
    return Descent(seed)


class DescentSettings(ModelSettings):
    """The rate of gradient descent."""

    rate: float = 0.2


def tuned_descent(folder: Path) -> AuditedWalk:
    """The walk of gradient descent, each fit of which chooses its rate by the validation span."""

    @model("descent", settings=DescentSettings)
    def descent(seed: int, settings: DescentSettings) -> Forecaster:
        return Descent(seed, settings.rate)

    return walk(folder, models=["descent"], tune={"descent": {"rate": [0.02, 0.1, 0.2, 0.5]}})


def outcomes(rows: Panel, fold: Fold, window: int) -> Windows:
    """The windows of the test span, with their targets."""
    return rows.validation(fold.test.start, fold.test.end, window=window, known_by=FOREVER)


def everything(rows: Panel, window: int) -> Windows:
    """All windows there are, with their targets."""
    return rows.validation(EPOCH, FOREVER, window=window, known_by=FOREVER)


def error_on_test(forecaster: Forecaster, rows: Panel, fold: Fold, window: int) -> float:
    """Mean squared error on the test span of a forecaster that was fitted."""
    test = outcomes(rows, fold, window)
    return float(np.mean((test.y - forecaster.predict(test)) ** 2))


@dataclass(slots=True)
class Taught:
    """A forecaster that learns from other windows than those it is given, and forecasts from others too."""

    inner: Forecaster
    train: Windows | None = None
    validation: Windows | None = None
    look: Callable[[Windows], Windows] = lambda windows: windows

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        return self.inner.fit(self.train or train, self.validation or validation)

    def predict(self, windows: Windows) -> Floats:
        return self.inner.predict(self.look(windows))

    def state(self) -> State:
        return self.inner.state()

    def restore(self, state: State) -> None:
        self.inner.restore(state)


def taught(name: str, choose: Choose, *bars: pl.DataFrame, **how: Any) -> Plant:
    """A leak in the choice of the windows to learn from."""

    def fit(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
        return fit_and_forecast(rows, keys, task, Taught(forecaster, *choose(rows, task.fold, window)), window)

    return of_fit(name, lambda: fit, *bars, level=3, **how)
