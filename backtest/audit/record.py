"""The audit of a run in its folder: made once for what it is of, kept, and taken into account by the verdict."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.levels import PLANS, audit
from backtest.data.errors import RunError
from backtest.data.records.audit import AUDIT, Audit, Depth, Level
from backtest.data.run_files import json_bytes, locked, read_manifest, sha256, table_bytes, write_bytes
from backtest.verdict.record import judge_again
from backtest.walk.environment import source_files
from backtest.walk.plan import WalkPlan
from backtest.walk.run_folder import refuse_other
from backtest.walk.tasks import LIBRARIES

CODE = ("backtest", "backtest.data", "backtest.features", "backtest.models")
"""The packages that compute anything that an audit looks at."""


def key_of(prepared: WalkPlan) -> str:
    """SHA-256 of what an audit depends on: bars, series, settings, plugins, all code that computes, and libraries."""
    series = {name: sha256(table_bytes(frame)) for name, frame in prepared.dataset.external.items()}
    code = [sha256(path.read_bytes()) for path in source_files(*CODE)]
    libraries = [version(name) for name in LIBRARIES]
    return sha256(json_bytes([prepared.dataset.sha256, series, prepared.trial, code, libraries]))


def known_audit(prepared: WalkPlan, run: Path) -> Audit | None:
    """The audit in the folder `run`, if it is of the same walk."""
    try:
        known = Audit.from_json((run / AUDIT).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, RunError):
        return None
    return known if known.key == key_of(prepared) else None


def audit_of(prepared: WalkPlan, run: Path, depth: Depth, watch: Callable[[Level], None] = lambda level: None) -> Audit:
    """Return the audit of a walk: the one in the folder `run`, if it is of the same and as deep, or a new one."""
    known, depths = known_audit(prepared, run), list(PLANS)
    if known and depths.index(known.depth) >= depths.index(depth):
        return known
    return audit(AuditedWalk.of(prepared), depth, key_of(prepared), watch)


def keep(prepared: WalkPlan, run: Path, found: Audit) -> bool:
    """Put an audit into the folder `run`, where a finished run of the same is judged by it anew.

    False where the folder holds a finished run of other bars or other plugins, which is left alone.
    """
    try:
        manifest = read_manifest(run)
    except RunError:
        with locked(run):
            refuse_other(run, prepared.config)
            write_bytes(run / AUDIT, found.to_json().encode())
        return True
    if (manifest["trial_sha256"], manifest["data"]["sha256"]) != (prepared.trial, prepared.dataset.sha256):
        return False
    judge_again(run, found)
    return True
