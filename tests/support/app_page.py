"""The app's page without a browser, through Streamlit's AppTest, and what can be read from it and chosen on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

testing = pytest.importorskip("streamlit.testing.v1", reason="needs streamlit: pip install 'beatzero[app]'")

APP = Path(__file__).parents[2] / "backtest" / "app"
KINDS = ("selectbox", "radio", "button_group", "select_slider")


def open_page(monkeypatch: pytest.MonkeyPatch, home: Path, *arguments: str) -> Any:
    """Run the page as Streamlit would; it must get through without a traceback."""
    monkeypatch.setenv("BACKTEST_HOME", str(home))
    monkeypatch.setattr(sys, "argv", ["page.py", *arguments])
    return sound(testing.AppTest.from_file(str(APP / "page.py"), default_timeout=60).run())


def choose(page: Any, name: str, choice: object, place: int = 0) -> Any:
    """Pick an option of the widget of this name, the first of several."""
    named = [widget for kind in KINDS for widget in page.get(kind) if widget.label == name]
    return sound(named[place].set_value(choice).run())


def upload(page: Any, name: str, content: bytes) -> Any:
    """Give the page a file."""
    choose(page, "Bars", "An upload")
    return sound(page.get("file_uploader")[0].upload(name, content).run())


def sound(page: Any) -> Any:
    """Return the page, which must show no traceback."""
    assert not page.exception
    return page


def words(page: Any) -> str:
    """Everything that is shown as it is, with plain spaces."""
    return plain("\n".join(text.value for text in page.text))


def figures(page: Any) -> dict[str, str]:
    """The numbers that stand out, by their names."""
    return {plain(metric.label): plain(metric.value) for metric in page.metric}


def plain(text: str) -> str:
    """Return a text with the signs of a keyboard."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")
