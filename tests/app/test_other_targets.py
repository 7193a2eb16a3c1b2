"""The app on runs that forecast no returns: the target's own words, numbers and skill, and no next close."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from backtest.forecast.next_step import next_steps
from tests.support.app_page import choose, figures, open_page, words
from tests.support.small_run import small, walk

pytestmark = pytest.mark.integration


def charts_with(page: Any, field: str) -> list[Any]:
    """The charts of a page that draw a field."""
    return [chart for chart in page.get("vega_lite_chart") if f'"{field}"' in chart.proto.spec]


def test_a_run_on_directions_is_shown_against_the_base_rate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    walk(tmp_path / "runs" / "up", plan=small(models=["ridge", "mean"], target={"kind": "direction"}))
    page = open_page(monkeypatch, tmp_path)
    assert "the share of base rate's Brier score that a model saves" in words(page)
    assert "Skill vs base rate" in figures(page)
    assert ["Direction"] in [one.options for one in page.get("button_group") if one.label == "Shown as"]
    step = next(step for step in next_steps(tmp_path / "runs" / "up")[0] if step.model == "ridge")
    choose(page, "Model", "ridge")
    assert figures(page)["Probability of a rise"] == f"{step.y_hat:.1%}".replace("%", " %")
    assert (
        "for the direction up to the close at 2020-02-07 13:00 UTC, after the bar of 2020-02-07 11:00 (last close "
        in words(page)
    )
    assert "Next close" not in figures(page)
    assert len(charts_with(page, "open")) == 1, "recent prices"
    assert not charts_with(page, "next close")
    assert words(page).count("No interval: for this target they have no meaning.") == 2
    [replay] = charts_with(page, "y_hat")
    assert '"title":"probability"' in replay.proto.spec.replace('": "', '":"')


def test_a_run_on_a_file_without_prices_shows_numbers_and_no_prices(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    days = pl.date_range(pl.date(2015, 1, 1), pl.date(2016, 12, 31), eager=True)
    variances = np.exp(np.random.default_rng(0).normal(size=len(days)) - 9)
    pl.DataFrame({"date": days, "RV": variances}).write_parquet(tmp_path / "index.parquet")
    settings = {
        "models": ["har"],
        "features": [{"name": "log_mean", "window": 1, "column": "RV"}],
        "net": {"window": 30},
    }
    plan = small(**settings, data={"source": str(tmp_path / "index.parquet")}, target={"kind": "log_variance.RV"})
    walk(tmp_path / "runs" / "rv", plan=plan)
    page = open_page(monkeypatch, tmp_path)
    assert "Variance" in figures(page)
    assert "for the variance rv of the next bar, up to the close at 2017-01-02 UTC, after the bar of" in words(page)
    assert not charts_with(page, "open")
    assert len(charts_with(page, "y_hat")) == 1, "the replay"
    assert "No forecast" not in "".join(badge.value for badge in page.markdown)
