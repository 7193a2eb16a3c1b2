"""A walk of a few seconds over synthetic bars, for tests of the engine and of everything behind it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backtest.data.run_files import read_manifest
from backtest.walk.config_file import LoadedConfig, build
from backtest.walk.engine import Outcome, walk_forward
from backtest.walk.plan import WalkPlan, plan_walk
from backtest.walk.store import Record

TREE: dict[str, Any] = {
    "name": "small",
    "models": ["zero", "naive", "mean", "ar", "ridge", "lstm"],
    "features": ["log_return", "rolling_std_6"],
    "seeds": 2,
    "executor": "serial",
    "data": {"source": "synthetic:n=900,signal=0.1"},
    "folds": {"first_train": 400, "validation": 100, "test": 110},
    "net": {"hidden": 4, "layers": 1, "dropout": 0.1, "window": 8},
    "train": {"epochs": 2, "chunk": 16, "batch": 64, "device": "cpu"},
}


class Silent:
    """Watches a walk and counts what was done in it."""

    def __init__(self, *, stop_after: int | None = None) -> None:
        self.fresh: list[Record] = []
        self.stop_after = stop_after

    def begin(self, plan: WalkPlan, done: Sequence[Record], workers: int) -> None:
        self.done = len(done)

    def advance(self, record: Record) -> None:
        self.fresh.append(record)
        if len(self.fresh) == self.stop_after:
            raise KeyboardInterrupt("stopped by hand")

    def end(self) -> None:
        self.ended = True


def small(**tables: Any) -> WalkPlan:
    """Plan the small walk, with some settings changed; a table is merged into the default one."""
    tree = {key: {**TREE[key], **value} if isinstance(TREE.get(key), dict) else value for key, value in tables.items()}
    return plan_walk(LoadedConfig(build({**TREE, **tree}, where="small"), None))


def walk(folder: Path, watcher: Silent | None = None, plan: WalkPlan | None = None) -> Outcome:
    """Run the small walk in `folder`."""
    return walk_forward(plan or small(), folder, watcher or Silent(), command="backtest run small")


def results(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a run by name."""
    return dict(read_manifest(folder)["files"])
