"""Plugins: a user's modules are found, run once, and refused in plain words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backtest.data.errors import ConfigError
from backtest.features import FEATURES
from backtest.features.catalog import resolve
from backtest.features.plugins import load

PLUGIN = """
import polars as pl
from backtest.features import feature

@feature(lookback=24)
def {name}() -> pl.Expr:
    return pl.col("close") / pl.col("close").shift(24) - 1
"""


@pytest.fixture(autouse=True)
def _nothing_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_tables: None) -> Iterator[None]:
    modules, path = set(sys.modules), list(sys.path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    yield
    assert sys.path == path
    for module in set(sys.modules) - modules:
        del sys.modules[module]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_module_in_the_folder_of_the_settings_is_found(tmp_path: Path) -> None:
    write(tmp_path / "my_module.py", PLUGIN.format(name="my_momentum"))
    load(["my_module"], tmp_path)
    assert resolve(["my_momentum"])[0].lookback == 24


def test_a_module_in_the_working_directory_is_found(tmp_path: Path) -> None:
    write(Path("my_here.py"), PLUGIN.format(name="from_here"))
    load(["my_here"])
    load(["my_here"], tmp_path)
    assert "from_here" in FEATURES


def test_packages_submodules_and_neighbours_can_be_imported(tmp_path: Path) -> None:
    write(tmp_path / "my_neighbour.py", "NAME = 'x'")
    write(tmp_path / "my_package" / "__init__.py", "import my_neighbour\n" + PLUGIN.format(name="of_package"))
    write(tmp_path / "my_package" / "inner.py", PLUGIN.format(name="of_inner"))
    load(["my_package", "my_package.inner"], tmp_path)
    assert {"of_package", "of_inner"} <= set(FEATURES)


def test_a_module_runs_once_however_often_it_is_loaded(tmp_path: Path) -> None:
    count = tmp_path / "count"
    write(tmp_path / "my_counter.py", f"with open({str(count)!r}, 'a') as file: file.write('x')")
    load(["my_counter"], tmp_path)
    load(["my_counter"], tmp_path)
    assert count.read_text() == "x"


def test_a_fresh_process_can_load_it_too(tmp_path: Path) -> None:
    write(tmp_path / "my_module.py", PLUGIN.format(name="my_momentum"))
    code = f"from pathlib import Path; from backtest.features import FEATURES, plugins; plugins.load(['my_module'], Path({str(tmp_path)!r})); print('my_momentum' in FEATURES)"  # noqa: E501
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "True"


def test_a_missing_module_is_named_with_the_places_searched(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"plugins: no module my_modul in {tmp_path} nor in {Path.cwd()}: write its"):
        load(["my_modul"], tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ny = x +\n", r"SyntaxError: .* \(.*my_broken\.py, line 2\)"),
        ("x = 1\n\nprint(undefined)\n", r"NameError: name 'undefined' is not defined \(.*my_broken\.py, line 3\)"),
        ("import no_such_package\n", r"ModuleNotFoundError: .*no_such_package.* \(.*my_broken\.py, line 1\)"),
        (PLUGIN.format(name="momentum"), r"ConfigError: features: momentum .* is taken .* \(.*my_broken\.py, line 5\)"),
    ],
)
def test_a_module_that_fails_is_named_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "my_broken.py", text)
    with pytest.raises(ConfigError, match=rf"plugins: my_broken cannot be imported: {message}"):
        load(["my_broken"], tmp_path)
    write(
        tmp_path / "my_broken.py", PLUGIN.format(name="momentum_repaired")
    )  # of another size: bytecode is known by size and second
    load(["my_broken"], tmp_path)
    assert "momentum_repaired" in FEATURES


@pytest.mark.parametrize("name", ["json", "sys", "antigravity", "backtest"])
def test_a_module_never_takes_the_place_of_another(tmp_path: Path, name: str) -> None:
    write(tmp_path / f"{name}.py", PLUGIN.format(name="hidden"))
    with pytest.raises(ConfigError, match=rf"plugins: {name} is the name of another module, .*: rename .*{name}\.py"):
        load([name], tmp_path)
    assert "hidden" not in FEATURES
