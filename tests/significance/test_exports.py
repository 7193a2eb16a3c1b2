"""The package gives every test and statistic as a function, and says so to editors and type checkers."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from backtest import significance

FOLDER = Path(significance.__file__).parent
MODULES = [module.name for module in iter_modules([str(FOLDER)])]


@pytest.mark.parametrize("name", significance.__all__)
def test_every_exported_name_is_the_object_that_its_module_defines(name: str) -> None:
    value = getattr(significance, name)
    assert not inspect.ismodule(value)
    module = import_module(getattr(value, "__module__", "typing"))
    assert module.__name__.startswith("backtest.significance.") or name == "Alternative"
    if module.__name__.startswith("backtest.significance."):
        assert getattr(module, name) is value


def test_no_module_hides_an_exported_function() -> None:
    assert not {*MODULES} & {*significance.__all__}


def test_type_checkers_see_the_names_that_are_loaded_lazily() -> None:
    tree = ast.parse(Path(significance.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == {*significance.__all__}
    assert {*significance.__all__} <= {*dir(significance)}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'diebold'"):
        significance.diebold  # noqa: B018


def test_the_package_alone_loads_nothing_heavy() -> None:
    code = "import sys, backtest.significance; print({'arch', 'statsmodels', 'scipy', 'pandas'} & {*sys.modules})"
    command, root = [sys.executable, "-c", code], Path(__file__).parents[2]
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)  # noqa: S603
    assert answer.stdout.strip() == "set()"
