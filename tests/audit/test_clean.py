"""The audit raises no alarm where there is no leak."""

from __future__ import annotations

from pathlib import Path

import pytest

from backtest.audit.levels import audit
from tests.support.clean_pipelines import PIPELINES


@pytest.mark.usefixtures("open_tables")
@pytest.mark.parametrize("name", PIPELINES)
def test_a_clean_pipeline_raises_no_alarm(name: str, tmp_path: Path) -> None:
    found = audit(PIPELINES[name](tmp_path), "full")
    assert found.leaks == ()
    assert [level.state for level in found.levels] == ["passed"] * 5


def test_there_are_clean_pipelines_enough() -> None:
    assert len(PIPELINES) >= 25
