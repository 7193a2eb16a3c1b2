"""Level 4: fold isolation. What comes after a fold is perturbed, the fold is fitted again, and no forecast may move.

Each fit is made on the true rows, and again with the bars behind the first test bar, behind the middle one, and behind
the last but one replaced, and with every label that is not known when the test span begins. Controls see to it that the
fit is a fit: it moves when every bar is replaced, and it is the same again after the other folds were fitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backtest.audit import leak_types
from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.counterexample import stamp
from backtest.audit.perturbations import Perturbed
from backtest.audit.recompute import ROUNDING
from backtest.audit.refit import TRUE, Refit, where
from backtest.data.records.audit import Counterexample, Leak
from backtest.models.windows import Panel, microseconds
from backtest.reports.formats import listed
from backtest.walk.fitting import Fitted
from backtest.walk.folds import Fold
from backtest.walk.tasks import Task

Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Breach:
    """Rows of which some are perturbed, in words; forecasts at or before `until` may not move (None: none at all).

    With `control` it is the other way round: every row is perturbed, and forecasts that stay are not of these rows.
    """

    rows: Panel
    until: datetime | None
    poison: str
    control: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """How two fits are compared: with their state or without, and how far forecasts may be apart, in deviations."""

    state: bool = True
    allowed: float = 0.0

    def moved(self, true: Fitted, other: Fitted, until: datetime | None) -> str:
        """What moved, in words: forecasts at or before an instant, and the fitted state; empty if nothing did."""
        keys = ["fold", "symbol", "time"]
        rows = true.forecasts if until is None else true.forecasts.filter(pl.col("time") <= until)
        both = rows.join(other.forecasts.rename({"y_hat": "other"}), on=keys, how="left", maintain_order="left")
        distance = (both["y_hat"] - both["other"]).abs().fill_null(np.inf)
        count = int((distance > self.allowed * (true.forecasts["y_hat"].std(ddof=0) or 0.0)).sum())
        furthest = distance.filter(distance.is_finite()).sort().tail(1).sum()
        words = [f"{count:,} of {rows.height:,} forecasts moved, by up to {furthest:.2g}"] if count else []
        state = _state_moved(true, other) if self.state else []
        words += [f"fitted otherwise: {listed(state, 4)}"] if state else []
        return ", ".join(words)


def check_fold_isolation(subject: AuditedWalk, refit: Refit, seed: int = 0) -> Iterator[tuple[str, Leak]]:
    """Fit the folds of a sample again on perturbed rows; yield models that leak, each with its first leak."""
    rng = np.random.default_rng(seed)
    chosen = {model: refit.sample.of(subject, model) for model in subject.config.all_models}
    folds = {task.fold.index: task.fold for tasks in chosen.values() for task in tasks}
    breaches = {number: list(_breaches(subject, fold, rng, refit)) for number, fold in sorted(folds.items())}
    for model, tasks in chosen.items():
        leak = _of_model(subject, tasks, breaches, refit)
        if model in refit.refused:
            leak = leak_types.REFUSED.leak(f"model {model}", error=refit.refused[model])
        if leak:
            yield model, leak


def _of_model(
    subject: AuditedWalk, tasks: Sequence[Task], breaches: Mapping[int, Sequence[Breach]], refit: Refit
) -> Leak | None:
    """First leak of a model."""
    fitted: list[Fitted] = []
    compared: Compared | None = None
    for task in tasks:
        true = refit.attempt(subject, task, subject.prepared.rows, TRUE)
        again = refit.attempt(subject, task, subject.prepared.rows, TRUE) if true and not compared else true
        if not true or not again:
            return None
        compared = compared or _comparable(true, again, where(task), refit)
        if not compared:
            return leak_types.NONDETERMINISTIC_FIT.leak(where(task), moved=Compared().moved(true, again, None))
        fitted.append(true)
        for breach in breaches[task.fold.index]:
            leak = _of_breach(subject, task, true, breach, refit, compared)
            if leak:
                return leak
    return _carried(subject, tasks, fitted, breaches, refit, compared) if compared and len(tasks) > 1 else None


def _comparable(true: Fitted, again: Fitted, what: str, refit: Refit) -> Compared | None:
    """How fits of a model can be compared, given that two on the same rows may differ a little; None: not at all."""
    for compared in (Compared(), Compared(state=False), Compared(state=False, allowed=ROUNDING)):
        if not compared.moved(true, again, None):
            if compared != Compared():
                refit.notes.append(f"{what}: two fits on the same rows differ in their state or last digits: no leak")
            return compared
    return None


def _carried(
    subject: AuditedWalk,
    tasks: Sequence[Task],
    fitted: Sequence[Fitted],
    breaches: Mapping[int, Sequence[Breach]],
    refit: Refit,
    compared: Compared,
) -> Leak | None:
    """The leak of a model that keeps something from fit to fit: of other folds, or of other bars."""
    again = refit.attempt(subject, tasks[0], subject.prepared.rows, TRUE)
    moved = compared.moved(fitted[0], again, None) if again else ""
    if moved:
        return leak_types.CARRIED.leak(where(tasks[0]), moved=moved)
    if _state_moved(fitted[0], fitted[1]):
        for control in [breach for breach in breaches[tasks[0].fold.index] if breach.control]:
            other = refit.attempt(subject, tasks[0], control.rows, control.poison)
            if other and not _state_moved(fitted[0], other):
                return leak_types.UNLEARNED.leak(where(tasks[0]))
    return None


def _of_breach(
    subject: AuditedWalk, task: Task, true: Fitted, breach: Breach, refit: Refit, compared: Compared
) -> Leak | None:
    """The leak that a breach shows, if it shows one."""
    if breach.control and (true.forecasts["y_hat"].n_unique() <= 1 or not true.state):
        return None  # a constant, or a rule that learns nothing, may well be the same whatever the bars
    other = refit.attempt(subject, task, breach.rows, breach.poison)
    moved = compared.moved(true, other, breach.until) if other else ""
    if other and breach.control:
        return None if moved else leak_types.UNMOVED.leak(where(task))
    if not moved:
        return None
    at = stamp(breach.until or task.fold.test.start)
    counterexample = Counterexample(f"y_hat of {task.model}", "", at, None, None, f"moves with {breach.poison}")
    return leak_types.SEAL.leak(where(task), counterexample, moved=moved)


def _breaches(subject: AuditedWalk, fold: Fold, rng: np.random.Generator, refit: Refit) -> Iterator[Breach]:
    """The ways to poison what lies behind a fold, and the control."""
    bars = subject.prepared.dataset.bars
    inside = bars.filter((pl.col("time") >= fold.test.start) & (pl.col("time") < fold.test.end))["time"].unique().sort()
    for place, kind in {0: "noise", len(inside) // 2: "huge values", max(len(inside) - 2, 0): "noise"}.items():
        changed = Perturbed.of(bars, kind, rng).where(bars["time"] > inside[place])
        rows = refit.rows(subject, changed, kind)
        if rows:
            yield Breach(rows, inside[place], f"{kind} in every later bar")
    yield from _labels(subject.prepared.rows, fold, rng)
    rows = refit.rows(subject, Perturbed.of(bars, "noise", rng).replaced, "noise")
    if rows:
        yield Breach(rows, None, "noise in every bar", control=True)


def _labels(rows: Panel, fold: Fold, rng: np.random.Generator) -> Iterator[Breach]:
    """The ways to poison the labels that are not known when a test span begins."""
    unknown = (rows.target_time > microseconds(fold.test.start)) & np.isfinite(rows.target)
    shuffled = rng.permutation(rows.target[unknown]) * rng.uniform(1, 3, int(unknown.sum()))
    for labels, words in ((-3 * rows.target[unknown], "turned round"), (shuffled, "shuffled")):
        target = rows.target.copy()
        target[unknown] = labels
        yield Breach(replace(rows, target=target), None, f"targets {words} from there on")


def _state_moved(true: Fitted, other: Fitted) -> list[str]:
    """Names of the fitted arrays that differ."""
    return [name for name, array in true.state.items() if not _equal(array, other.state.get(name))]


def _equal(one: Array, other: Array | None) -> bool:
    floats = one.dtype.kind == "f"
    return other is not None and np.array_equal(one, other, equal_nan=floats)
