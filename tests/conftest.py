"""Settings of every test run, and tables that plugins may add to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from features import FEATURES
from models import MODELS

# a busy machine or the first import of a large library is no failure
settings.register_profile("beatzero", deadline=None)
settings.load_profile("beatzero")


@pytest.fixture(scope="session", autouse=True)
def home_of_shared_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the program writes, the ledger of trials above all, out of the working directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKTEST_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a home of its own, so that no run knows of another test's trials."""
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def open_tables() -> Iterator[None]:
    """Let plugins add to FEATURES and MODELS for the time of a test."""
    before = dict(FEATURES), dict(MODELS)
    yield
    FEATURES.clear()
    FEATURES.update(before[0])
    MODELS.clear()
    MODELS.update(before[1])
