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
ALLOWED = {
    "data": set(),
    "features": {"data"},
    "models": {"data"},
    "reports": {"data"},
    "backtest": {"data", "features", "models", "reports"},
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for package in ALLOWED for path in (ROOT / package).rglob("*.py")}


def imports(name: str, source: str) -> Iterator[str]:
    """Modules of ours that a module imports, wherever in its text; `from a import b` is a.b where that is a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{name}: imports are absolute"
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
            targets = [target if target in MODULES else str(node.module) for target in targets]
        else:
            continue
        yield from (target for target in targets if target.partition(".")[0] in ALLOWED)


def breaches(name: str, source: str) -> list[str]:
    package = name.partition(".")[0]
    found = [target for target in imports(name, source) if target.partition(".")[0] != package]
    return [f"{name} -> {target}" for target in found if target.partition(".")[0] not in ALLOWED[package]]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_storey_looks_up(name: str) -> None:
    assert breaches(name, MODULES[name].read_text("utf-8")) == []


@pytest.mark.parametrize(
    "source", ["import backtest.config", "def late():\n    from features import pipeline", "from models import MODELS"]
)
def test_a_breach_is_found(source: str) -> None:
    assert len(breaches("reports.result", source)) == 1


def test_there_is_no_cycle() -> None:
    graph = {name: set(imports(name, path.read_text("utf-8"))) - {name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(f"import cycle: {' -> '.join(cycle.args[1])}")


@pytest.mark.parametrize(
    "statement",
    [
        "import features, features.pipeline",
        "import reports",
        "import data.bars, data.synthetic",
        "import models",
        "import backtest.config, backtest.cli, backtest.__main__",
    ],
)
def test_torch_sleeps_until_a_network_is_made(statement: str) -> None:
    code = f"{statement}\nimport sys\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)  # noqa: S603


def test_no_library_function_looks_like_a_test() -> None:
    names = [
        f"{name}.{node.name}"
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert names == []
