"""What a person sees while a walk runs: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from backtest.models import MODELS
from backtest.walk.checkpoints import Record
from backtest.walk.plan import WalkPlan
from backtest.walk.tasks import Task

LINE_EVERY = 10.0
NETWORK_WEIGHT = 100


class WalkProgress:
    """Fits and folds done, dates of the fold that finished last, time left, best validation loss so far."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar = Progress(BarColumn(16), TextColumn("{task.fields[news]}"), console=console, transient=True)

    def begin(self, prepared: WalkPlan, done: Sequence[Record], workers: int) -> None:
        """Show what there is to do and what was done before."""
        self.tasks = {task.key: task for task in prepared.tasks}
        self.open_tasks = Counter(task.fold.index for task in prepared.tasks)
        self.folds, self.total = prepared.folds, len(prepared.tasks)
        self.best: float | None = None
        for record in done:
            self._count(record)
        self.todo = sum(_weight(task) for task in prepared.tasks)
        self.todo -= sum(_weight(self.tasks[record.key]) for record in done)
        self.finished = 0.0
        self.started = self.printed = time.monotonic()
        self.console.print(_headline(prepared, len(done), workers), highlight=False)
        if self.console.is_terminal and self.todo:
            self.bar.start()
            self.line = self.bar.add_task("walk", total=self.todo, news="starting the workers")

    def advance(self, record: Record) -> None:
        """Count a finished task."""
        self._count(record)
        task = self.tasks[record.key]
        self.finished += _weight(task)
        news = self._news(task)
        if self.console.is_terminal:
            self.bar.update(self.line, completed=self.finished, news=news)
        elif time.monotonic() - self.printed >= LINE_EVERY or not self.open_tasks.total():
            self.printed = time.monotonic()
            self.console.print(news.replace("\n", ", "), highlight=False, soft_wrap=True)

    def end(self) -> None:
        """Stop drawing."""
        self.bar.stop()

    def _count(self, record: Record) -> None:
        self.open_tasks[record.fold] -= 1
        losses = [epoch.validation_loss for epoch in record.log.epochs]
        if losses:
            self.best = min(*losses, *([self.best] if self.best is not None else [losses[0]]))

    def _news(self, task: Task) -> str:
        """Two short lines: how far and how long still; which fold, and how good."""
        closed = sum(not self.open_tasks[fold.fit_index] for fold in self.folds)
        elapsed = time.monotonic() - self.started
        left = timedelta(seconds=round(elapsed * (self.todo - self.finished) / self.finished))
        span = task.fold.test
        dates = f"{span.start:%Y-%m-%d} to {span.end:%Y-%m-%d}" if span.end > span.start else "after the walk"
        loss = f", best validation loss {self.best:.4f}" if self.best is not None else ""
        done = (
            f"{self.total - self.open_tasks.total()}/{self.total} fits, {closed}/{len(self.folds)} folds, {left} left"
        )
        return f"{done}\n{task.model} {dates}{loss}"


def _headline(prepared: WalkPlan, done: int, workers: int) -> str:
    folds, tasks = len(prepared.folds), len(prepared.tasks)
    before = f" ({done} done before)" if done else ""
    several = prepared.bars["symbol"].n_unique()
    symbols = f" of {several} symbols, pooled" if several > 1 else ""
    return (
        f"{prepared.bars.height:,} bars{symbols}, {folds} folds, {len(prepared.config.all_models)} models, "
        f"{tasks} fits{before} on {workers} {'worker' if workers == 1 else 'workers'}"
    )


def _weight(task: Task) -> float:
    """A rough cost, for the estimate of the time left: training time, networks far above the rest."""
    days = (task.fold.train.end - task.fold.train.start) / timedelta(days=1)
    return days * (NETWORK_WEIGHT if MODELS[task.model].seeded else 1)
