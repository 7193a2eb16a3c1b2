"""The folder of a run: which one it gets, what stands in it before the first fit, and what is removed afterwards."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from backtest.data.errors import ConfigError, RunError
from backtest.data.records.audit import AUDIT, Audit
from backtest.data.run_files import (
    MANIFEST,
    SETTINGS,
    read_manifest,
    runs_folder,
    sha256,
    table_bytes,
    write_bytes,
)
from backtest.walk.config import Config
from backtest.walk.config_file import build, parse, read_text
from backtest.walk.fitting import Rows, read_rows
from backtest.walk.plan import WalkPlan
from backtest.walk.store import CHECKPOINTS

FEATURES_FILE = "features.parquet"
OWN = re.compile(r"\.?.+-\d{4}-(x|\d+)-[0-9a-f]{16}(\.\d+)?")
"""Names of checkpoints, unfinished ones with a dot and a process number."""


def folder_of(config: Config, out: Path | None) -> Path:
    """Return `out`, or `runs/<name>`, or `runs/<name>-<digest>` if the former holds something else.

    ConfigError if `out` does: nothing is overwritten.
    """
    if out is not None:
        refuse_other(out, config)
        return out
    plain = runs_folder() / config.name
    return plain if _is_free(plain, config) else plain.with_name(f"{config.name}-{config.digest[:8]}")


def refuse_other(folder: Path, config: Config) -> None:
    """Raise ConfigError if a folder holds a run of other settings, or files that do not belong to a run."""
    if not _is_free(folder, config):
        other = (folder / SETTINGS).exists()
        held = "a run with other settings" if other else "files that do not belong to a run"
        raise ConfigError(f"--out: {folder} holds {held}: choose another folder")


def _is_free(folder: Path, config: Config) -> bool:
    """Whether a folder holds nothing yet, an audit and hidden files aside, or a run of the same settings."""
    settings = folder / SETTINGS
    if folder.exists() and not folder.is_dir():
        return False
    if not settings.exists():
        entries = folder.iterdir() if folder.exists() else ()
        return all(entry.name.startswith(".") or entry.name == AUDIT for entry in entries)
    try:
        return build(parse(read_text(settings), where=str(settings)), where=str(settings)).digest == config.digest
    except ConfigError:
        return False


def finished_manifest(run: Path) -> dict[str, Any] | None:
    """Return the manifest of the finished run that a folder holds; None if it holds none."""
    try:
        return read_manifest(run)
    except RunError:
        return None


def lay_out(plan: WalkPlan, run: Path, audited: Audit | None) -> Callable[[], Rows]:
    """Write what the tasks read, and the audit if there is one; return what reads the rows.

    What an earlier attempt concluded, and what crashes left unfinished, is removed.
    """
    for outdated in (MANIFEST, AUDIT, "report.html", "report.md"):
        (run / outdated).unlink(missing_ok=True)
    content = table_bytes(plan.features)
    write_bytes(run / SETTINGS, plan.config.to_toml().encode())
    write_bytes(run / FEATURES_FILE, content)
    if audited:
        write_bytes(run / AUDIT, audited.to_json().encode())
    for unfinished in run.glob(".*.tmp"):
        unfinished.unlink()
    _remove_checkpoints(run, lambda name: name.startswith("."))
    target = plan.config.target
    return partial(read_rows, run / FEATURES_FILE, sha256(content), plan.names, target.horizons, target.kind)


def remove_outdated(plan: WalkPlan, run: Path) -> None:
    """Remove checkpoints of tasks that are no longer part of the run: their data or code have changed."""
    kept = {task.folder for task in plan.tasks}
    _remove_checkpoints(run, lambda name: name not in kept)


def _remove_checkpoints(run: Path, unwanted: Callable[[str], bool]) -> None:
    """Remove checkpoints by name; what a task cannot have written stays."""
    for folder in (run / CHECKPOINTS).glob("*"):
        if folder.is_dir() and OWN.fullmatch(folder.name) and unwanted(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
