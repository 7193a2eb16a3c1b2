"""Tests of walks over realised variances that are made of finer bars: outcomes, report, audit and refusals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.levels import audit_walk
from backtest.data.errors import ConfigError
from backtest.data.reading.bars import load_bars
from backtest.data.run_files import read_manifest
from backtest.features import feature
from backtest.reports import read
from backtest.reports.sections.method import data_card, method
from backtest.walk.config_file import build
from backtest.walk.plan import WalkPlan
from tests.support.small_run import small, walk

KIND = "log_variance.realised_variance"


@pytest.fixture(autouse=True)
def _own_tables(open_tables: None) -> None:
    """Features of these tests are forgotten afterwards."""


def plan(**settings: Any) -> WalkPlan:
    """A walk over days made of hours."""
    tables = {
        "models": ["har", "ridge"],
        "data": {"source": "synthetic:n=14000", "interval": "1d"},
        "target": {"kind": "log_variance", "from": "1h"},
        "folds": {"first_train": 250, "validation": 60, "test": 90},
        "net": {"window": 30},
    }
    features = settings.pop(
        "features", ["log_variance_5", {"name": "log_mean", "window": 1, "column": "realised_variance"}]
    )
    return small(**{**tables, "features": features, **settings})


def test_outcomes_are_realised_variances_of_the_next_days() -> None:
    made = plan(target={"kind": "log_variance", "from": "1h", "horizon": 2})
    table = made.features.select("bar_variance", "bar_quarticity", y=f"y_{KIND}_2")
    realised = made.dataset.bars["realised_variance"]
    assert table["bar_variance"].equals(realised, check_names=False)
    assert table["y"][100] == pytest.approx(realised[101] + realised[102], rel=1e-12)
    assert made.rows.variances is not None


def test_days_of_too_few_hours_leave_no_windows_unless_less_is_enough(tmp_path: Path) -> None:
    hours = load_bars("synthetic:n=14000")
    outage = (pl.int_range(pl.len()) // 24 % 29 == 0) & (pl.int_range(pl.len()) % 24 < 10)
    hours.filter(~outage).write_parquet(tmp_path / "hours.parquet")
    data = {"source": str(tmp_path / "hours.parquet"), "interval": "1d"}
    said = r"fold 0: its training span holds no whole window of 30 .* the feature log_[\w.]+ is null in \d+ of 250 rows"
    with pytest.raises(ConfigError, match=said):
        plan(data=data)
    made = plan(data=data, target={"kind": "log_variance", "from": "1h", "coverage": 0.5})
    assert made.rows.variances is not None
    assert np.isfinite(made.rows.variances).all()
    assert made.config.digest != plan().config.digest
    assert "coverage" not in plan().config.to_toml()


def test_a_target_from_finer_bars_brings_its_features() -> None:
    config = build({"target": {"kind": "log_variance", "from": "5m"}, "data": {"interval": "1d"}}, where="here")
    assert config.target.kind == KIND
    assert [one["window"] for one in config.features if isinstance(one, dict)] == [1, 5, 22]
    assert build({"target": {"kind": KIND, "from": "5m"}, "data": {"interval": "1d"}}, where="x") == config
    assert 'from = "5m"' in config.to_toml()


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"target": {"kind": "log_variance", "from": "1h"}}, "target.from: must come with data.interval"),
        ({"target": {"from": "1h"}, "data": {"interval": "1d"}}, "must be left out for log_return"),
        ({"target": {"kind": "log_variance", "from": "x"}}, "target.from: must be a length of time, such as 5m"),
        ({"target": {"overnight": False}}, "target.overnight: must come with target.from"),
        (
            {"target": {"coverage": 0.5}},
            r"target.coverage: must come with target.from, whose bars it is about \(got 0.5",
        ),
        ({"target": {"coverage": 0.0}}, "target.coverage: expected a number above 0"),
        ({"target": {"kind": "log_variance."}}, "target.kind: must be one of log_return, .*log_variance.NAME, where"),
    ],
)
def test_settings_that_lack_what_they_need_are_refused(tree: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(tree, where="here")


def test_the_ledger_counts_every_measure_of_the_same_bars(tmp_path: Path) -> None:
    for number, overnight in enumerate((True, False)):
        target = {"kind": "log_variance", "from": "1h", "overnight": overnight}
        made = plan(models=["har"], target=target, name=f"run{number}")
        tried = walk(tmp_path / f"run{number}", plan=made).verdict.configurations
        assert tried == number + 1
    cards = [read_manifest(tmp_path / f"run{number}")["data"] for number in (0, 1)]
    assert cards[0]["bars_sha256"] == cards[1]["bars_sha256"]


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=f"target.kind: {KIND} needs realised_variance, which these bars lack"):
        small(models=["har"], target={"kind": KIND}, features=["log_return"], net={"window": 24})


def test_the_report_names_the_proxy_and_the_returns_behind_it(tmp_path: Path) -> None:
    walk(tmp_path / "run", plan=plan())
    result = read(tmp_path / "run")
    assert result.manifest.data.finer is not None
    assert result.manifest.data.finer.median_returns == 24
    card, how = repr(data_card(result)), repr(method(result))
    assert re.search(r"24 returns of 1.{1,6}h behind the median value, at least 24; every bar has enough", card)
    assert "Its realised variance is the proxy for the variance of a bar" in how
    assert "its standard error is about 29" in how
    assert "Patton, 2011" in how


@pytest.mark.slow
def test_an_audit_passes_and_finds_a_feature_that_reads_the_next_variance() -> None:
    found = audit_walk(AuditedWalk.of(plan()), "full")
    assert found.leaks == ()

    @feature(lookback=0)
    def tomorrow() -> pl.Expr:
        """The variance of the next day."""
        return pl.col("realised_variance").shift(-1)

    leaky = audit_walk(AuditedWalk.of(plan(features=["tomorrow"])), "quick")
    assert {(one.code, one.subject.name) for one in leaky.leaks} == {("reads_later_bars", "tomorrow")}


@pytest.mark.parametrize(
    ("settings", "lags"),
    [({}, (1, 7, 30)), ({"data": {"source": "sp500"}, "target": {"kind": "log_variance_parkinson"}}, (1, 5, 22))],
)
def test_the_lags_of_har_follow_the_calendar(settings: dict[str, Any], lags: tuple[int, ...]) -> None:
    assert plan(**{"features": ["log_variance_5"], **settings}).config.net.har_lags == lags


def test_a_window_that_cannot_hold_the_longest_lag_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"net\.window: must be at least 30, the longest lag of HAR \(got 24\)"):
        plan(net={"window": 24})
    assert plan(net={"window": 24, "har_lags": [1, 7]}).config.net.har_lags == (1, 7)
