"""Progress of a walk: a live display in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from textwrap import fill

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from backtest.data.names import label
from backtest.reports.formats import counted, duration, plain, size
from backtest.walk.plan import WalkPlan
from backtest.walk.store import Record
from backtest.walk.tasks import Task

LINE_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""

NETWORK_COST = 100
"""Rough cost of training a network, in units of fitting any other model."""


class WalkProgress:
    """Shows the fits and folds done, the time left, and the fit that finished last."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar = Progress(BarColumn(12), TextColumn("{task.fields[news]}"), console=console, transient=True)

    def begin(self, prepared: WalkPlan, done: Sequence[Record], workers: int) -> None:
        """Print what there is to do and what was done before."""
        self.tasks = {task.key: task for task in prepared.tasks}
        self.open_tasks = Counter(task.fold.index for task in prepared.tasks)
        self.open_tasks.subtract(record.fold for record in done)
        self.folds, self.total = prepared.folds, sum(task.fits for task in prepared.tasks)
        self.fits = sum(self.tasks[record.key].fits for record in done)
        todo = sum(map(fit_cost, prepared.tasks)) - sum(fit_cost(self.tasks[record.key]) for record in done)
        self.printed = time.monotonic()
        self.clock = TimeLeft(todo, workers, self.printed)
        self.console.print(fill(plan_summary(prepared, len(done), workers), self.console.width), highlight=False)
        if self.console.is_terminal and todo:
            self.bar.start()
            self.line = self.bar.add_task("walk", total=todo, news="starting the workers")

    def advance(self, record: Record) -> None:
        """Count a finished fit."""
        self.open_tasks[record.fold] -= 1
        now, task = time.monotonic(), self.tasks[record.key]
        self.fits += task.fits
        self.clock.add(fit_cost(task), now)
        news = [self._totals(now), self._fit(task), *loss_change(record)]
        if self.console.is_terminal:
            self.bar.update(self.line, completed=self.clock.done, news="\n".join(news))
        elif now - self.printed >= LINE_EVERY or not self.open_tasks.total():
            self.printed = now
            text = fill("; ".join(news), self.console.width, subsequent_indent="  ")
            self.console.print(text, highlight=False, markup=False)

    def end(self) -> None:
        """Stop drawing."""
        self.bar.stop()

    def _totals(self, now: float) -> str:
        """Fits and folds done, and the time left."""
        folds = sum(not self.open_tasks[fold.fit_index] for fold in self.folds)
        left = "done" if self.fits == self.total else time_left(self.clock.seconds_left(now))
        return f"{self.fits} of {self.total} fits, {folds} of {len(self.folds)} folds, {left}"

    def _fit(self, task: Task) -> str:
        """Which fit finished last: model, seed, the fold's number as the tables have it, from 0, and its dates."""
        first, last = task.folds[0], task.folds[-1]
        seed = "" if task.seed is None else f" seed {task.seed}"
        if first.test.end <= first.test.start:
            return f"last: {label(task.model)}{seed}, final fit on all bars"
        numbers = f"fold {first.index}" if first is last else f"folds {first.index} to {last.index}"
        dates = f"{first.test.start:%Y-%m-%d} to {last.test.end:%Y-%m-%d}"
        return f"last: {label(task.model)}{seed}, {numbers}, {dates}"


class TimeLeft:
    """Estimates the time left from the costs of the fits done so far.

    A worker's first fit also starts a process and loads libraries, so the pace is measured from the first result on.
    There is no estimate before a twentieth of the work is done, as many results as workers have followed the first, and
    half as much time as the first one took has passed.
    """

    def __init__(self, total: float, workers: int, started: float) -> None:
        self.total, self.workers, self.started = total, workers, started
        self.done = self.counted = 0.0
        self.results = 0
        self.first: float | None = None

    def add(self, cost: float, now: float) -> None:
        """Count a fit of this cost that finished `now`, in seconds of the same clock as `started`."""
        self.done += cost
        if self.first is None:
            self.first = now
        elif now > self.first:
            self.counted += cost
            self.results += 1

    def seconds_left(self, now: float) -> float | None:
        """Estimate the seconds left; None while too little is known."""
        enough = self.results >= self.workers and self.done >= self.total / 20
        if self.first is None or not enough or now - self.first < (self.first - self.started) / 2:
            return None
        return (now - self.first) * (self.total - self.done) / self.counted


def time_left(seconds: float | None) -> str:
    """Return a rough time left in words; no more digits than the estimate deserves."""
    if seconds is None:
        return "estimating the time left"
    if seconds < 10:
        return "a few seconds left"
    unit = 10 if seconds < 60 else 60 if seconds < 3_600 else 300
    return f"about {plain(duration(unit * round(seconds / unit)))} left"


def loss_change(record: Record) -> list[str]:
    """Return how far training lowered the validation loss, for a model that is trained in epochs."""
    losses = [epoch.validation_loss for epoch in record.log.epochs]
    if not losses or not losses[0] > 0:
        return []
    best = losses.index(min(losses)) + 1
    if best == 1:
        return [f"validation loss lowest in epoch 1 of {len(losses)}"]
    gain = size(100 * (1 - min(losses) / losses[0]), 1)
    return [f"validation loss {gain} % lower in epoch {best} than in epoch 1"]


def plan_summary(prepared: WalkPlan, done: int, workers: int) -> str:
    """Return what a walk consists of, in one sentence."""
    dataset, folds = prepared.dataset, counted(len(prepared.folds), "fold")
    symbols = len(dataset.symbols)
    pooled = f" of {symbols} symbols, pooled" if symbols > 1 else ""
    final = sum(task.fits for task in prepared.tasks if task.fold is prepared.final)
    fits = counted(sum(task.fits for task in prepared.tasks) - final, "fit")
    before = f"; {done} done before" if done else ""
    return (
        f"{dataset.bars.height:,} bars{pooled}, {len(prepared.config.all_models)} models: {fits} in {folds} and "
        f"{counted(final, 'final fit')} on all bars (used by `backtest forecast`), "
        f"on {counted(workers, 'worker')}{before}"
    )


def fit_cost(task: Task) -> float:
    """A rough cost of a fit, for the estimate of the time left: training time, networks far above the rest."""
    days = (task.fold.train.end - task.fold.train.start) / timedelta(days=1)
    return days * task.fits * (1 if task.seed is None else NETWORK_COST)
