"""The audit of a run in its folder: made once for what it is of, kept, and taken into account by the verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import features
from backtest.audit.audit import audit
from backtest.audit.subject import subject_of
from backtest.folder import refuse_other
from backtest.prepare import Prepared
from backtest.results import judge_again, put_audit
from backtest.tasks import CODE
from data.audit import AUDIT, Audit, Depth, Level
from data.bars import digest
from data.errors import RunError
from data.runs import SETTINGS, json_bytes, locked, read_manifest, sha256, table_bytes, write_bytes

OWN_CODE = (*Path(__file__).parent.glob("*.py"), *Path(features.__file__).parent.glob("*.py"))
DEPTHS: tuple[Depth, ...] = ("quick", "full")


def key_of(prepared: Prepared) -> str:
    """SHA-256 of what an audit depends on: bars, settings, plugins, the features' values, and the code audited."""
    code = [sha256(path.read_bytes()) for path in sorted({*CODE, *OWN_CODE})]
    values = sha256(table_bytes(prepared.features))
    return sha256(json_bytes([digest(prepared.bars), prepared.trial, values, *code]))


def audit_of(prepared: Prepared, run: Path, depth: Depth, watch: Callable[[Level], None] = lambda level: None) -> Audit:
    """Return the audit of a walk: the one in the folder `run`, if it is of the same and as deep, or a new one."""
    key, known = key_of(prepared), _read(run)
    if known and known.subject == key and DEPTHS.index(known.depth) >= DEPTHS.index(depth):
        return known
    return audit(subject_of(prepared), depth, key, watch)


def keep(prepared: Prepared, run: Path, found: Audit) -> bool:
    """Put an audit into the folder `run`, where a finished run of the same is judged by it anew.

    False where the folder holds a finished run of other bars or other plugins, which is left alone.
    """
    finished = _manifest(run)
    hashes = {"trial": prepared.trial, "data": digest(prepared.bars)}
    if finished and finished != hashes:
        return False
    if finished:
        put_audit(run, found)
        judge_again(run)
        return True
    with locked(run):
        refuse_other(run, prepared.config)
        write_bytes(run / SETTINGS, prepared.config.to_toml().encode())
        write_bytes(run / AUDIT, found.to_json().encode())
    return True


def _read(run: Path) -> Audit | None:
    """The audit in a folder, if there is one that can be read."""
    try:
        return Audit.from_json((run / AUDIT).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, RunError):
        return None


def _manifest(run: Path) -> dict[str, str] | None:
    """What the finished run in a folder is of, None without one."""
    try:
        manifest = read_manifest(run)
    except RunError:
        return None
    return {"trial": manifest["trial_sha256"], "data": manifest["data"]["sha256"]}
