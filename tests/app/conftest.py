"""A folder with a small finished run, made once for each module, and the app's page on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.app_page import open_page, small_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def page(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return open_page(monkeypatch, home)
