"""The audit of a whole walk: its five levels in order, quick or full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.availability import check_availability
from backtest.audit.features import Effort, check_features
from backtest.audit.fold_isolation import check_fold_isolation
from backtest.audit.lookback import check_lookback
from backtest.audit.placebo import placebo
from backtest.audit.placebo_data import PLACEBOS
from backtest.audit.recompute import Computation
from backtest.audit.refit import TRUE, Refit, Sample
from backtest.audit.search import Search
from backtest.data.records.audit import Audit, Depth, Leak, Level
from backtest.reports.formats import counted


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything an audit does; `bars` are those, the newest, whose features are searched."""

    bars: int
    effort: Effort
    starts: int
    instants: int
    sample: Sample
    placebo: bool


PLANS: dict[Depth, Plan] = {
    "quick": Plan(
        bars=10_000,
        effort=Effort(cuts=12, grids=16, bars=50),
        starts=8,
        instants=6,
        sample=Sample(folds=1, network_folds=1, epochs=1),
        placebo=False,
    ),
    "full": Plan(
        bars=20_000,
        effort=Effort(cuts=40, grids=400, bars=1_000),
        starts=24,
        instants=24,
        sample=Sample(folds=None, network_folds=3, epochs=3, first_in_full=True),
        placebo=True,
    ),
}
"""From the shallowest to the deepest."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a level found: as `Level`, and the features and models that leak, at which deeper levels do not look."""

    checked: str
    leaks: Sequence[Leak] = ()
    notes: Sequence[str] = ()
    done: bool = True
    features: Sequence[str] = ()
    models: Sequence[str] = ()


def causality_of_features(subject: AuditedWalk, plan: Plan) -> Outcome:
    """Search the features for reads of later bars."""
    computation, notes = _newest(subject, plan)
    found = check_features(computation, subject.lookbacks(), plan.effort)
    return _of_search(found, notes, done=found.proven)


def warm_up(subject: AuditedWalk, plan: Plan) -> Outcome:
    """Search the features for reads of bars before their look-back."""
    if not subject.lookbacks():
        return Outcome("no feature left: each of them leaks", done=False)
    computation, notes = _newest(subject, plan)
    return _of_search(check_lookback(computation, subject.lookbacks(), plan.starts), notes)


def time_of_knowledge(subject: AuditedWalk, plan: Plan) -> Outcome:
    """Ask of rows, series, labels and windows when they are known, and when they are used."""
    found = check_availability(subject, _newest(subject, plan)[0], plan.instants)
    rows, folds = counted(subject.prepared.features.height, "row"), counted(len(subject.tasks("zero")), "fold")
    series = f", external series: {len(subject.external)}" if subject.external else ""
    checked = f"{rows}{series}, labels at {plan.instants} instants, windows of {folds}"
    return Outcome(checked, found.leaks, found.notes, features=found.features)


def seal_of_the_fold(subject: AuditedWalk, plan: Plan) -> Outcome:
    """Fit folds again on rows that are perturbed behind them."""
    refit, models = Refit(plan.sample), subject.config.all_models
    found = dict(check_fold_isolation(subject, refit))
    folds = {task.fold.index for model in models for task in plan.sample.of(subject, model)}
    checked = f"{counted(len(models), 'model')}, {counted(len(folds), 'fold')}, {counted(refit.fits, 'fit')}"
    return Outcome(checked, tuple(found.values()), refit.notes, TRUE not in refit.failed, models=tuple(found))


def no_skill_on_a_placebo(subject: AuditedWalk, plan: Plan) -> Outcome:
    """Walk through worlds without anything to know."""
    if not plan.placebo:
        return Outcome("only in the full audit", done=False)
    refit = Refit(plan.sample)
    leaks, models = placebo(subject, refit)
    checked = f"{counted(models, 'model')} in {counted(len(PLACEBOS), 'placebo')}, {counted(refit.fits, 'fit')}"
    return Outcome(checked, leaks, refit.notes, done=models > 0)


LEVELS: dict[str, Callable[[AuditedWalk, Plan], Outcome]] = {
    "causality of features": causality_of_features,
    "warm-up": warm_up,
    "time of knowledge": time_of_knowledge,
    "check_fold_isolation of the fold": seal_of_the_fold,
    "placebo": no_skill_on_a_placebo,
}
"""Every level by name, numbered from 1; what one found is left out of those after it, so that it is told once."""


def audit(
    subject: AuditedWalk, depth: Depth, key: str = "", watch: Callable[[Level], None] = lambda level: None
) -> Audit:
    """Audit a walk; `watch` is told of each level when it is done, `key` says what the audit is of."""
    levels = []
    for number, (name, look) in enumerate(LEVELS.items(), start=1):
        found = look(subject, PLANS[depth])
        levels.append(Level(number, name, found.checked, tuple(found.leaks), tuple(found.notes), found.done))
        subject = replace(subject, held=(*subject.held, *found.features), leaking=(*subject.leaking, *found.models))
        watch(levels[-1])
    return Audit(depth, key, tuple(levels))


def _newest(subject: AuditedWalk, plan: Plan) -> tuple[Computation, tuple[str, ...]]:
    """The features of the newest bars, `plan.bars` at most of each instrument, and a note where there are more."""
    bars = subject.prepared.dataset.bars
    kept = bars.filter(pl.col("time") >= bars["time"].unique().sort().tail(plan.bars)[0])
    left_out = kept.height < bars.height
    notes = (f"features: searched the newest {kept.height:,} of {bars.height:,} bars",) if left_out else ()
    return subject.computation(kept), notes


def _of_search(found: Search, notes: Sequence[str], *, done: bool = True) -> Outcome:
    """What a search among features found."""
    columns, bars = counted(len(found.computation.columns), "feature"), counted(found.computation.bars.height, "bar")
    checked = f"{columns}, {bars}, {counted(found.tried, 'trial')}"
    return Outcome(checked, tuple(found.leaks.values()), (*notes, *found.notes), done, features=tuple(found.leaks))
