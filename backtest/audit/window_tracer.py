"""Level 3, windows: a forecaster that traces row numbers through the walk's own code shows which rows each fit saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np

from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.counterexample import stamp
from backtest.data.errors import LeakError
from backtest.data.records.audit import Counterexample, Leak, Subject
from backtest.models.forecaster import FitLog, State
from backtest.models.windows import EPOCH, Floats, Panel, Windows, microseconds
from backtest.walk.tasks import Task


@dataclass(frozen=True, slots=True)
class Seen:
    """Row numbers, as they arrived: the last one in each window, and that of its target (n,)."""

    last: Floats
    label: Floats


@dataclass(slots=True)
class Tracer:
    """Given row numbers for features and targets, keeps those of training and validation, and forecasts the latest."""

    seen: list[Seen] = field(default_factory=list)

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Read the row numbers of the windows and their targets."""
        self.seen = [Seen(_latest(part), part.y) for part in (train, validation)]
        return FitLog(note="traces rows")

    def predict(self, windows: Windows) -> Floats:
        """Forecast the number of the latest row in each window (n,)."""
        return _latest(windows)

    def state(self) -> State:
        """No state."""
        return {}

    def restore(self, state: State) -> None:
        """No state to restore."""


def trace_windows(walk: AuditedWalk, task: Task) -> list[Leak] | None:
    """Leaks of windows and labels of a task; None where nothing can be traced, because the fit rescales its rows."""
    number = np.arange(len(walk.plan.rows.time), dtype=np.float64)[:, None]
    targets = np.where(walk.plan.rows.known[:, None], number, np.nan)
    longest = walk.plan.rows.horizons[-1:]
    changed = replace(walk.plan.rows, names=("number",), features=number, returns=number[:, 0])
    rows = replace(changed, targets=targets, horizons=longest)
    task = replace(task, question=replace(task.question, horizons=longest))
    tracer = Tracer()
    try:
        forecasts = walk.fit(rows, walk.keys, task, tracer, walk.config.net.window).forecasts
    except LeakError as refused:
        return [Leak("refused", Subject("fold", "", task.fold.index), error=str(refused))]
    except Exception:  # a walk that cannot learn from row numbers may well learn from features
        return None
    own = forecasts.join(walk.keys.with_row_index("origin"), on=["symbol", "time"], maintain_order="left")
    test = Seen(forecasts["y_hat"].to_numpy(), own["origin"].to_numpy().astype(np.float64))
    seen = dict(zip(("training", "validation", "test"), (*tracer.seen, test), strict=False))
    if len(seen) < 3 or not all(
        _are_numbers(rows, one.last) and _are_numbers(rows, one.label) for one in seen.values()
    ):
        return None
    return list(_leaks(walk, task, seen))


def _leaks(walk: AuditedWalk, task: Task, seen: dict[str, Seen]) -> Iterator[Leak]:
    """Labels that are not known when they are learned, and windows that reach beyond their origin, by span."""
    known_by = {"training": task.fold.validation.start, "validation": task.fold.test.start}

    def at(row: np.int64) -> tuple[str, str]:
        """Symbol and time of a row."""
        symbol, time = walk.keys.row(int(row))
        return symbol, stamp(time)

    for span, one in seen.items():
        subject, last, label = (
            Subject("fold", span, task.fold.index),
            one.last.astype(np.int64),
            one.label.astype(np.int64),
        )
        if span in known_by:
            known, limit = walk.plan.rows.target_time[label], microseconds(known_by[span])
            late = np.flatnonzero(known > limit)
            if len(late):
                known_at = _instant(known[late[-1]])
                shown = Counterexample("label", *at(label[late[-1]]), known_at=known_at, limit=_instant(limit))
                yield Leak("label_not_known", subject, shown, {"count": len(late)})
        beyond = np.flatnonzero(last > label)
        if len(beyond):
            reads, row = last[beyond[0]], label[beyond[0]]
            shown = Counterexample("window", *at(row), at(reads)[1], int(reads - row))
            yield Leak("window_too_long", subject, shown, {"count": len(beyond)})


def _are_numbers(rows: Panel, values: Floats) -> bool:
    """Whether values (n,) are still row numbers: a fit may rescale its rows."""
    return bool(((values == np.floor(values)) & (values >= 0) & (values < len(rows.time))).all())


def _latest(windows: Windows) -> Floats:
    """Largest number in each window (n,), of features and returns."""
    parts = [np.maximum(block.x.max(axis=(1, 2)), block.past_returns.max(axis=1)) for block in windows.blocks()]
    return np.concatenate([np.empty(0), *parts])


def _instant(since: np.int64 | int) -> str:
    """An instant in microseconds since 1970 in ISO 8601."""
    return stamp(EPOCH + timedelta(microseconds=int(since)))
