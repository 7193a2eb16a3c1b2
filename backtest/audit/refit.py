"""Fitting the tasks of a walk again: counted, and guarded against models that cannot take what they are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from backtest.audit.audited_walk import AuditedWalk
from backtest.data.errors import LeakError
from backtest.models import MODELS
from backtest.models.windows import Panel
from backtest.walk.fitting import Fitted
from backtest.walk.tasks import Task


@dataclass(frozen=True, slots=True)
class Sample:
    """How much to fit: so many folds of cheap models (None: all) and of networks, evenly spaced.

    Networks take at most so many `epochs`, and in the first fold as many as they are set, if `first_in_full`.
    """

    folds: int | None
    network_folds: int
    epochs: int
    first_in_full: bool = False

    def of(self, subject: AuditedWalk, model: str) -> list[Task]:
        """Tasks of a model to be fitted."""
        tasks = subject.tasks(model)
        count = self.network_folds if MODELS[model].seeded else self.folds
        if count is None or count >= len(tasks):
            return tasks
        return [tasks[round(place)] for place in np.linspace(0, len(tasks) - 1, count)]


TRUE = "the true rows"


@dataclass(slots=True)
class Refit:
    """Fits with few epochs, as often as is asked for.

    `fits` counts them, `notes` tell what could not be fitted, `failed` on what rows, and `refused` what the walk itself
    says of models that depend on later rows.
    """

    sample: Sample
    fits: int = 0
    notes: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)

    def rows(self, subject: AuditedWalk, bars: pl.DataFrame, what: str) -> Panel | None:
        """Rows of changed bars; None, and a note, where the features cannot be computed from them."""
        table = self.table(lambda: subject.features(bars, subject.external), what)
        return None if table is None else subject.rows(table)

    def table(self, compute: Callable[[], pl.DataFrame], what: str) -> pl.DataFrame | None:
        """Features of other bars; None, and a note, where they cannot be computed."""
        try:
            return compute()
        except Exception as error:  # a user's feature may raise anything
            self._failed("features", what, error)
            return None

    def attempt(self, subject: AuditedWalk, task: Task, rows: Panel, what: str) -> Fitted | None:
        """Fit a task; None where a model cannot learn or forecast from such rows, or was refused for it."""
        self.fits += 1
        in_full = self.sample.first_in_full and task.fold.index == 0
        try:
            return subject.fitted(rows, task, subject.config.train.epochs if in_full else self.sample.epochs)
        except LeakError as refusal:
            self.refused[task.model] = str(refusal)
        except Exception as error:  # a user's model may raise anything
            self._failed(where(task), what, error)
        return None

    def _failed(self, subject: str, what: str, error: Exception) -> None:
        """Keep a note of what could not be done."""
        first = (str(error).splitlines() or [""])[0]
        self.failed.add(what)
        self.notes.append(f"{subject}: failed with {what}: {type(error).__name__}: {first}")


def where(task: Task) -> str:
    """What a leak of a task is said to be of."""
    return f"model {task.model}, fold {task.fold.index}"
