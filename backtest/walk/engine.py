"""The walk: carry out what is not done yet, then gather, score, judge and report."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from backtest.data.errors import RunError
from backtest.data.records.audit import AUDIT, Audit
from backtest.data.records.verdict import Verdict
from backtest.data.run_files import (
    MANIFEST,
    SETTINGS,
    locked,
    read_manifest,
    sha256,
    table_bytes,
    write_bytes,
    write_json,
)
from backtest.evaluation.evaluate import EvaluationSettings, evaluate
from backtest.models import MODELS
from backtest.verdict.record import write_results
from backtest.walk import manifest
from backtest.walk.checkpoints import CHECKPOINTS, Record, find
from backtest.walk.collect import collect_fits, collect_forecasts
from backtest.walk.environment import cores
from backtest.walk.executors import EXECUTORS, TerminatedWorkerError
from backtest.walk.plan import WalkPlan, fold_table
from backtest.walk.run_folder import refuse_other
from backtest.walk.tasks import Task, chains
from backtest.walk.worker import FEATURES_FILE, TaskContext, run_tasks

OWN = re.compile(r"\.?.+-\d{4}-(x|\d+)-[0-9a-f]{16}(\.\d+)?")
"""Names of checkpoints, unfinished ones with a dot and a process number."""


class Watcher(Protocol):
    """Someone who follows a walk."""

    def begin(self, prepared: WalkPlan, done: Sequence[Record], workers: int) -> None:
        """Tell what there is to do and what was done before."""

    def advance(self, record: Record) -> None:
        """Tell of a finished task."""

    def end(self) -> None:
        """Tell that no more tasks come, finished or not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run: its folder, the verdict, and how many tasks had been done before."""

    run: Path
    verdict: Verdict
    tasks: int
    reused: int


def walk_forward(
    prepared: WalkPlan, run: Path, watcher: Watcher, *, command: str, audited: Audit | None = None
) -> Outcome:
    """Run, or finish, a walk in the folder `run`, which then holds everything but the report.

    Whatever an earlier attempt left is used where its key fits and its bytes are undamaged. `audited` is what is known
    of leaks; None: the run was not audited. ConfigError where the folder holds something else, RunError where it is in
    use or the walk cannot be finished.
    """
    try:
        with locked(run):
            refuse_other(run, prepared.config)
            return _walk(prepared, run.resolve(), watcher, command, audited)
    except OSError as error:
        raise RunError(f"{run}: {error}: make room, then the same command goes on from there") from error


def _walk(prepared: WalkPlan, run: Path, watcher: Watcher, command: str, audited: Audit | None) -> Outcome:
    """Carry out what is missing, and write everything that follows from it, the manifest last."""
    started, before = datetime.now(UTC), _finished_before(run)
    for outdated in (MANIFEST, AUDIT, "report.html", "report.md"):
        (run / outdated).unlink(missing_ok=True)
    if audited:
        write_bytes(run / AUDIT, audited.to_json().encode())
    work = _lay_out(prepared, run)
    records, reused, workers = _carry_out_all(prepared, work, watcher)
    judged = _write_results(prepared, run, records, leak=audited.reason if audited else "")
    _tidy(run, prepared.tasks)
    after = manifest.of(run, prepared, records, workers, started=started, command=command)
    unchanged = before is not None and all(before[part] == after[part] for part in ("files", "data"))
    write_json(run / MANIFEST, before if unchanged else after)
    return Outcome(run, judged, len(prepared.tasks), reused)


def _write_results(prepared: WalkPlan, run: Path, records: Sequence[Record], *, leak: str) -> Verdict:
    """Gather, test and judge the forecasts."""
    config = prepared.config
    settings = EvaluationSettings(
        alpha=config.alpha,
        adjustment=config.multiplicity,
        costs=config.costs,
        interval=prepared.dataset.interval,
        always_open=prepared.dataset.always_open,
    )
    frames = (collect_forecasts(run, prepared), fold_table(prepared), collect_fits(records), prepared.features)
    return write_results(
        run,
        evaluate(*frames, settings),
        settings,
        networks=tuple(name for name in config.all_models if not MODELS[name].baseline),
        bars=prepared.dataset.sha256,
        trial=prepared.trial,
        leak=leak,
    )


def _finished_before(run: Path) -> dict[str, Any] | None:
    """Manifest of the finished run that the folder holds already, if it does."""
    try:
        return read_manifest(run)
    except RunError:
        return None


def _lay_out(prepared: WalkPlan, run: Path) -> TaskContext:
    """Write what the tasks read, and return what they share."""
    config = prepared.config
    content = table_bytes(prepared.features)
    write_bytes(run / SETTINGS, config.to_toml().encode())
    write_bytes(run / FEATURES_FILE, content)
    for unfinished in run.glob(".*.tmp"):
        unfinished.unlink()
    _remove(run, lambda name: name.startswith("."))
    settings = (prepared.names, config.target.horizon, config.net, config.train)
    return TaskContext(run, sha256(content), *settings, config.plugins, prepared.loaded.config_dir, Path.cwd())


def _carry_out_all(prepared: WalkPlan, work: TaskContext, watcher: Watcher) -> tuple[list[Record], int, int]:
    """Records of all tasks in their order, how many were there before, and how many workers there were."""
    found = {task: find(work.run, task) for task in prepared.tasks}
    records = {task.folder: record for task, record in found.items() if record}
    reused = len(records)
    todo = [chain for chain in chains(prepared.tasks, prepared.rows) if any(not found[task] for task in chain)]
    most = 1 if prepared.config.executor == "serial" else prepared.config.jobs or cores()
    workers = min(most, max(1, len(todo)))
    watcher.begin(prepared, list(records.values()), workers)
    folders = {task.key: task.folder for task in prepared.tasks}
    try:
        calls = [partial(run_tasks, work, chain) for chain in todo]
        for finished in EXECUTORS[prepared.config.executor](calls, workers):
            for record in finished:
                if folders[record.key] not in records:
                    records[folders[record.key]] = record
                    watcher.advance(record)
    except (KeyboardInterrupt, TerminatedWorkerError) as stop:
        cause = "stopped" if isinstance(stop, KeyboardInterrupt) else "a worker was killed, for want of memory perhaps"
        done = f"{len(records)} of {len(prepared.tasks)} fits are done and kept"
        raise RunError(f"{work.run}: {cause}: {done}; the same command goes on from there") from None
    finally:
        watcher.end()
    return [records[task.folder] for task in prepared.tasks], reused, workers


def _tidy(run: Path, tasks: Sequence[Task]) -> None:
    """Remove checkpoints of tasks that are no longer part of the run: their data or code have changed."""
    kept = {task.folder for task in tasks}
    _remove(run, lambda name: name not in kept)


def _remove(run: Path, unwanted: Callable[[str], bool]) -> None:
    """Remove checkpoints by name; what a task cannot have written stays."""
    for folder in (run / CHECKPOINTS).glob("*"):
        if folder.is_dir() and OWN.fullmatch(folder.name) and unwanted(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
