"""The storeys of the house: who may import whom, lazy imports counted, without a cycle, and who must not wake torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINKED = ("data", "features", "models", "reports")
"""Rooms that stand beside `backtest` in the repository, and are imported as its sub-packages."""

BELOW = {
    "data": set(),
    "features": {"data"},
    "models": {"data"},
    "reports": {"data"},
    "significance": {"data"},
    "evaluation": {"data", "significance"},
    "verdict": {"data", "significance", "evaluation"},
    "walk": {"data", "features", "models", "significance", "evaluation", "verdict"},
    "forecast": {"data", "features", "models", "walk"},
    "comparison": {"data", "significance", "evaluation", "verdict", "walk"},
    "audit": {"data", "features", "models", "significance", "evaluation", "verdict", "walk"},
}
"""What each room may import; the others, such as the command line, may import everything."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "backtest" else ("backtest", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for package in ("backtest", *LINKED) for path in (ROOT / package).rglob("*.py")}


def room_of(name: str) -> str:
    """Sub-package of `backtest` that a module belongs to; empty for those that belong to none."""
    return name.split(".")[1] if name.count(".") else ""


def imports(name: str, source: str) -> Iterator[str]:
    """Modules of ours that a module imports, wherever in its text; `from a import b` is a.b where that is a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{name}: imports are absolute"
            assert node.module != "backtest", f"{name}: expected an import of the sub-package, not of all of backtest"
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
            targets = [target if target in MODULES else str(node.module) for target in targets]
        else:
            continue
        for target in targets:
            assert target.partition(".")[0] not in LINKED, f"{name}: expected an import of backtest.{target}"
            if target.partition(".")[0] == "backtest":
                yield target


def breaches(name: str, source: str) -> list[str]:
    room = room_of(name)
    if room not in BELOW:
        return []
    return [f"{name} -> {target}" for target in imports(name, source) if room_of(target) not in {room, *BELOW[room]}]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_package_imports_one_above_it(name: str) -> None:
    assert breaches(name, MODULES[name].read_text("utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import backtest.walk.config",
        "def late():\n    from backtest.features import pipeline",
        "from backtest.models import MODELS",
    ],
)
def test_an_import_of_a_higher_package_is_found(source: str) -> None:
    assert len(breaches("backtest.reports.run", source)) == 1


def test_there_is_no_cycle() -> None:
    graph = {name: set(imports(name, path.read_text("utf-8"))) - {name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(f"import cycle: {' -> '.join(cycle.args[1])}")


def test_torch_is_not_imported_before_a_network_is_made() -> None:
    names = (
        *("backtest.data.reading.bars", "backtest.data.reading.synthetic"),
        *("backtest.features", "backtest.features.pipeline", "backtest.features.plugins"),
        *("backtest.models", "backtest.walk.config", "backtest.reports", "backtest.comparison.compare"),
        *("backtest.cli.terminal", "backtest.cli.commands", "backtest.__main__"),
    )
    lines = [f"import {name}; assert 'torch' not in sys.modules, {name!r}" for name in names]
    subprocess.run([sys.executable, "-c", "\n".join(["import sys", *lines])], cwd=ROOT, check=True)  # noqa: S603


def test_no_library_function_looks_like_a_test() -> None:
    names = [
        f"{name}.{node.name}"
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert names == []
