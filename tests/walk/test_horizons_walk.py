"""A walk at several horizons: one set of origins, each horizon as in a walk of its own, audited together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import backtest.reports as reports
from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.levels import audit_walk
from backtest.data.errors import ConfigError
from backtest.data.records.audit import Audit
from backtest.data.target_columns import outcome_column
from backtest.data.targets import TARGETS
from backtest.walk.config_file import build, load
from tests.support.selection import quick_or_slow
from tests.support.small_run import small, walk

pytestmark = pytest.mark.integration

HORIZONS = [1, 3, 6]
BASELINES = ["zero", "naive", "mean", "ar", "ridge"]


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A walk of three horizons; not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "several"
    walk(folder, plan=small(target={"horizons": HORIZONS}))
    return folder


def forecasts_of(folder: Path, **rows: Any) -> pl.DataFrame:
    return pl.read_parquet(folder / "forecasts.parquet").filter(**rows)


def test_every_row_is_forecast_at_every_horizon(several: Path) -> None:
    forecasts = forecasts_of(several)
    assert forecasts.group_by("model", "seed", "symbol", "time").len()["len"].unique().to_list() == [3]
    own = forecasts.filter(model="zero").sort("time", "horizon")
    ahead = (own["target_time"] - own["time"]).dt.total_hours()
    assert (ahead == own["horizon"] + 1).all()  # hourly bars, known at their close


def test_outcomes_are_those_of_the_features(several: Path) -> None:
    features = pl.read_parquet(several / "features.parquet")
    for horizon in HORIZONS:
        rows = forecasts_of(several, model="zero", horizon=horizon).join(features, on=["symbol", "time"])
        assert (rows["y"] == rows[outcome_column("log_return", horizon)]).all()


def test_the_longest_horizon_is_that_of_a_walk_of_its_own(several: Path, tmp_path: Path) -> None:
    walk(tmp_path / "alone", plan=small(models=BASELINES, target={"horizon": 6}))
    for model in BASELINES:
        both = [forecasts_of(folder, model=model, horizon=6) for folder in (several, tmp_path / "alone")]
        assert both[0].equals(both[1])


def test_the_verdict_and_the_report_are_about_every_horizon(several: Path) -> None:
    reports.write(several)
    text = (several / "report.md").read_text("utf-8")
    assert "nan" not in text.split()
    tests = pl.read_parquet(several / "tests.parquet").filter(pl.col("fold").is_null(), test="diebold_mariano")
    assert sorted(tests["horizon"].unique()) == HORIZONS
    joint = pl.read_parquet(several / "joint.parquet").filter(pl.col("horizon").is_null())
    assert {name.split("_")[0] for name in joint["test"]} == {"average", "uniform"}


@pytest.mark.parametrize("kind", quick_or_slow(TARGETS, ["direction"]))
def test_every_target_has_horizons_and_a_clean_audit(kind: str, tmp_path: Path) -> None:
    source = {"data": {"source": "synthetic:n=900,signal=0.1"}, "net": {"har_lags": [1, 2, 5]}}
    plan = small(**source, models=["ridge", "lstm"], seeds=1, target={"kind": kind, "horizons": [1, 3]})
    audit = audit_walk(AuditedWalk.of(plan), "full")
    assert isinstance(audit, Audit)
    assert audit.passed
    verdict = walk(tmp_path / "run", plan=plan).verdict
    assert {one.horizon for one in verdict.candidates if one.model == "lstm"} == {1, 3}
    assert np.isfinite(forecasts_of(tmp_path / "run")["y_hat"].to_numpy()).all()


def test_one_horizon_may_be_spelt_either_way() -> None:
    one, other = (build({"target": table}, where="x") for table in ({"horizon": 5}, {"horizons": [5]}))
    assert one == other
    assert one.digest == other.digest
    assert "horizon = 5\n" in one.to_toml()  # what a ledger knows a trial by does not change
    assert build({"target": {"horizons": [6, 1]}}, where="x").target.horizons == (1, 6)
    changed = load("quick", settings=["target.horizon=2", "target.horizons=[1, 4]"]).config
    assert changed.target.horizons == (1, 4)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"horizon": 0}, r"target.horizon: must be a whole number of bars ahead, 1 or more \(got 0\)"),
        ({"horizons": [2, 2]}, r"each 1 or more and named once \(got \[2, 2\]\)"),
        ({"horizons": []}, "target.horizons: expected a list of at least 1"),
        ({"horizons": [1, 60]}, r"target.horizons: must be at most net.window, 48 \(got 60\)"),
        ({"horizon": 1, "horizons": [1]}, "target: must have horizon or horizons, not both"),
    ],
)
def test_horizons_that_cannot_be_are_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build({"target": table}, where="x")
