"""The audit of a walk: its five levels in order, quick or full, made once and saved in the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import polars as pl

from backtest.audit.audited_walk import AuditedWalk, Refit, Sample
from backtest.audit.availability import check_availability
from backtest.audit.counterexample import Search
from backtest.audit.features import Effort, check_features
from backtest.audit.fold_isolation import check_fold_isolation
from backtest.audit.lookback import check_lookback
from backtest.audit.placebo import check_placebos
from backtest.audit.placebo_data import PLACEBOS
from backtest.audit.recompute import Computation
from backtest.data.errors import RunError
from backtest.data.records.audit import AUDIT, Audit, Depth, Leak, Level, LevelCode, Note
from backtest.data.run_files import json_bytes, locked, read_manifest, sha256, write_bytes
from backtest.verdict.record import judge_again
from backtest.walk.environment import source_files
from backtest.walk.plan import WalkPlan
from backtest.walk.run_folder import refuse_other
from backtest.walk.tasks import LIBRARIES

CODE = ("backtest", "backtest.data", "backtest.features", "backtest.models")
"""The packages that compute anything that is audited."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of everything an audit checks; `bars` is the number of newest bars on which features are checked."""

    bars: int
    effort: Effort
    starts: int
    instants: int
    sample: Sample
    placebo: bool


