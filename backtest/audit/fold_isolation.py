"""Level 4: fold isolation. What comes after a fold is perturbed, the fold is fitted again, and no forecast may move.

Each fit is made on the true rows, and again with the bars after the first test bar, after the middle one and after the
last but one replaced, and so what external series published since; and with every label that is not known when the test
span begins. Controls make sure that the fit is a fit: it moves when every bar is replaced, and it is the same again
after the other folds were fitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from backtest.audit.audited_walk import AuditedWalk, Refit, subject_of
from backtest.audit.counterexample import stamp
from backtest.audit.perturbations import Perturbed
from backtest.audit.recompute import ROUNDING
from backtest.data.records.audit import Counterexample, Leak, LeakCode, Note, Numbers, Perturbation, Subject
from backtest.models.windows import Floats, Panel, microseconds
from backtest.walk.fitting import Fitted
from backtest.walk.folds import Fold
from backtest.walk.tables import KEYS
from backtest.walk.tasks import Task


@dataclass(frozen=True, slots=True)
class PerturbedRows:
    """Rows of which some are perturbed: forecasts at or before `until` may not move (None: none at all).

    A `control` is the opposite: every row is perturbed, and forecasts that do not move do not depend on these rows.
    """

    rows: Panel
    until: datetime | None
    kind: Perturbation
    control: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """How two fits differ: numbers of forecasts that moved, and names of fitted arrays that differ."""

    numbers: Numbers
    names: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether they differ at all."""
        return bool(self.numbers or self.names)

    def leak(self, code: LeakCode, task: Task, counterexample: Counterexample | None = None) -> Leak:
        """A leak that this difference shows."""
        return Leak(code, subject_of(task), counterexample, self.numbers, self.names)


@dataclass(frozen=True, slots=True)
class Compare:
    """How to compare two fits: with their state or without, and how far forecasts may differ, in deviations."""

    state: bool = True
    allowed: float = 0.0

    def __call__(self, true: Fitted, other: Fitted, until: datetime | None) -> Difference:
        """How forecasts at or before an instant (None: all) and the fitted state differ."""
        rows = true.forecasts if until is None else true.forecasts.filter(pl.col("time") <= until)
        both = rows.join(other.forecasts.rename({"y_hat": "other"}), on=KEYS, how="left", maintain_order="left")
        distance = (both["y_hat"] - both["other"]).abs().fill_null(np.inf)
        moved = int((distance > self.allowed * (true.forecasts["y_hat"].std(ddof=0) or 0.0)).sum())
        largest = float(distance.filter(distance.is_finite()).sort().tail(1).sum())
        numbers: Numbers = {"moved": moved, "forecasts": rows.height, "largest": largest} if moved else {}
        return Difference(numbers, _differing_arrays(true, other) if self.state else ())


def check_fold_isolation(walk: AuditedWalk, refit: Refit, seed: int = 0) -> Iterator[tuple[str, Leak]]:
    """Refit the folds of a sample on perturbed rows; yield models that leak, each with its first leak."""
    rng = np.random.default_rng(seed)
    chosen = {model: refit.sample.of(walk, model) for model in walk.config.all_models}
    folds = {task.fold.index: task.fold for tasks in chosen.values() for task in tasks}
    every = {number: list(_perturbed_rows(walk, fold, rng, refit)) for number, fold in sorted(folds.items())}
    for model, tasks in chosen.items():
        leak = _check_model(walk, tasks, every, refit)
        if model in refit.refused:
            leak = Leak("refused", Subject("model", model), error=refit.refused[model])
        if leak:
            yield model, leak


def _check_model(
    walk: AuditedWalk, tasks: Sequence[Task], every: Mapping[int, Sequence[PerturbedRows]], refit: Refit
) -> Leak | None:
    """First leak of a model."""
    fitted: list[Fitted] = []
    compare: Compare | None = None
    for task in tasks:
        true = refit.attempt(walk, task, walk.plan.rows, "true_rows")
        again = refit.attempt(walk, task, walk.plan.rows, "true_rows") if true and not compare else true
        if not true or not again:
            return None
        compare = compare or _strictest(true, again, task, refit)
        if not compare:
            return Compare()(true, again, None).leak("nondeterministic_fit", task)
        fitted.append(true)
        for changed in every[task.fold.index]:
            leak = _check_rows(walk, task, true, changed, refit, compare)
            if leak:
                return leak
    return _check_other_fits(walk, tasks, fitted, every, refit, compare) if compare and len(tasks) > 1 else None


