"""The app's page on a folder with a small finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.app_page import open_page


@pytest.fixture
def home(small_home: Path) -> Path:
    return small_home


@pytest.fixture
def page(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return open_page(monkeypatch, home)
