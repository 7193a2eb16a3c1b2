"""The app on a run that forecasts no returns: it shows the target's own words and skill, and no prices."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.app_page import figures, open_page, words
from tests.support.small_run import small, walk


def test_a_run_on_directions_is_shown_against_the_base_rate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    walk(tmp_path / "runs" / "up", plan=small(models=["ridge", "mean"], target={"kind": "direction"}))
    page = open_page(monkeypatch, tmp_path)
    assert "the share of base rate's Brier score that a model saves" in words(page)
    assert "Skill vs base rate" in figures(page)
    assert ["Direction"] in [one.options for one in page.get("button_group") if one.label == "Shown as"]
