"""A session of its own for every file of tests: what one tried counts in no other's verdicts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backtest.verdict.ledger import SESSION


@pytest.fixture(autouse=True, scope="module")
def fresh_session() -> Iterator[None]:
    """Forget the runs of other files."""
    before = list(SESSION)
    SESSION.clear()
    yield
    SESSION[:] = before
