"""The walk that is audited: its features, fits and gathering, each of which an audit runs again on other rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, Self

import numpy as np
import polars as pl

from backtest.audit.counterexample import first_line
from backtest.audit.lookback import Lookback
from backtest.audit.recompute import KEYS, BuildFeatures, Computation, Series, feature_builder
from backtest.data.errors import LeakError
from backtest.data.records.audit import Note, Subject, Trial
from backtest.data.schema import FEATURES
from backtest.features.catalog import resolve
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
    """A walk in parts: `features` computes FEATURES from bars and external series, `fit` runs a task on their rows.

    `gather` matches the forecasts of all tasks with realised values. `external` are the true series. `held` are
    features that are known to leak: they keep their true values on all rows, so that no leak is reported twice; nor is
    one of the `leaking` models.
    """

    plan: WalkPlan
    external: Series
    features: BuildFeatures
    fit: Fit = fit_and_forecast
    gather: Callable[[WalkPlan, Callable[[Task], pl.DataFrame]], pl.DataFrame] = collect_forecasts
    held: tuple[str, ...] = ()
    leaking: tuple[str, ...] = ()

    @classmethod
    def of(cls, plan: WalkPlan) -> Self:
        """The walk as a run makes it."""
        dataset, target = plan.dataset, plan.config.target
        features = feature_builder(
            dataset.bars,
            plan.config.features,
            dataset.interval,
            horizons=target.horizons,
            kind=target.kind,
            segment=dataset.segments,
        )
        return cls(plan, dataset.external, features)

    @property
    def config(self) -> Config:
        """The settings."""
        return self.plan.config

    @property
    def bars(self) -> pl.DataFrame:
        """The true bars."""
        return self.plan.dataset.bars

    @property
    def interval(self) -> timedelta:
        """From bar to bar."""
        return self.plan.dataset.interval

    @property
    def targets(self) -> dict[int, str]:
        """Name of the target's column at each horizon."""
        return self.config.resolved_question.outcomes

    @property
    def keys(self) -> pl.DataFrame:
        """Symbol and time of each row."""
        return self.plan.features.select("symbol", "time")

    @property
    def lookbacks(self) -> dict[str, Lookback]:
        """What each feature declares, without those that are known to leak."""
        declared = resolve(self.config.features)
        lookbacks = {name: Lookback(one.lookback, one.tolerance) for one in declared for name in one.columns}
        return {name: lookback for name, lookback in lookbacks.items() if name not in self.held}

    def rows(self, features: pl.DataFrame) -> Panel:
        """FEATURES as arrays."""
        held = (self.plan.features[name] for name in self.held)
        target = self.config.target
        return panel(features.with_columns(held), self.plan.names, target.horizons, target.kind)

    def table(self, bars: pl.DataFrame, external: Series) -> pl.DataFrame:
        """Keys and features of changed bars and series."""
        dropped = [name for name in (*FEATURES.names, *self.targets.values(), *self.held) if name not in KEYS]
        return self.features(bars, external).drop(dropped)

    def computation(self, bars: pl.DataFrame) -> Computation:
        """The features alone, as something computed from bars."""
        outside = [name for one in self.plan.resolved if one.outside for name in one.columns if name not in self.held]
        return Computation.of(lambda changed: self.table(changed, self.external), bars, outside)

    def tasks(self, model: str) -> list[Task]:
        """Tasks of a model's first seed, in the order of folds, without the fit after the walk."""
        own = [task for task in self.plan.tasks if task.model == model and not task.seed]
        return [task for task in own if task.fold != self.plan.final]

    def run_task(self, rows: Panel, task: Task, epochs: int | None = None) -> Fitted:
        """Run a task in at most so many epochs (None: as many as are set); a warm one from a fit of the fold before.

        On the CPU, where the same rows give the same bits.
        """
        entry, window = self.config.entry(task.model).on_cpu(epochs), self.config.net.window
        start: State | None = None
        if task.after:
            before = next(other for other in self.plan.tasks if other.folder == task.after)
            first = self.fit(rows, self.keys, before, forecaster_of(before, entry), window)
            start = first.state
        return self.fit(rows, self.keys, task, forecaster_of(task, entry, start), window)


@dataclass(frozen=True, slots=True)
class Sample:
    """How much to refit: so many folds of models without a seed (None: all) and of networks, evenly spaced.

    Networks take at most `epochs`, and in the first fold as many as they are set, if `first_in_full`.
    """

    folds: int | None
    network_folds: int
    epochs: int
    first_in_full: bool = False

    def of(self, walk: AuditedWalk, model: str) -> list[Task]:
        """Tasks of a model to refit."""
        tasks = walk.tasks(model)
        count = self.network_folds if walk.config.entry(model).model.seeded else self.folds
        if count is None or count >= len(tasks):
            return tasks
        return [tasks[round(place)] for place in np.linspace(0, len(tasks) - 1, count)]


@dataclass(slots=True)
class Refit:
    """Refits tasks on other rows; a user's feature or model may raise anything, which is kept as a note.

    `fits` counts them, `failed` are the trials in which something could not be computed, and `refused` the models of
    which the walk itself says that they depend on later rows, with its error.
    """

    sample: Sample
    fits: int = 0
    notes: list[Note] = field(default_factory=list)
    failed: set[Trial] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)

    def rows(self, walk: AuditedWalk, bars: pl.DataFrame, trial: Trial, external: Series) -> Panel | None:
        """Rows of changed bars and series; None, and a note, where the features cannot be computed from them."""
        table = self.table(lambda: walk.features(bars, external), trial)
        return None if table is None else walk.rows(table)

    def table(self, compute: Callable[[], pl.DataFrame], trial: Trial) -> pl.DataFrame | None:
        """Features of other bars; None, and a note, where they cannot be computed."""
        try:
            return compute()
        except Exception as error:  # a user's feature may raise anything
            self._note_failure(None, trial, error)
            return None

    def attempt(self, walk: AuditedWalk, task: Task, rows: Panel, trial: Trial) -> Fitted | None:
        """Fit a task; None where a model cannot learn or forecast from such rows, or was refused for it."""
        self.fits += 1
        in_full = self.sample.first_in_full and task.fold.index == 0
        try:
            return walk.run_task(rows, task, None if in_full else self.sample.epochs)
        except LeakError as refusal:
            self.refused[task.model] = str(refusal)
        except Exception as error:  # a user's model may raise anything
            self._note_failure(subject_of(task), trial, error)
        return None

    def _note_failure(self, subject: Subject | None, trial: Trial, error: Exception) -> None:
        """Note what could not be computed."""
        self.failed.add(trial)
        self.notes.append(Note("not_computed", subject, trial, error=first_line(error)))


def subject_of(task: Task) -> Subject:
    """The model and fold of a task."""
    return Subject("model", task.model, task.fold.index)
