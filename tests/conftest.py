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


@pytest.fixture
def open_tables() -> Iterator[None]:
    """Let plugins add to FEATURES and MODELS for the time of a test."""
    before = dict(FEATURES), dict(MODELS)
    yield
    FEATURES.clear()
    FEATURES.update(before[0])
    MODELS.clear()
    MODELS.update(before[1])
