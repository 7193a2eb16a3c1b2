"""Tests of walks that forecast a level: a column of the file or an external series, by its change over some bars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import backtest.reports as reports
from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.levels import audit_walk
from backtest.data.errors import ConfigError
from backtest.data.reading.bars import load_bars
from backtest.data.targets import target_of
from backtest.features.external import external
from backtest.walk.plan import WalkPlan
from tests.support.small_run import small, walk

PHI = 0.8
ABOUT_SPREAD = {
    "models": ["zero", "naive", "ar", "ridge"],
    "features": [{"name": "change", "bars": 1, "column": "spread"}, {"name": "level", "column": "spread"}],
    "net": {"window": 8},
}


def returning(n: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A level of either sign that returns to zero, so that its change can be forecast."""
    rng, level = np.random.default_rng(seed), np.zeros(n)
    for place in range(1, n):
        level[place] = PHI * level[place - 1] + rng.normal()
    return level


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Dates and a spread, without prices."""
    dates = pl.date_range(pl.date(2015, 1, 1), pl.date(2016, 12, 31), eager=True)
    pl.DataFrame({"date": dates, "spread": returning(len(dates))}).write_parquet(tmp_path / "spread.parquet")
    return tmp_path / "spread.parquet"


def plan(file: Path, kind: str = "series.spread", **settings: Any) -> WalkPlan:
    """A walk over the file."""
    return small(**{**ABOUT_SPREAD, "data": {"source": str(file)}, "target": {"kind": kind}, **settings})


def test_the_outcome_is_the_level_ahead_less_the_level_now_and_the_past_are_its_changes(file: Path) -> None:
    made, level = plan(file, target={"kind": "series.spread", "horizon": 3}), pl.read_parquet(file)["spread"].to_numpy()
    outcome = made.features["y_series.spread_3"]
    assert outcome.to_list()[:-3] == pytest.approx((level[3:] - level[:-3]).tolist(), abs=1e-15)
    assert outcome[-3:].is_null().all()
    assert made.features["change_1.spread"].to_list()[1:] == pytest.approx(np.diff(level).tolist(), abs=1e-15)
    assert made.features["level_1.spread"].to_list() == level.tolist()
    np.testing.assert_array_equal(made.rows.returns[1:], np.diff(level))


def test_prices_beside_the_series_are_not_its_past(tmp_path: Path) -> None:
    bars = load_bars("synthetic:n=900")
    bars.with_columns(spread=pl.Series(returning(900))).write_parquet(tmp_path / "bars.parquet")
    made = plan(tmp_path / "bars.parquet")
    np.testing.assert_array_equal(made.rows.returns[1:], np.diff(returning(900)))


def test_naive_repeats_the_last_changes_and_ridge_beats_the_random_walk(file: Path, tmp_path: Path) -> None:
    made = plan(file, target={"kind": "series.spread", "horizon": 2})
    verdict = walk(tmp_path / "run", plan=made).verdict
    assert (verdict.question.rival, verdict.question.loss) == ("zero", "squared")
    forecasts = pl.read_parquet(tmp_path / "run" / "forecasts.parquet")
    naive = forecasts.filter(model="naive").join(made.features.select("time", "level_1.spread"), on="time")
    dates = made.features.select(time=pl.col("time"), before=pl.col("level_1.spread").shift(2))
    naive = naive.join(dates, on="time")
    assert (naive["y_hat"] - (naive["level_1.spread"] - naive["before"])).abs().max() < 1e-12  # type: ignore[operator]
    tests = pl.read_parquet(tmp_path / "run" / "tests.parquet").filter(
        pl.col("fold").is_null(),
        test="diebold_mariano",
        loss="squared",
        baseline="zero",
        model="ridge",
        alternative="less",
    )
    # of the change over 2 bars 1 - phi^2 of the level is known: R2 = (1 - phi^2)^2 / 2 (1 - phi^2) = 0.18
    assert tests["skill"][0] == pytest.approx((1 - PHI**2) / 2, abs=0.08)
    assert tests["p_value"].item() < 0.001
    assert pl.read_parquet(tmp_path / "run" / "strategies.parquet").is_empty()
    reports.write(tmp_path / "run")
    text = (tmp_path / "run" / "report.md").read_text("utf-8")
    assert "change of spread" in text


def test_a_series_of_its_own_brings_features_and_no_trading() -> None:
    target = target_of("series.spread")
    assert [one["name"] for one in target.features if isinstance(one, dict)] == ["change", "change", "change", "level"]
    assert (target.rival, target.references, target.tradable) == ("zero", ("zero", "naive"), False)
    assert "anatolyev_gerko" not in target.tests
    assert target_of("series.spread") is target


def publish(delay: timedelta, n: int = 700) -> None:
    """Register the series `rates`, a value a bar, each published some time after the end of its bar."""
    bars = load_bars("synthetic:n=700,signal=0.1")

    @external(name="rates")
    def rates() -> pl.DataFrame:
        """A level of either sign, and a variance."""
        closes = bars["time"] + timedelta(hours=1)
        level = returning(n, 3)
        return pl.DataFrame({"time": closes, "known_at": closes + delay, "level": level, "variance": np.exp(level)})


OF_RATES: dict[str, Any] = {
    **ABOUT_SPREAD,
    "data": {"source": "synthetic:n=700,signal=0.1"},
    "target": {"kind": "series.rates.level"},
    "features": [{"name": "change", "bars": 1, "column": "rates.level"}, {"name": "level", "column": "rates.level"}],
}


def test_variances_that_are_published_less_often_than_bars_close_are_refused(open_tables: None) -> None:
    @external(name="weekly")
    def weekly() -> pl.DataFrame:
        """A variance once a week."""
        start, end = (datetime(2020, month, 1, tzinfo=UTC) for month in (1, 4))
        time = pl.datetime_range(start, end, "1w", time_unit="us")
        return pl.select(time=time).with_columns(known_at=pl.col("time") + timedelta(hours=1), rv=1.0)

    with pytest.raises(
        ConfigError, match=r"log_variance\.weekly\.rv: expected a value for every bar of 1h \(got one in"
    ):
        small(models=["har"], target={"kind": "log_variance.weekly.rv"}, net={"window": 24})


def test_an_external_value_is_forecast_as_it_is_known_when_the_target_bar_closes(open_tables: None) -> None:
    publish(timedelta(hours=2))
    made, level = small(**OF_RATES), returning(700, 3)
    y = made.features["y_series.rates.level_1"].to_list()
    assert y[:2] == [None, None]  # nothing was published when these bars closed
    assert y[2:-1] == pytest.approx(np.diff(level)[: len(y) - 3].tolist(), abs=1e-15)
    assert made.features["target_time"][2] == made.features["known_at"][3]


OF_VARIANCE: dict[str, Any] = {
    "models": ["ridge"],
    "features": [{"name": "log_mean", "window": 1, "column": "rates.variance"}],
    "target": {"kind": "log_variance.rates.variance"},
    "net": {"window": 22},
}


@pytest.mark.slow
@pytest.mark.parametrize("about", [pytest.param({}, marks=pytest.mark.slow), OF_VARIANCE])  # a level: the next test
def test_the_audit_makes_external_targets_anew_and_finds_no_skill(about: dict[str, Any], open_tables: None) -> None:
    publish(timedelta(0))
    assert audit_walk(AuditedWalk.of(small(**{**OF_RATES, **about})), "full").leaks == ()


@pytest.mark.slow
def test_the_audit_makes_the_level_in_a_file_anew_and_finds_no_skill(file: Path) -> None:
    assert audit_walk(AuditedWalk.of(plan(file)), "full").leaks == ()


def test_a_column_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"target.kind: series.rates.level needs rates.level, which these bars lack"):
        plan(file, "series.rates.level")
