"""No false alarms: the audit finds nothing in pipelines without a leak."""

from __future__ import annotations

from pathlib import Path

import pytest

from backtest.audit.levels import audit_walk
from tests.support.clean_pipelines import PIPELINES
from tests.support.selection import quick_or_slow

pytestmark = pytest.mark.integration

QUICK = (
    *("gap larger than the horizon", "a symbol that ends early", "external series with a lag"),
    *("scaler on the training rows", "early stopping and best epoch by validation"),
)
"""Some of each kind: settings, bars, features, external series and models."""


@pytest.mark.usefixtures("open_tables")
@pytest.mark.parametrize("name", quick_or_slow(PIPELINES, QUICK))
def test_a_clean_pipeline_raises_no_alarm(name: str, tmp_path: Path) -> None:
    found = audit_walk(PIPELINES[name](tmp_path), "full")
    assert found.leaks == ()
    assert [level.state for level in found.levels] == ["passed"] * 5


def test_there_are_at_least_25_clean_pipelines() -> None:
    assert len(PIPELINES) >= 25
