"""Settings of every test run, and tables that plugins may add to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from features import FEATURES
from models import MODELS

if TYPE_CHECKING:
    from reports import Result

# a busy machine or the first import of a large library is no failure
settings.register_profile("beatzero", deadline=None)
settings.load_profile("beatzero")


@pytest.fixture
def open_tables() -> Iterator[None]:
    """Let plugins add to FEATURES and MODELS for the time of a test."""
    before = dict(FEATURES), dict(MODELS)
    yield
    FEATURES.clear()
    FEATURES.update(before[0])
    MODELS.clear()
    MODELS.update(before[1])


@pytest.fixture(scope="session")
def usual_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a made-up run, for tests that only read it."""
    from tests.fake_run import Plan, make  # the report's libraries load for the tests that need them

    return make(tmp_path_factory.mktemp("usual"), Plan(folds=3, test=80))


@pytest.fixture(scope="session")
def usual(usual_run: Path) -> Result:
    """What the report reads from it."""
    from reports import read

    return read(usual_run)
