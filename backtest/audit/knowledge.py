"""Level 3: everything is used when it is known, and not before: bars, external series, labels, windows.

Labels are asked like features: those that claim to be known at an instant may not move when what becomes known later
is replaced. Windows are followed through the walk's own code by a forecaster that sees the numbers of rows (`tracer`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from backtest.audit import kinds
from backtest.audit.cuts import cut_points
from backtest.audit.poison import mix, noise
from backtest.audit.probe import Probe
from backtest.audit.published import Reading, read_early, stamped_early
from backtest.audit.subject import Subject
from backtest.audit.tracer import Seen, Tracer, numbered
from backtest.audit.witness import stamp
from backtest.folds import Fold
from backtest.tasks import Task
from data.audit import Leak, Level, Witness
from data.durations import spell
from models.windows import EPOCH, Indices, Panel, microseconds
from reports.formats import counted

NAME = "time of knowledge"


def time_of_knowledge(subject: Subject, probe: Probe, cuts: int, seed: int = 0) -> Level:
    """Check `known_at` of rows and series, and labels and windows of every fit, against the instants of their use."""
    features = subject.features(subject.prepared.bars, subject.external)
    compute = lambda series: subject.features(probe.bars, series)  # noqa: E731
    reading = Reading(probe, subject.external, compute, subject.prepared.interval)
    early = read_early(reading, cuts, seed)
    tasks = subject.tasks("zero")
    leaks = [
        *unfinished(subject, features),
        *stamped_early(subject.external),
        *early.leaks.values(),
        *labels(subject, features, cuts, seed),
        *(leak for task in tasks for leak in windows(subject, features, task)),
    ]
    rows, folds = counted(features.height, "row"), counted(len(tasks), "fold")
    series = f", external series: {len(subject.external)}" if subject.external else ""
    checked = f"{rows}{series}, labels at {cuts} instants, windows of {folds}"
    return Level(3, NAME, checked, tuple(leaks), tuple(early.notes))


def unfinished(subject: Subject, features: pl.DataFrame) -> Iterator[Leak]:
    """A leak where rows claim to be known before their bar has closed."""
    early = features.filter(pl.col("known_at") < pl.col("time") + subject.prepared.interval)
    if early.height:
        row = early.row(0, named=True)
        said = f"known_at {stamp(row['known_at'])}, bars of {spell(subject.prepared.interval)}"
        witness = Witness("known_at", row["symbol"], stamp(row["time"]), None, None, said)
        yield kinds.UNFINISHED.leak(f"{counted(early.height, 'row')} of features", witness)


def labels(subject: Subject, features: pl.DataFrame, cuts: int, seed: int) -> Iterator[Leak]:
    """A leak where a label moves with bars that close after the instant at which it claims to be known."""
    bars, interval = subject.prepared.bars, subject.prepared.interval
    probe = Probe(lambda changed: subject.features(changed, subject.external), bars, features)
    poisoned = noise(bars, np.random.default_rng(seed))
    for place in cut_points(probe, cuts, np.random.default_rng(seed)):
        close = probe.times[place] + interval
        table = probe.compute(mix(bars, poisoned, probe.place > place))
        known = features.filter(pl.col("target_time") <= close)
        moved = probe.differing(known, table, {subject.target: 0.0}).get(subject.target)
        if moved is not None:
            row = moved.sort("time").row(0, named=True)
            claimed = known.filter(symbol=row["symbol"], time=row["time"])["target_time"][0]
            said = f"noise in bars that close after {stamp(close)}; target_time {stamp(claimed)}"
            witness = Witness(subject.target, row["symbol"], stamp(row["time"]), None, None, said)
            yield kinds.LABEL_EARLY.leak("labels", witness)
            return


def windows(subject: Subject, features: pl.DataFrame, task: Task) -> Iterator[Leak]:
    """Leaks of one fit: labels not known when they are learned, windows that reach beyond their origin."""
    rows, tracer, fold = subject.rows(features), Tracer(), task.fold
    forecasts = subject.fit(numbered(rows), subject.keys, task, tracer, subject.window).forecasts
    for seen, (span, known_by) in zip(tracer.seen, _spans(fold), strict=False):
        yield from _labels_of(rows, seen, microseconds(known_by), f"fold {fold.index}, {span}")
        yield from _reach(rows, seen.last, seen.label, f"fold {fold.index}, {span}")
    origins = forecasts.join(subject.keys.with_row_index("origin"), on=["symbol", "time"], maintain_order="left")
    last = forecasts["y_hat"].to_numpy().astype(np.int64)
    yield from _reach(rows, last, origins["origin"].to_numpy().astype(np.int64), f"fold {fold.index}, test")


def _spans(fold: Fold) -> tuple[tuple[str, datetime], ...]:
    """The spans that a fit learns from, and the instant by which every label of each must be known."""
    return ("training", fold.validation.start), ("validation", fold.test.start)


def _labels_of(rows: Panel, seen: Seen, known_by: int, where: str) -> Iterator[Leak]:
    """A leak where a label is learned that is known only after an instant."""
    late = np.flatnonzero(rows.target_time[seen.label] > known_by)
    if len(late):
        row = int(seen.label[late[-1]])
        said = f"known at {_instant(rows.target_time[row])}, used at {_instant(known_by)}"
        witness = Witness("label", _symbol(rows, row), _instant(rows.time[row]), None, None, said)
        yield kinds.LABEL_UNKNOWN.leak(where, witness, count=counted(len(late), "label"))


def _reach(rows: Panel, last: Indices, origin: Indices, where: str) -> Iterator[Leak]:
    """A leak where a window holds a row behind its origin."""
    beyond = np.flatnonzero(last > origin)
    if len(beyond):
        reads, row = int(last[beyond[0]]), int(origin[beyond[0]])
        at = _symbol(rows, row), _instant(rows.time[row])
        witness = Witness("window", *at, _instant(rows.time[reads]), reads - row, "its number")
        yield kinds.WINDOW_BEYOND.leak(where, witness, count=counted(len(beyond), "window"))


def _instant(microseconds_since: np.int64 | int) -> str:
    return stamp(EPOCH + timedelta(microseconds=int(microseconds_since)))


def _symbol(rows: Panel, row: int) -> str:
    """Symbol of a row: they stand one after another, each with ascending times."""
    return rows.symbols[int((np.diff(rows.time[: row + 1]) < 0).sum())] if len(rows.symbols) > 1 else rows.symbols[0]
