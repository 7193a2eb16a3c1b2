"""Level 3: everything is used when it is known, and not before: bars, external series, labels, windows.

Labels are asked like features: those that claim to be known at an instant may not move when what becomes known later
is replaced. Windows are followed through the walk's own code by a forecaster that sees the numbers of rows (`tracer`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from backtest.audit import leak_types
from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.counterexample import stamp
from backtest.audit.cut_points import cut_points
from backtest.audit.perturbations import Perturbed
from backtest.audit.publication import Reading, check_publication, check_stamps
from backtest.audit.recompute import Computation
from backtest.audit.search import Search
from backtest.audit.tracer import Seen, Tracer, are_numbers, numbered
from backtest.data.durations import format_duration
from backtest.data.errors import LeakError
from backtest.data.records.audit import Counterexample, Leak
from backtest.models.windows import EPOCH, Indices, microseconds
from backtest.reports.formats import counted
from backtest.walk.tasks import Task


@dataclass(frozen=True, slots=True)
class OutOfTime:
    """What is used before it is known; `features` are the leaking ones."""

    leaks: tuple[Leak, ...]
    notes: tuple[str, ...]
    features: tuple[str, ...]


def check_availability(subject: AuditedWalk, computation: Computation, instants: int, seed: int = 0) -> OutOfTime:
    """Check `known_at` of rows and series, and labels and windows of every fit, against the instants of their use."""
    external = subject.external
    reading = Reading(
        computation, external, lambda series: subject.table(computation.bars, series), subject.prepared.dataset.interval
    )
    early = check_publication(reading, instants, seed)
    whole = Computation(
        lambda bars: subject.features(bars, external), subject.prepared.dataset.bars, subject.prepared.features
    )
    late = Search.of(whole, seed)
    traced = [windows(subject, task) for task in subject.tasks("zero")]
    leaks = [
        *unfinished(subject),
        *check_stamps(external),
        *early.leaks.values(),
        *labels(subject, late, instants),
        *(leak for leaks, _ in traced for leak in leaks),
    ]
    followed = all(followed for _, followed in traced)
    notes = () if followed else ("windows could not be followed: the fit puts rows into other units; level 4 asks it",)
    return OutOfTime(tuple(leaks), (*early.notes, *late.notes, *notes), tuple(early.leaks))


def unfinished(subject: AuditedWalk) -> Iterator[Leak]:
    """A leak where rows claim to be known before their bar has closed."""
    features = subject.features(subject.prepared.dataset.bars, subject.external)
    early = features.filter(pl.col("known_at") < pl.col("time") + subject.prepared.dataset.interval)
    if early.height:
        row = early.row(0, named=True)
        said = f"known_at {stamp(row['known_at'])}, bars of {format_duration(subject.prepared.dataset.interval)}"
        counterexample = Counterexample("known_at", row["symbol"], stamp(row["time"]), None, None, said)
        yield leak_types.UNFINISHED.leak(f"{counted(early.height, 'row')} of features", counterexample)


def labels(subject: AuditedWalk, search: Search, instants: int) -> Iterator[Leak]:
    """A leak where a label moves with bars that close after the instant at which it claims to be known."""
    computation = search.computation
    features = computation.compute(computation.bars)
    perturbed = Perturbed.of(computation.bars, "noise", search.rng)
    for place in cut_points(computation, instants, search.rng):
        close = computation.times[place] + subject.prepared.dataset.interval
        table = search.compute(perturbed.where(computation.place > place), "noise in later bars")
        known = features.filter(pl.col("target_time") <= close)
        moved = computation.differing(known, table, {subject.target: 0.0}) if table is not None else {}
        if moved:
            row = moved[subject.target].sort("time").row(0, named=True)
            claimed = known.filter(symbol=row["symbol"], time=row["time"])["target_time"][0]
            said = f"moves with noise in bars that close after {stamp(close)}; target_time {stamp(claimed)}"
            counterexample = Counterexample(subject.target, row["symbol"], stamp(row["time"]), None, None, said)
            yield leak_types.LABEL_EARLY.leak("labels", counterexample)
            return


@dataclass(frozen=True, slots=True)
class Trace:
    """What one fit let its forecaster see, by span, and the rows that its forecasts stand at."""

    subject: AuditedWalk
    task: Task
    seen: dict[str, Seen]

    def leaks(self) -> Iterator[Leak]:
        """Labels not known when they are learned, and windows that reach beyond their origin."""
        known_by = {"training": self.task.fold.validation.start, "validation": self.task.fold.test.start}
        for span, seen in self.seen.items():
            last, label = seen.last.astype(np.int64), seen.label.astype(np.int64)
            if span in known_by:
                yield from self._unknown(label, microseconds(known_by[span]), span)
            yield from self._reach(last, label, span)

    def _unknown(self, label: Indices, known_by: int, span: str) -> Iterator[Leak]:
        """A leak where a label is learned that is known only after an instant."""
        known = self.subject.prepared.rows.target_time[label]
        late = np.flatnonzero(known > known_by)
        if len(late):
            said = f"known at {_instant(known[late[-1]])}, used at {_instant(known_by)}"
            counterexample = Counterexample("label", *self._at(label[late[-1]]), None, None, said)
            yield leak_types.LABEL_UNKNOWN.leak(self._where(span), counterexample, count=counted(len(late), "label"))

    def _reach(self, last: Indices, origin: Indices, span: str) -> Iterator[Leak]:
        """A leak where a window holds a row behind its origin."""
        beyond = np.flatnonzero(last > origin)
        if len(beyond):
            reads, row = last[beyond[0]], origin[beyond[0]]
            counterexample = Counterexample("window", *self._at(row), self._at(reads)[1], int(reads - row), "")
            yield leak_types.WINDOW_BEYOND.leak(self._where(span), counterexample, count=counted(len(beyond), "window"))

    def _where(self, span: str) -> str:
        return f"fold {self.task.fold.index}, {span}"

    def _at(self, row: np.int64) -> tuple[str, str]:
        """Symbol and time of a row."""
        symbol, time = self.subject.keys.row(int(row))
        return symbol, stamp(time)


def windows(subject: AuditedWalk, task: Task) -> tuple[list[Leak], bool]:
    """Carry out a task with a forecaster that follows rows: return the leaks, and whether it could follow."""
    tracer, rows = Tracer(), numbered(subject.prepared.rows)
    try:
        forecasts = subject.fit(rows, subject.keys, task, tracer, subject.window).forecasts
    except LeakError as refused:
        return [leak_types.REFUSED.leak(f"fold {task.fold.index}", error=refused)], True
    except Exception:  # a walk that cannot learn from row numbers may well learn from features
        return [], False
    own = forecasts.join(subject.keys.with_row_index("origin"), on=["symbol", "time"], maintain_order="left")
    test = Seen(forecasts["y_hat"].to_numpy(), own["origin"].to_numpy().astype(np.float64))
    seen = dict(zip(("training", "validation", "test"), (*tracer.seen, test), strict=False))
    count = len(rows.time)
    if len(seen) < 3 or not all(
        are_numbers(one.last, count) and are_numbers(one.label, count) for one in seen.values()
    ):
        return [], False
    return list(Trace(subject, task, seen).leaks()), True


def _instant(since: np.int64 | int) -> str:
    """An instant in microseconds since 1970, as a counterexample has it."""
    return stamp(EPOCH + timedelta(microseconds=int(since)))
