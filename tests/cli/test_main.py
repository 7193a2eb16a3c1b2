"""The entry point: a missing dependency gets one plain message and status 2, a bug keeps its traceback."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from backtest.__main__ import missing_module
from tests.support.command import call


def test_a_missing_dependency_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = builtins.__import__

    def without_polars(name: str, *rest: Any, **named: Any) -> Any:
        if name == "backtest.cli.catalog":
            raise ModuleNotFoundError("No module named 'polars'", name="polars")
        return original(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_polars)
    assert call(monkeypatch, "list") == 2
    told = " ".join(capsys.readouterr().err.split())
    assert told.startswith("error package polars: not installed in ")
    assert "pip install" in told


def test_a_missing_part_of_the_package_is_not_a_missing_dependency() -> None:
    assert "install beatzero again" in missing_module("backtest.walk.plan")
    assert "not installed" in missing_module("torch.nn")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("backtest.cli.catalog.entries", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        call(monkeypatch, "list")
