"""What is audited: a prepared walk, in the parts that an audit calls again with other bars, rows and forecasters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import polars as pl

from backtest.audit.lookback import Lookback
from backtest.audit.rebuild import Rebuild, Series, rebuild_of
from backtest.audit.recompute import KEYS, Computation
from backtest.data.schema import FEATURES
from backtest.features.catalog import resolve
from backtest.features.target import column
from backtest.models.forecaster import Forecaster, State
from backtest.models.windows import Panel, panel
from backtest.walk.config import Config
from backtest.walk.fitting import Fitted, fit_and_forecast, forecaster_of
from backtest.walk.plan import WalkPlan
from backtest.walk.tables import collect_forecasts
from backtest.walk.tasks import Task


class Fit(Protocol):
    """Fits a forecaster on rows and forecasts: `fit_and_forecast`, or what a test puts in its place."""

    def __call__(self, rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
        """Fit and forecast one task."""


@dataclass(frozen=True, slots=True)
class AuditedWalk:
    """A walk: `features` turns bars and external series into FEATURES, `fit` carries out a task on their rows.

    `gather` puts the forecasts of all tasks beside what came. `prepared` holds the rest, `external` the true series.
    `held` are features that are known to leak: whatever the rows, their true values stand there, so that no leak is
    told twice; nor is one of the `leaking` models.
    """

    prepared: WalkPlan
    external: Series
    features: Rebuild
    fit: Fit = fit_and_forecast
    gather: Callable[[WalkPlan, Callable[[Task], pl.DataFrame]], pl.DataFrame] = collect_forecasts
    held: tuple[str, ...] = ()
    leaking: tuple[str, ...] = ()

    @classmethod
    def of(cls, prepared: WalkPlan) -> Self:
        """The walk itself."""
        dataset, config = prepared.dataset, prepared.config
        rebuild = rebuild_of(
            dataset.bars,
            config.features,
            dataset.interval,
            horizon=config.target.horizon,
            kind=config.target.kind,
            segment=dataset.segments,
        )
        return cls(prepared, dataset.external, rebuild)

    @property
    def config(self) -> Config:
        """The settings."""
        return self.prepared.config

    @property
    def target(self) -> str:
        """Name of the target's column."""
        return column(self.config.target.kind, self.config.target.horizon)

    def rows(self, features: pl.DataFrame) -> Panel:
        """FEATURES as arrays."""
        true = self.prepared.features
        return panel(
            features.with_columns(true[name] for name in self.held), self.prepared.names, self.config.target.horizon
        )

    def computation(self, bars: pl.DataFrame) -> Computation:
        """The features alone, as something computed from bars."""
        return Computation.of(lambda changed: self.table(changed, self.external), bars)

    def table(self, bars: pl.DataFrame, external: Series) -> pl.DataFrame:
        """Keys and features of changed bars and series."""
        dropped = [name for name in (*FEATURES.names, self.target, *self.held) if name not in KEYS]
        return self.features(bars, external).drop(dropped)

    def lookbacks(self) -> dict[str, Lookback]:
        """What each feature declares to check_lookback, without those that are known to leak."""
        declared = resolve(self.config.features)
        lookbacks = {name: Lookback(one.lookback, one.tolerance) for one in declared for name in one.columns}
        return {name: lookback for name, lookback in lookbacks.items() if name not in self.held}

    def fitted(self, rows: Panel, task: Task, epochs: int) -> Fitted:
        """Carry out a task in at most so many epochs; from a fit of the fold before, if it starts warm.

        On the CPU, where the same rows give the same bits.
        """
        few = {"epochs": min(epochs, self.config.train.epochs), "device": "cpu"}
        train = self.config.train.model_copy(update=few)
        start: State | None = None
        if task.after:
            before = next(other for other in self.prepared.tasks if other.folder == task.after)
            first = self.fit(rows, self.keys, before, forecaster_of(before, self.config.net, train), self.window)
            start = first.state
        forecaster = forecaster_of(task, self.config.net, train, start)
        return self.fit(rows, self.keys, task, forecaster, self.window)

    @property
    def keys(self) -> pl.DataFrame:
        """Symbol and time of each row."""
        return self.prepared.features.select("symbol", "time")

    @property
    def window(self) -> int:
        """Rows that a forecast sees."""
        return self.config.net.window

    def tasks(self, model: str) -> list[Task]:
        """Tasks of a model's first seed, in the order of folds, without the fit after the walk."""
        own = [task for task in self.prepared.tasks if task.model == model and not task.seed]
        return [task for task in own if task.fold != self.prepared.final]