def _strictest(true: Fitted, again: Fitted, task: Task, refit: Refit) -> Compare | None:
    """The strictest comparison by which two fits on the same rows are equal; None where there is none."""
    for compare in (Compare(), Compare(state=False), Compare(state=False, allowed=ROUNDING)):
        if not compare(true, again, None):
            if compare != Compare():
                refit.notes.append(Note("fit_rounding", subject_of(task)))
            return compare
    return None


def _check_other_fits(
    walk: AuditedWalk,
    tasks: Sequence[Task],
    fitted: Sequence[Fitted],
    every: Mapping[int, Sequence[PerturbedRows]],
    refit: Refit,
    compare: Compare,
) -> Leak | None:
    """The leak of a model that keeps something from fit to fit: of other folds, or of other bars."""
    first = tasks[0]
    again = refit.attempt(walk, first, walk.plan.rows, "true_rows")
    difference = compare(fitted[0], again, None) if again else None
    if difference:
        return difference.leak("depends_on_other_fits", first)
    if _differing_arrays(fitted[0], fitted[1]):
        for control in [changed for changed in every[first.fold.index] if changed.control]:
            other = refit.attempt(walk, first, control.rows, "noise_everywhere")
            if other and not _differing_arrays(fitted[0], other):
                return Leak("fit_ignores_rows", subject_of(first))
    return None


def _check_rows(
    walk: AuditedWalk, task: Task, true: Fitted, changed: PerturbedRows, refit: Refit, compare: Compare
) -> Leak | None:
    """The leak that a refit on perturbed rows shows, if it shows one."""
    if changed.control and (true.forecasts["y_hat"].n_unique() <= 1 or not true.state):
        return None  # a constant, or a rule that learns nothing, may well be the same whatever the bars
    other = refit.attempt(walk, task, changed.rows, "noise_everywhere" if changed.control else changed.kind)
    difference = compare(true, other, changed.until) if other else None
    if other and changed.control:
        return None if difference else Leak("forecasts_ignore_rows", subject_of(task))
    if not difference:
        return None
    at = stamp(changed.until or task.fold.test.start)
    return difference.leak("fold_not_isolated", task, Counterexample("y_hat", "", at, perturbation=changed.kind))


def _perturbed_rows(walk: AuditedWalk, fold: Fold, rng: np.random.Generator, refit: Refit) -> Iterator[PerturbedRows]:
    """The ways to perturb what comes after a fold, and the control."""
    bars = walk.bars
    inside = bars.filter((pl.col("time") >= fold.test.start) & (pl.col("time") < fold.test.end))["time"].unique().sort()
    kinds: dict[int, Perturbation] = {0: "noise", len(inside) // 2: "huge", max(len(inside) - 2, 0): "noise"}
    for place, kind in kinds.items():
        changed = Perturbed.of(bars, kind, rng).where(bars["time"] > inside[place])
        close = inside[place] + walk.interval
        series = {name: Perturbed.of(frame, kind, rng) for name, frame in walk.external.items()}
        later = {name: one.where(one.bars["known_at"] > close) for name, one in series.items()}
        rows = refit.rows(walk, changed, kind, later)
        if rows:
            yield PerturbedRows(rows, inside[place], kind)
    true = walk.plan.rows
    unknown = (true.target_time > microseconds(fold.test.start)) & true.known
    shuffled = rng.permutation(true.targets[unknown]) * rng.uniform(1, 3, (int(unknown.sum()), 1))
    labels: dict[Perturbation, Floats] = {
        "targets_negated": -3 * true.targets[unknown],
        "targets_shuffled": shuffled,
    }
    for kind, values in labels.items():
        targets = true.targets.copy()
        targets[unknown] = values
        yield PerturbedRows(replace(true, targets=targets), None, kind)
    everywhere = {name: Perturbed.of(frame, "noise", rng).replaced for name, frame in walk.external.items()}
    rows = refit.rows(walk, Perturbed.of(bars, "noise", rng).replaced, "noise_everywhere", everywhere)
    if rows:
        yield PerturbedRows(rows, None, "noise", control=True)


def _differing_arrays(true: Fitted, other: Fitted) -> tuple[str, ...]:
    """Names of the fitted arrays that differ."""
    found = []
    for name, array in true.state.items():
        counterpart = other.state.get(name)
        floats = array.dtype.kind == "f"
        if counterpart is None or not np.array_equal(array, counterpart, equal_nan=floats):
            found.append(name)
    return tuple(found)