EXTENTS: dict[Depth, Extent] = {
    "quick": Extent(
        bars=10_000,
        effort=Effort(cuts=12, grids=16, bars=50),
        starts=8,
        instants=6,
        sample=Sample(folds=1, network_folds=1, epochs=1),
        placebo=False,
    ),
    "full": Extent(
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
    """What a level found, as in `Level`, and the features and models that leak, which deeper levels leave out."""

    checked: dict[str, int] = field(default_factory=dict)
    leaks: Sequence[Leak] = ()
    notes: Sequence[Note] = ()
    done: bool = True
    features: Sequence[str] = ()
    models: Sequence[str] = ()


def check_causality(walk: AuditedWalk, extent: Extent) -> Outcome:
    """Features do not read later bars."""
    computation, notes = _newest(walk, extent)
    found = check_features(computation, walk.lookbacks, extent.effort)
    return _of_search(found, notes, done=found.conclusive)


def check_warm_up(walk: AuditedWalk, extent: Extent) -> Outcome:
    """Features do not depend on bars before their look-back."""
    if not walk.lookbacks:
        return Outcome(notes=(Note("nothing_left"),), done=False)
    computation, notes = _newest(walk, extent)
    return _of_search(check_lookback(computation, walk.lookbacks, extent.starts), notes)


def check_timing(walk: AuditedWalk, extent: Extent) -> Outcome:
    """Rows, series, labels and windows are used when they are known."""
    found = check_availability(walk, _newest(walk, extent)[0], extent.instants)
    checked = {
        "rows": walk.plan.features.height,
        "series": len(walk.external),
        "instants": extent.instants,
        "folds": len(walk.tasks(walk.config.all_models[0])),
    }
    return Outcome(checked, found.leaks, found.notes, features=found.features)


def check_isolation(walk: AuditedWalk, extent: Extent) -> Outcome:
    """Folds do not depend on later rows: they are fitted again."""
    refit, models = Refit(extent.sample), walk.config.all_models
    found = dict(check_fold_isolation(walk, refit))
    folds = {task.fold.index for model in models for task in extent.sample.of(walk, model)}
    checked = {"models": len(models), "folds": len(folds), "fits": refit.fits}
    done = "true_rows" not in refit.failed
    return Outcome(checked, tuple(found.values()), refit.notes, done, models=tuple(found))


def check_placebo(walk: AuditedWalk, extent: Extent) -> Outcome:
    """Models show no skill where there is none to be had."""
    if not extent.placebo:
        return Outcome(notes=(Note("full_only"),), done=False)
    refit = Refit(extent.sample)
    leaks, models = check_placebos(walk, refit)
    checked = {"models": models, "placebos": len(PLACEBOS), "fits": refit.fits}
    return Outcome(checked, leaks, refit.notes, done=models > 0)


LEVELS: dict[LevelCode, Callable[[AuditedWalk, Extent], Outcome]] = {
    "causality": check_causality,
    "warm_up": check_warm_up,
    "availability": check_timing,
    "fold_isolation": check_isolation,
    "placebo": check_placebo,
}
"""Every level, numbered from 1; what one found is left out of those after it, so that it is reported once."""


def audit_walk(
    walk: AuditedWalk, depth: Depth, key: str = "", watch: Callable[[Level], None] = lambda level: None
) -> Audit:
    """Audit a walk; `watch` is called with each level when it is done, `key` identifies what is audited."""
    levels = []
    for number, (code, check) in enumerate(LEVELS.items(), start=1):
        found = check(walk, EXTENTS[depth])
        levels.append(Level(number, code, found.checked, tuple(found.leaks), tuple(found.notes), found.done))
        walk = replace(walk, held=(*walk.held, *found.features), leaking=(*walk.leaking, *found.models))
        watch(levels[-1])
    return Audit(depth, key, tuple(levels))


def audit_key(plan: WalkPlan) -> str:
    """SHA-256 of what an audit depends on: bars, series, settings, plugins, all code that computes, and libraries."""
    code = [sha256(path.read_bytes()) for path in source_files(*CODE)]
    libraries = [version(name) for name in LIBRARIES]
    return sha256(json_bytes([plan.dataset.sha256, plan.dataset.external_sums, plan.trial, code, libraries]))


def find_audit(plan: WalkPlan, run: Path | None) -> Audit | None:
    """The audit in the folder `run`, if there is one of the same walk; None for a damaged one or another format."""
    if run is None:
        return None
    try:
        found = Audit.from_json((run / AUDIT).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, RunError):
        return None
    return found if found.key == audit_key(plan) else None


def find_or_make_audit(
    plan: WalkPlan, run: Path | None, depth: Depth, watch: Callable[[Level], None] = lambda level: None
) -> Audit:
    """The audit of a walk: that in the folder `run`, if it is of the same walk and as deep, or a new one."""
    found, depths = find_audit(plan, run), list(EXTENTS)
    if found and depths.index(found.depth) >= depths.index(depth):
        return found
    return audit_walk(AuditedWalk.of(plan), depth, audit_key(plan), watch)


def save_audit(plan: WalkPlan, run: Path, audit: Audit) -> bool:
    """Save an audit in the folder `run`; the verdict of a finished run of the same walk is updated.

    False where the folder holds a finished run on other bars or with other plugins, which is left as it is.
    """
    try:
        manifest = read_manifest(run)
    except RunError:
        with locked(run):
            refuse_other(run, plan.config)
            write_bytes(run / AUDIT, audit.to_json().encode())
        return True
    if (manifest["trial_sha256"], manifest["data"]["sha256"]) != (plan.trial, plan.dataset.sha256):
        return False
    judge_again(run, audit)
    return True


def _newest(walk: AuditedWalk, extent: Extent) -> tuple[Computation, tuple[Note, ...]]:
    """The features on the newest bars, `extent.bars` at most of each instrument, and a note where there are more."""
    times, total = walk.bars["time"].unique().sort(), walk.bars.height
    kept = walk.bars.filter(pl.col("time") >= times.tail(extent.bars)[0])
    left_out = kept.height < total
    notes = (Note("newest_bars", numbers={"bars": kept.height, "total": total}),) if left_out else ()
    return walk.computation(kept), notes


def _of_search(found: Search, notes: Sequence[Note], *, done: bool = True) -> Outcome:
    """What a search among features found."""
    computation = found.computation
    checked = {"features": len(computation.columns), "bars": computation.bars.height, "trials": found.tried}
    return Outcome(checked, tuple(found.leaks.values()), (*notes, *found.notes), done, features=tuple(found.leaks))
