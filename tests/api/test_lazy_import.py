"""`import backtest` loads nothing until a name is used, and a public name is never hidden by a sub-package."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import backtest as bt
from backtest.walk.config import Config

ROOT = Path(__file__).parents[2]


def in_a_new_process(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)  # noqa: S603


def test_importing_and_listing_the_names_loads_no_library() -> None:
    heavy = "{'polars', 'torch', 'numpy', 'pydantic', 'rich', 'typer', 'scipy'} & set(sys.modules)"
    in_a_new_process(f"import backtest, sys; assert 'walk_forward' in dir(backtest); assert not {heavy}, {heavy}")


def test_a_first_use_does_not_load_torch() -> None:
    in_a_new_process("import backtest, sys; backtest.walk_forward; assert 'torch' not in sys.modules")


@pytest.mark.parametrize("first", ["import backtest.audit.levels", "from backtest.audit import assert_causal"])
def test_the_function_audit_is_not_hidden_by_its_subpackage(first: str) -> None:
    in_a_new_process(f"{first}\nimport backtest as bt\nassert bt.audit.__module__ == 'backtest.api', bt.audit")


@pytest.mark.parametrize("name", bt.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(bt, name)
    assert name in dir(bt)
    assert name == "__version__" or (value.__doc__ or "").strip()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'walk_foward'"):
        _ = bt.walk_foward  # type: ignore[attr-defined]


def test_the_typed_settings_are_those_of_the_settings_file() -> None:
    from backtest.arguments import FoldSizes, Settings
    from backtest.walk.folds import FoldSettings

    assert set(Settings.__annotations__) == set(Config.model_fields)
    assert set(FoldSizes.__annotations__) == set(FoldSettings.model_fields)


def test_a_function_that_names_the_package_can_be_sent_to_a_worker() -> None:
    here = pickle.loads(pickle.dumps(bt))  # noqa: S301 -- our own
    assert here is bt
