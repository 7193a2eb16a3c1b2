"""Sharpe statistics agree with R and with the published examples, and with none of the usual mistakes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError, NotFinite, UndefinedTest
from backtest.significance.sharpe_ratio import (
    Sharpe,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe,
)
from tests.support.places import needs_shared, shared

PAPER = Sharpe(ratio=2.5 / 250**0.5, skewness=-3, kurtosis=10, n=1250)
"""The strategy of the deflated Sharpe ratio's paper: 2.5 a year over five years of 250 days."""
VARIANCE = 0.5 / 250
"""Of the daily ratios of its trials."""

RATIOS = st.builds(Sharpe, st.floats(-0.3, 0.3), st.floats(-1, 1), st.floats(3, 9), st.integers(10, 5000))


def golden(block: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads(shared("reference", "sharpe", "expected.json").read_text())[block]
    return cases


@needs_shared
def test_statistics_agree_with_r() -> None:
    cases = golden("cases")
    assert len(cases) == 9
    for case in cases:
        found = sharpe(pl.read_csv(shared("reference", "sharpe", case["input"]))["ret"])
        moments = [case[name] for name in ("sr_per_period", "skew_biased", "kurtosis_nonexcess_biased", "n")]
        assert [found.ratio, found.skewness, found.kurtosis, found.n] == pytest.approx(moments, rel=1e-9)
        assert probabilistic_sharpe(found) == pytest.approx(case["psr_0"], abs=1e-9)
        assert probabilistic_sharpe(found, 0.05) == pytest.approx(case["psr_bench_0.05"], abs=1e-9)
        assert expected_maximum_sharpe(20, 0.001) == pytest.approx(case["dsr_N20_v0.001_sr0"], abs=1e-9)
        assert deflated_sharpe(found, 20, 0.001) == pytest.approx(case["dsr_N20_v0.001"], abs=1e-9)
        periods = pytest.approx(case["mintrl_0_95pct"], rel=1e-9) if found.ratio > 0 else None
        assert minimum_track_record(found) == periods


@needs_shared
def test_published_deflated_ratios_are_met_to_their_digits() -> None:
    cases = [case for case in golden("published") if case["name"] == "DSR paper (2014)"]
    assert len(cases) == 3
    for case in cases:
        ratio = Sharpe(case["sr_annual"] / case["periods"] ** 0.5, case["skew"], case["kurt"], case["T"])
        variance = case["var_sr_annual"] / case["periods"]
        assert expected_maximum_sharpe(case["N"], variance) == pytest.approx(case["sr0_per_period"], rel=1e-9)
        assert deflated_sharpe(ratio, case["N"], variance) == pytest.approx(case["value"], abs=1e-9)
        assert round(deflated_sharpe(ratio, case["N"], variance), 4) == case["published"]


@needs_shared
def test_published_track_records_and_probabilities_are_met_to_their_digits() -> None:
    records = [case for case in golden("published") if case["name"].startswith("MinTRL")]
    assert len(records) == 4
    for case in records:
        scale = case["periods"] ** 0.5
        periods = minimum_track_record(Sharpe(2 / scale, case["skew"], case["kurt"], 0), 1 / scale)
        assert periods is not None
        assert periods / case["periods"] == pytest.approx(case["value_years"], rel=1e-9)
        assert round(periods / case["periods"], 2) == case["published"]
    probabilities = [case for case in golden("published") if case["name"].startswith("PSR paper")]
    assert len(probabilities) == 2
    for case in probabilities:
        found = probabilistic_sharpe(Sharpe(0.458, case["skew"], case["kurt"], 24))
        assert found == pytest.approx(case["value"], abs=1e-9)
        assert round(found, 3) == case["published"]


@needs_shared
def test_common_errors_of_implementation_give_other_values() -> None:
    mistakes = [case for case in golden("published") if case["name"].startswith(("MISTAKE", "jsharpe"))]
    assert len(mistakes) == 5
    found = deflated_sharpe(PAPER, 100, VARIANCE)
    for case in mistakes:
        assert abs(found - case["value"]) > 5e-5, case["name"]


def test_the_paper_without_the_golden_values() -> None:
    assert round(deflated_sharpe(PAPER, 100, VARIANCE), 4) == 0.9004


@given(RATIOS, st.floats(0.51, 0.99))
def test_the_minimum_track_record_is_the_shortest_sufficient_one(ratio: Sharpe, level: float) -> None:
    periods = minimum_track_record(ratio, level=level)
    if periods is None:
        assert ratio.ratio <= 1e-15
    elif periods < 1e6:
        whole = Sharpe(ratio.ratio, ratio.skewness, ratio.kurtosis, int(np.ceil(periods)) + 1)
        assert probabilistic_sharpe(whole) >= level
        short = int(periods) - 1
        assert short < 1 or probabilistic_sharpe(Sharpe(ratio.ratio, ratio.skewness, ratio.kurtosis, short)) <= level


@given(RATIOS, st.integers(1, 1000))
def test_more_trials_deflate_more_and_one_not_at_all(ratio: Sharpe, trials: int) -> None:
    assert (
        deflated_sharpe(ratio, trials + 1, VARIANCE)
        <= deflated_sharpe(ratio, trials, VARIANCE)
        <= probabilistic_sharpe(ratio)
    )
    assert deflated_sharpe(ratio, 1, VARIANCE) == probabilistic_sharpe(ratio)


def test_the_expected_maximum_matches_simulated_trials_without_skill() -> None:
    best = np.random.default_rng(0).normal(scale=0.1, size=(4000, 50)).max(axis=1)
    assert expected_maximum_sharpe(50, 0.01) == pytest.approx(best.mean(), rel=0.02)


@given(st.integers(0, 100), st.floats(1e-8, 1e3))
def test_the_unit_of_the_returns_does_not_matter(seed: int, unit: float) -> None:
    returns = np.random.default_rng(seed).standard_t(4, size=50) + 0.1
    found, scaled = sharpe(returns), sharpe(returns * unit)
    expected = [found.ratio, found.skewness, found.kurtosis]
    assert [scaled.ratio, scaled.skewness, scaled.kurtosis] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("returns", [[0.0] * 5, [0.1] * 7, [0.1, 0.1 + 1e-17, 0.3 - 0.2]])
def test_returns_that_do_not_vary_have_no_ratio(returns: list[float]) -> None:
    with pytest.raises(UndefinedTest, match=f"returns: all {len(returns)} are equal"):
        sharpe(returns)


def test_refused_returns_are_named() -> None:
    for returns in ([], [0.1], [0.1, 0.2]):
        with pytest.raises(UndefinedTest, match=rf"at least 3 are needed \(got {len(returns)}\)"):
            sharpe(returns)
    for bad in (np.nan, np.inf):
        with pytest.raises(NotFinite, match="returns: must be finite"):
            sharpe([0.1, bad, 0.2, 0.3])
    with pytest.raises(NotFinite, match="returns: must be finite"):
        sharpe(pl.Series([0.1, None, 0.2, 0.3]))


def test_moments_that_leave_no_variance_are_undefined() -> None:
    impossible = Sharpe(ratio=1.0, skewness=2.0, kurtosis=5.0, n=50)
    for statistic in (probabilistic_sharpe, minimum_track_record):
        with pytest.raises(UndefinedTest, match="its variance must be positive"):
            statistic(impossible)


def test_invalid_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"trials: must be at least 1 \(got 0\)"):
        deflated_sharpe(PAPER, 0, VARIANCE)
    for variance in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="variance: must be zero or positive"):
            expected_maximum_sharpe(2, variance)
    for level in (0.5, 1.0, float("nan")):
        with pytest.raises(ConfigError, match=r"level: must lie between 0\.5 and 1"):
            minimum_track_record(PAPER, level=level)
    with pytest.raises(ConfigError, match="benchmark: must be a finite Sharpe ratio"):
        probabilistic_sharpe(PAPER, float("nan"))
