"""Bars without a move: their variance is zero, and neither they nor the windows around them are lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import backtest.reports as reports
from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.levels import audit_walk
from backtest.data.bar_variances import squared_return
from backtest.data.result_tables import RANGES
from backtest.data.targets import TARGETS, variance_target
from backtest.forecast.next_step import next_steps
from backtest.models import MODELS, Model
from backtest.models.baselines import Mean
from backtest.models.windows import Floats, Windows
from backtest.walk.engine import walk_in_memory
from backtest.walk.plan import WalkPlan
from tests.support.odd_bars import plain, standing_still, stored
from tests.support.small_run import small, walk

pytestmark = pytest.mark.integration

STILL = (250, 430, 650, 651, 899)
"""Bars that end where they began, the newest one among them."""

FEATURES = ["log_variance_1", "log_variance_5", "log_return"]


def plan(folder: Path, still: tuple[int, ...] = STILL, **settings: Any) -> WalkPlan:
    """A walk over hourly bars of which some do not move."""
    bars = plain(900)
    for place in still:
        bars = standing_still(bars, place - 1, place)
    source = {"source": stored(folder, bars)}
    tables = {"models": ["har", "ridge", "lstm"], "features": FEATURES, "net": {"window": 24}, "data": source}
    return small(**{**tables, "target": {"kind": "log_variance", "horizons": [1, 3]}, **settings})


def test_no_row_is_lost_and_outcomes_of_zero_are_scored(tmp_path: Path) -> None:
    made, moving = plan(tmp_path), plan(tmp_path, still=())
    assert np.flatnonzero(np.isneginf(made.rows.features[:, 0])).tolist() == [*STILL]
    assert made.rows.features[5:].max() < np.inf
    assert (made.rows.valid_length == moving.rows.valid_length).all()
    walk(tmp_path / "run", plan=made)
    forecasts = pl.read_parquet(tmp_path / "run" / "forecasts.parquet").filter(horizon=1)
    assert forecasts["y_hat"].is_finite().all()
    zeros = forecasts.filter(pl.col("y") == 0)
    assert zeros["time"].unique().sort().to_list() == made.features["time"][[649, 650]].to_list()
    scores = pl.read_parquet(tmp_path / "run" / "scores.parquet").filter(metric="qlike")
    assert scores["value"].is_finite().all()
    assert next_steps(tmp_path / "run")[0][0].y_hat > 0


def test_what_stands_for_a_logarithm_of_zero_is_counted_and_said(tmp_path: Path) -> None:
    made = plan(tmp_path)
    walk(tmp_path / "run", plan=made)
    ranges = pl.read_parquet(tmp_path / "run" / RANGES.file)
    counts = ranges.filter(pl.col("feature").is_not_null()).group_by("feature").agg(pl.col("replaced").sum())
    in_test_spans = sum(place >= 500 for place in STILL[:-1])
    assert dict(counts.iter_rows()) == {"log_variance_1": in_test_spans, "log_variance_5": 0, "log_return": 0}
    assert ranges.filter(feature="log_return")["replaced"].null_count() == len(made.folds)
    assert ranges.select(pl.col("low", "lowest").is_finite().all()).row(0) == (True, True)
    reports.write(tmp_path / "run")
    assert "2 inputs were the logarithm of zero" in (tmp_path / "run" / "report.md").read_text("utf-8")


@pytest.mark.slow
def test_a_walk_over_bars_that_stand_still_passes_the_audit(tmp_path: Path) -> None:
    assert audit_walk(AuditedWalk.of(plan(tmp_path, models=["ridge"])), "full").leaks == ()


def test_the_check_for_foresight_shows_a_model_nothing_that_overflows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of rows as large as the true ones a steep model of logarithms makes numbers; rows of size one would be e^1000."""

    class Steep(Mean):
        def predict(self, windows: Windows) -> Floats:
            return 1e3 * windows.x[:, -1, FEATURES.index("log_return")]

    steep = Model("steep", lambda net, train, seed: Steep(), seeded=False, baseline=False, doc="")
    monkeypatch.setitem(MODELS, "steep", steep)
    made = plan(tmp_path, models=["steep"], target={"kind": "log_variance"})
    assert walk_in_memory(made).forecasts.filter(model="steep")["y_hat"].is_finite().all()


def test_a_target_that_is_zero_on_every_other_bar_has_a_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A semivariance, of falling prices alone: logarithms of such outcomes are far apart, and nothing overflows."""

    def falling() -> pl.Expr:
        fell = pl.col("close") < pl.col("close").shift(1)
        return pl.when(pl.col("close").shift(1).is_not_null()).then(fell * squared_return())

    monkeypatch.setitem(TARGETS, "log_semivariance", variance_target(falling, "semivariance"))
    made = plan(tmp_path, target={"kind": "log_semivariance", "horizons": [1, 3]}, seeds=1)
    outcome = walk(tmp_path / "run", plan=made)
    assert {one.model for one in outcome.verdict.candidates} == {"lstm"}
