"""What is shipped: declared dependencies, one top-level name, no tests, and checkouts whose links were lost."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from backtest.__main__ import LINKED, broken_links

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CODE = sorted(path for room in ("backtest", *LINKED) for path in (ROOT / room).rglob("*.py"))
"""Every file of code that is shipped."""


def normal(requirement: str) -> str:
    """Name of a distribution as package indexes compare it, without versions and extras."""
    return re.split(r"[<>=!~;\[ ]", requirement)[0].lower().replace("_", "-")


RUNTIME = {normal(each) for each in PROJECT["project"]["dependencies"]}
EXTRAS = {
    extra: {normal(each) for each in brought} for extra, brought in PROJECT["project"]["optional-dependencies"].items()
}
APP = EXTRAS.pop("app")
"""The other extras bring what a model of that name needs; it is imported when the model is fitted."""
DEV = {normal(each) for group in PROJECT["dependency-groups"].values() for each in group}


def imported(node: ast.AST) -> Iterator[str]:
    """Top-level names that a module imports anywhere, but for those that only a type checker reads."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield str(node.module).partition(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from imported(child)


def undeclared(paths: list[Path], declared: set[str]) -> list[str]:
    """Imports that no declared distribution brings."""
    ours = {"backtest", "docs", "tests", *sys.stdlib_module_names}
    owners = packages_distributions()
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for name in sorted(set(imported(ast.parse(path.read_text("utf-8")))) - ours)
        if not declared & {normal(owner) for owner in owners.get(name, [name])}
    ]


def test_shipped_code_imports_declared_dependencies_only() -> None:
    app = [path for path in CODE if path.is_relative_to(ROOT / "backtest" / "app")]
    models = [path for path in CODE if path.is_relative_to(ROOT / "models")]
    assert undeclared([path for path in CODE if path not in (*app, *models)], RUNTIME) == []
    assert undeclared(models, RUNTIME.union(*EXTRAS.values())) == []
    assert undeclared(app, RUNTIME | APP) == []


def test_tests_import_declared_dependencies_only() -> None:
    assert undeclared(sorted((ROOT / "tests").rglob("*.py")), RUNTIME | APP | DEV) == []


def test_every_runtime_dependency_is_imported_by_shipped_code() -> None:
    owners = packages_distributions()
    names = {name for path in CODE for name in imported(ast.parse(path.read_text("utf-8")))}
    used = {normal(owner) for name in names for owner in owners.get(name, [])}
    assert (RUNTIME | APP) - used == {"pyarrow"}  # polars needs it to hand a table to pandas


def test_an_import_is_found_in_functions_but_not_for_type_checkers() -> None:
    tree = ast.parse("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\ndef late():\n    import b.c")
    assert set(imported(tree)) == {"typing", "b"}


def test_constraints_pin_every_declared_dependency() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()[1:]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    assert {normal(line) for line in lines} >= RUNTIME | APP | DEV


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the wheel and the source distribution of this checkout, and the wheel made from the latter."""
    folder = tmp_path_factory.mktemp("archives")
    build(ROOT, folder)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as source:
        source.extractall(folder, filter="data")
    build(next(path for path in folder.iterdir() if path.is_dir()), folder / "again", "-t", "wheel")
    return folder


def build(project: Path, folder: Path, *arguments: str) -> None:
    """Build the archives of `project` into `folder`."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder), *arguments]
    subprocess.run(command, cwd=project, check=True, capture_output=True)  # noqa: S603 -- our own build


def names_in(wheel: Path) -> set[str]:
    """Names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_one_top_level_name_and_no_tests(archives: Path) -> None:
    names = names_in(next(archives.glob("*.whl")))
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"backtest"}
    assert not [name for name in names if "test_" in name or "calibration/" in name or "bench/" in name]


def test_the_wheel_holds_every_file_of_the_package(archives: Path) -> None:
    kept = {
        str(path.relative_to(ROOT) if path.is_relative_to(ROOT / "backtest") else "backtest" / path.relative_to(ROOT))
        for room in ("backtest", *LINKED)
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert kept <= names_in(next(archives.glob("*.whl")))


def test_the_source_distribution_makes_the_same_wheel(archives: Path) -> None:
    first, second = next(archives.glob("*.whl")), next((archives / "again").glob("*.whl"))
    assert first.name == second.name
    assert names_in(first) == names_in(second)


@pytest.mark.slow
def test_an_installed_wheel_runs_beside_foreign_packages_of_the_same_names(archives: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", symlinks=True)
    packages = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    with zipfile.ZipFile(next(archives.glob("*.whl"))) as wheel:
        wheel.extractall(packages)  # noqa: S202 -- our own wheel
    libraries = Path(pytest.__file__).parents[1]
    (packages / "libraries.pth").write_text(f"{libraries}\n", "utf-8")  # what the wheel depends on
    work = tmp_path / "work"
    (work / "backtest").mkdir(parents=True)  # no code in it: the installed package comes first
    for name in LINKED:
        (work / name).mkdir()
        (work / name / "__init__.py").write_text(
            f"raise SystemExit('the foreign package {name} was imported')", "utf-8"
        )
    less = ["--set", "train.epochs=1", "--set", "seeds=1"]
    command = [str(tmp_path / "venv" / "bin" / "python"), "-m", "backtest", "run", "quick", "--out", "run", *less]
    ended = subprocess.run(command, cwd=work, capture_output=True, text=True, env={"PYTHONPATH": str(work)})  # noqa: S603
    assert ended.returncode == 0, ended.stderr
    assert (work / "run" / "report.html").is_file()


def test_the_links_of_this_checkout_are_folders() -> None:
    assert broken_links() == ""


@pytest.mark.parametrize("kept", [(), ("data", "models")])
def test_a_checkout_without_links_ends_with_one_sentence_and_status_2(tmp_path: Path, kept: tuple[str, ...]) -> None:
    package = tmp_path / "backtest"
    shutil.copytree(ROOT / "backtest", package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in LINKED:
        (package / name).unlink()
        if name in kept:
            shutil.copytree(ROOT / name, package / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (package / name).write_text(f"../{name}", "utf-8")  # what git leaves behind on such a system
    command = [sys.executable, "-m", "backtest", "list"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)})  # noqa: S603
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    said = " ".join(ended.stderr.split())
    assert ", ".join(name for name in LINKED if name not in kept) in said
    assert "git config core.symlinks true" in said
