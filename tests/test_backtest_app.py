"""The app: what it shows of a run, and what it says where there is none or where it is damaged."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.small_run import small, walk

testing = pytest.importorskip("streamlit.testing.v1", reason="needs streamlit: pip install 'beatzero[app]'")

PAGE = Path(__file__).parents[1] / "backtest" / "app.py"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with one finished run."""
    folder = tmp_path_factory.mktemp("home")
    walk(folder / "runs" / "small", prepared=small(models=["mean", "ridge"]))
    return folder


def open_page(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("BACKTEST_HOME", str(home))
    monkeypatch.setattr(sys, "argv", ["app.py"])
    page = testing.AppTest.from_file(str(PAGE), default_timeout=60)
    return page.run()


def plain(text: str) -> str:
    return text.replace("\\", "")


def test_the_forecast_never_stands_without_its_verdict(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(home, monkeypatch)
    assert not page.exception
    verdict = json.loads((home / "runs" / "small" / "verdict.json").read_text())
    assert plain(page.header[0].value) == verdict["headline"]
    assert verdict["sentence"] in [plain(text.value) for text in page.markdown]
    assert page.subheader[0].value.startswith("Next close by ridge: ")
    page.selectbox[2].select("zero").run()
    assert page.subheader[0].value.startswith("Next close by zero: ")
    assert page.caption[0].value.startswith("+0.000000 as log return")


def test_without_a_run_it_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(tmp_path, monkeypatch)
    assert "backtest run quick" in page.info[0].value


def test_a_damaged_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk(tmp_path / "runs" / "small", prepared=small(models=["mean"]))
    with (tmp_path / "runs" / "small" / "scores.parquet").open("ab") as file:
        file.write(b"0")
    page = open_page(tmp_path, monkeypatch)
    assert "damaged" in plain(page.error[0].value)
