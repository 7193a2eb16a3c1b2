"""The walk: run the tasks that are not finished yet, then collect, evaluate and judge the forecasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from backtest.data.errors import RunError
from backtest.data.records.audit import NO_LEAK, Audit, Suspects
from backtest.data.records.verdict import Verdict
from backtest.data.run_files import MANIFEST, locked, write_json
from backtest.evaluation.evaluate import Evaluation, EvaluationSettings, evaluate
from backtest.verdict.record import hashes_of, write_results
from backtest.walk import manifest
from backtest.walk.environment import cores
from backtest.walk.executors import EXECUTORS, TerminatedWorkerError
from backtest.walk.fitting import Rows, TaskContext, run_tasks
from backtest.walk.plan import WalkPlan
from backtest.walk.ranges import range_table
from backtest.walk.run_folder import finished_manifest, lay_out, refuse_other, remove_outdated
from backtest.walk.store import MemoryStore, Record, RunFolderStore, Store
from backtest.walk.tables import collect_fits, fold_table, read_forecasts
from backtest.walk.tasks import chains, user_models, user_targets


class Watcher(Protocol):
    """Someone who follows a walk."""

    def begin(self, plan: WalkPlan, done: Sequence[Record], workers: int, /) -> None:
        """Tell what there is to do and what was done before."""

    def advance(self, record: Record, /) -> None:
        """Tell of a finished task."""

    def end(self) -> None:
        """Tell that no more tasks come, finished or not."""


class Unwatched:
    """Ignores the progress of a walk."""

    def begin(self, plan: WalkPlan, done: Sequence[Record], workers: int, /) -> None:
        """Ignore what there is to do."""

    def advance(self, record: Record, /) -> None:
        """Ignore a finished task."""

    def end(self) -> None:
        """Ignore the end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run: its folder, the verdict, and how many tasks had been done before."""

    run: Path
    verdict: Verdict
    tasks: int
    reused: int


@dataclass(frozen=True, slots=True, eq=False)
class WalkTables:
    """A finished walk in memory: FOLDS, FORECASTS, FITS, and the store with the files of its tasks."""

    folds: pl.DataFrame
    forecasts: pl.DataFrame
    fits: pl.DataFrame
    store: MemoryStore


@dataclass(frozen=True, slots=True, eq=False)
class EvaluatedWalk:
    """A finished walk with its tables, before it is judged and written.

    `candidates` are the models to be judged, `audit` is None if the walk was not audited, the `files` of `manifest` are
    empty, and `reused` counts the tasks that had been done before.
    """

    plan: WalkPlan
    settings: EvaluationSettings
    evaluation: Evaluation
    candidates: tuple[str, ...]
    audit: Audit | None
    manifest: dict[str, Any]
    reused: int

    @property
    def leak(self) -> Suspects:
        """Whom a leak concerns that the audit found."""
        return self.audit.suspects if self.audit else NO_LEAK


def walk_forward(plan: WalkPlan, run: Path, watcher: Watcher, *, command: str, audited: Audit | None = None) -> Outcome:
    """Run, or finish, a walk in the folder `run`, which then holds everything but the report.

    What an earlier attempt left is reused where its key fits and its bytes are undamaged. `audited` is what is known
    of leaks; None: the run was not audited. ConfigError if the folder holds something else, RunError if it is in use,
    cannot be written, or the walk cannot be finished.
    """
    with _held(run, plan):
        run = run.resolve()
        before, rows = finished_manifest(run), lay_out(plan, run, audited)
        walk = _evaluated(plan, RunFolderStore(run), rows, watcher, f"{run}: ", command, audited)
        judged = _write(walk, run, before)
    return Outcome(run, judged, len(plan.tasks), walk.reused)


def walk_in_memory(plan: WalkPlan, watcher: Watcher | None = None) -> WalkTables:
    """Run a walk without a run folder: the tables are to the bit those that a run folder would hold.

    The fit on all bars after the walk is left out. RunError if the walk cannot be finished.
    """
    plan = replace(plan, tasks=tuple(task for task in plan.tasks if task.fold != plan.final))
    store, rows = MemoryStore(), (plan.rows, plan.features.select("symbol", "time"))
    records, _, _ = _run_all(plan, store, rows, watcher or Unwatched(), "")
    return WalkTables(fold_table(plan), read_forecasts(plan, store), collect_fits(records), store)


def evaluate_in_memory(
    plan: WalkPlan, watcher: Watcher, *, command: str, audited: Audit | None = None
) -> tuple[EvaluatedWalk, MemoryStore]:
    """Run and evaluate a walk without a run folder; return it with the files of all tasks, for `save_walk`.

    RunError if the walk cannot be finished.
    """
    store, rows = MemoryStore(), (plan.rows, plan.features.select("symbol", "time"))
    return _evaluated(plan, store, rows, watcher, "", command, audited), store


def save_walk(walk: EvaluatedWalk, store: MemoryStore, run: Path) -> None:
    """Write a walk from memory into the folder `run`, which then is as if the walk had run there.

    Raises as `walk_forward`.
    """
    with _held(run, walk.plan):
        run = run.resolve()
        before, checkpoints = finished_manifest(run), RunFolderStore(run)
        lay_out(walk.plan, run, walk.audit)
        for task in walk.plan.tasks:
            if checkpoints.find(task) is None:
                checkpoints.keep(task, store.files[task.folder])
        _write(walk, run, before)


@contextmanager
def _held(run: Path, plan: WalkPlan) -> Iterator[None]:
    """Hold a run folder while it is written; what the system refuses is a RunError."""
    try:
        with locked(run):
            refuse_other(run, plan.config)
            yield
    except OSError as error:
        place, reason = error.filename or run, error.strerror or error
        raise RunError(
            f"{place}: cannot write ({reason}): check space and permissions, then rerun; finished fits are reused"
        ) from error


def _evaluated(
    plan: WalkPlan,
    store: Store,
    rows: Rows | Callable[[], Rows],
    watcher: Watcher,
    where: str,
    command: str,
    audited: Audit | None,
) -> EvaluatedWalk:
    """Run the tasks that the store does not hold yet, and evaluate all forecasts."""
    started, config = datetime.now(UTC), plan.config
    records, reused, workers = _run_all(plan, store, rows, watcher, where)
    settings = EvaluationSettings(
        alpha=config.alpha,
        adjustment=config.multiplicity,
        costs=config.costs,
        interval=plan.dataset.interval,
        always_open=plan.dataset.always_open,
        question=config.resolved_question,
    )
    forecasts = read_forecasts(plan, store)
    frames = (forecasts, fold_table(plan), collect_fits(records), plan.features)
    return EvaluatedWalk(
        plan=plan,
        settings=settings,
        evaluation=evaluate(*frames, settings, range_table(plan, forecasts)),
        candidates=(*config.candidates, *config.combine),
        audit=audited,
        manifest=manifest.of(plan, store, records, workers, started=started, command=command),
        reused=reused,
    )


def _write(walk: EvaluatedWalk, run: Path, before: dict[str, Any] | None) -> Verdict:
    """Judge a walk and write everything that follows from its checkpoints, the manifest last.

    `before` is the manifest of the finished run that the folder held; it stays if the walk gave the same.
    """
    judged = write_results(
        run,
        walk.evaluation,
        walk.settings,
        candidates=walk.candidates,
        **hashes_of(walk.manifest),
        leak=walk.leak,
    )
    remove_outdated(walk.plan, run)
    after = walk.manifest | {"files": manifest.files_of(run, walk.plan)}
    unchanged = before is not None and all(before[part] == after[part] for part in ("files", "data"))
    write_json(run / MANIFEST, before if unchanged else after)
    return judged


def _run_all(
    plan: WalkPlan, store: Store, rows: Rows | Callable[[], Rows], watcher: Watcher, where: str
) -> tuple[list[Record], int, int]:
    """Return the records of all tasks in their order, how many were there before, and how many workers there were."""
    config = plan.config
    found = {task: store.find(task) for task in plan.tasks}
    records = {task.folder: record for task, record in found.items() if record}
    reused = len(records)
    todo = [chain for chain in chains(plan.tasks, plan.rows) if any(not found[task] for task in chain)]
    most = 1 if config.executor == "serial" else config.jobs or cores()
    workers = min(most, max(1, len(todo)))
    own = user_models(config, plan.plugin_files), user_targets(config, plan.plugin_files)
    context = TaskContext(store, rows, config, plan.loaded.config_dir, Path.cwd(), *own)
    watcher.begin(plan, list(records.values()), workers)
    try:
        for finished in EXECUTORS[config.executor]([partial(run_tasks, context, chain) for chain in todo], workers):
            for done in finished:
                if done.files is not None:
                    store.keep(done.task, done.files)
                if done.task.folder not in records:
                    records[done.task.folder] = done.record
                    watcher.advance(done.record)
    except (KeyboardInterrupt, TerminatedWorkerError) as stop:
        dead = "a worker process died, perhaps out of memory: use fewer --jobs or more memory"
        cause = "stopped" if isinstance(stop, KeyboardInterrupt) else dead
        kept = "are done and kept; rerun the same command to finish the others" if store.shared else "were done"
        raise RunError(f"{where}{cause}: {len(records)} of {len(plan.tasks)} fits {kept}") from None
    finally:
        watcher.end()
    return [records[task.folder] for task in plan.tasks], reused, workers
