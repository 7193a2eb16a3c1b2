"""Level 4: the seal of the fold. What lies behind it is poisoned, the fold is fitted again, and no forecast may move.

Each fit is made on the true rows, and again with the bars behind the first test bar, with those behind the middle one,
and with every label that is not known when the test span begins, replaced. Two controls see to it that the fit is a
fit: it moves when every bar is replaced, and it is the same again after the other folds were fitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backtest.audit import kinds
from backtest.audit.poison import POISONS, mix, noise
from backtest.audit.subject import Subject
from backtest.audit.witness import stamp
from backtest.fitting import Fitted
from backtest.folds import Fold
from backtest.tasks import Task
from data.audit import Leak, Level, Witness
from data.errors import LeakError
from models import MODELS
from models.windows import Panel, microseconds
from reports.formats import counted, listed

Array = NDArray[np.generic]

NAME = "seal of the fold"


@dataclass(frozen=True, slots=True)
class Sample:
    """How much to fit: so many folds of cheap models (None: all) and of networks, evenly spaced; networks' epochs."""

    folds: int | None
    network_folds: int
    epochs: int

    def of(self, subject: Subject, model: str) -> list[Task]:
        """Tasks of a model to be fitted."""
        tasks = subject.tasks(model)
        count = self.network_folds if MODELS[model].seeded else self.folds
        if count is None or count >= len(tasks):
            return tasks
        return [tasks[round(place)] for place in np.linspace(0, len(tasks) - 1, count)]


@dataclass(frozen=True, slots=True)
class Breach:
    """Rows of which some are poisoned, in words; forecasts at or before `until` may not move (None: none at all)."""

    rows: Panel
    until: datetime | None
    poison: str


def seal_of_the_fold(subject: Subject, sample: Sample, seed: int = 0) -> Level:
    """Fit the folds of a sample again on poisoned rows; of each model the first leak is told."""
    trial = _Trial(subject, sample.epochs, np.random.default_rng(seed))
    models = subject.config.all_models
    leaks = tuple(leak for model in models if (leak := trial.of_model(sample.of(subject, model))))
    checked = f"{counted(len(models), 'model')}, {counted(len(trial.breaches), 'fold')}, {counted(trial.fits, 'fit')}"
    return Level(4, NAME, checked, leaks, tuple(trial.notes))


@dataclass(slots=True)
class _Trial:
    """Fits and compares, and counts; the poisoned rows of a fold are kept for all models."""

    subject: Subject
    epochs: int
    rng: np.random.Generator
    fits: int = 0
    notes: list[str] = field(default_factory=list)
    breaches: dict[int, list[Breach]] = field(default_factory=dict)

    def of_model(self, tasks: Sequence[Task]) -> Leak | None:
        """First leak of a model."""
        true: list[Fitted] = []
        for task in tasks:
            try:
                true.append(self._fit(task, self.subject.prepared.rows))
                leak = self._of_task(task, true[-1])
            except LeakError as refused:
                return kinds.REFUSED.leak(_where(task), error=refused)
            if leak:
                return leak
        again = self._fit(tasks[0], self.subject.prepared.rows) if len(tasks) > 1 else true[0]
        moved = _moved(true[0], again, None)
        return kinds.CARRIED.leak(_where(tasks[0]), moved=moved) if moved else None

    def _of_task(self, task: Task, true: Fitted) -> Leak | None:
        """First leak of a task."""
        if task.fold.index not in self.breaches:
            self.breaches[task.fold.index] = list(_breaches(self.subject, task.fold, self.rng))
        for breach in self.breaches[task.fold.index]:
            other = self._fit_poisoned(task, breach.rows, breach.poison)
            moved = _moved(true, other, breach.until) if other else ""
            if moved:
                at = stamp(breach.until or task.fold.test.start)
                witness = Witness(f"y_hat of {task.model}", "", at, None, None, f"moves with {breach.poison}")
                return kinds.SEAL.leak(_where(task), witness, moved=moved)
        if true.forecasts["y_hat"].n_unique() > 1:
            bars = noise(self.subject.prepared.bars, self.rng)
            rows = self.subject.rows(self.subject.features(bars, self.subject.external))
            other = self._fit_poisoned(task, rows, "noise everywhere")
            if other and not _moved(true, other, None):
                return kinds.UNMOVED.leak(_where(task))
        return None

    def _fit(self, task: Task, rows: Panel) -> Fitted:
        self.fits += 1
        return self.subject.fitted(rows, task, self.epochs)

    def _fit_poisoned(self, task: Task, rows: Panel, poison: str) -> Fitted | None:
        """Fit; None, and a note, where a model cannot be fitted to such rows, or cannot forecast from them."""
        try:
            return self._fit(task, rows)
        except LeakError:
            raise
        except Exception as error:  # a user's model may raise anything
            self.notes.append(f"{_where(task)}: no forecasts with {poison}: {type(error).__name__}: {error}")
            return None


def _breaches(subject: Subject, fold: Fold, rng: np.random.Generator) -> Iterator[Breach]:
    """The ways to poison what lies behind a fold."""
    bars, rows = subject.prepared.bars, subject.prepared.rows
    inside = bars.filter((pl.col("time") >= fold.test.start) & (pl.col("time") < fold.test.end))["time"].unique().sort()
    for until, kind in ((inside[0], "noise"), (inside[len(inside) // 2], "huge values")):
        poisoned = mix(bars, POISONS[kind](bars, rng), bars["time"] > until)
        changed = subject.rows(subject.features(poisoned, subject.external))
        yield Breach(changed, until, f"{kind} in every later bar")
    unknown = rows.target_time > microseconds(fold.test.start)
    shuffled = rng.permutation(rows.target[unknown]) * rng.uniform(1, 3, int(unknown.sum()))
    for labels, words in ((-3 * rows.target[unknown], "turned round"), (shuffled, "shuffled")):
        target = rows.target.copy()
        target[unknown] = np.where(np.isfinite(target[unknown]), np.nan_to_num(labels), np.nan)
        yield Breach(replace(rows, target=target), None, f"targets {words} from there on")


def _moved(true: Fitted, other: Fitted, until: datetime | None) -> str:
    """What moved, in words: forecasts at or before an instant, and the fitted state; empty if nothing did."""
    keys = ["fold", "symbol", "time"]
    rows = true.forecasts if until is None else true.forecasts.filter(pl.col("time") <= until)
    both = rows.join(other.forecasts.rename({"y_hat": "other"}), on=keys, how="left", maintain_order="left")
    distance = (both["y_hat"] - both["other"]).abs()
    count = int((distance.fill_null(np.inf) > 0).sum())
    furthest = distance.fill_null(0.0).sort()[-1] if count else 0.0
    words = [f"{count:,} of {rows.height:,} forecasts moved, by up to {furthest:.2g}"] if count else []
    state = [name for name, array in true.state.items() if not _equal(array, other.state.get(name))]
    words += [f"fitted otherwise: {listed(state, 4)}"] if state else []
    return ", ".join(words)


def _equal(one: Array, other: Array | None) -> bool:
    return other is not None and np.array_equal(one, other)


def _where(task: Task) -> str:
    return f"model {task.model}, fold {task.fold.index}"
