"""Mincer-Zarnowitz agrees with R in any unit, loses no digits, and counts what rows of one time share."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.special import digamma
from scipy.stats import f as f_distribution
from statsmodels.regression.linear_model import OLS

from backtest.data.errors import ConfigError, DataError, NotFinite, UndefinedTest, UnpairedForecasts
from backtest.significance.rationality import mincer_zarnowitz, mincer_zarnowitz_logs
from backtest.significance.result import FloatArray
from tests.support.places import SHARED, needs_shared, shared
from tests.support.selection import examples

CASES: list[dict[str, Any]] = [
    case
    for case in (json.loads(shared("reference", "mz", "expected.json").read_text())["cases"] if SHARED else [])
    if "cov" not in case  # those are of plain least squares
]
seeds = st.integers(0, 2**32 - 1)


def regression(seed: int, n: int, slope: float = 0.8) -> tuple[FloatArray, FloatArray]:
    """Outcomes and forecasts with autocorrelated errors that grow with the forecast."""
    rng = np.random.default_rng(seed)
    y_hat, noise = rng.standard_normal(n), rng.standard_normal(n + 1)
    return 0.1 + slope * y_hat + (1 + 0.5 * abs(y_hat)) * (noise[1:] + 0.5 * noise[:-1]), y_hat


@needs_shared
@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e-200, 1e150])
def test_statistic_p_value_and_coefficients_agree_with_r_in_any_unit(unit: float) -> None:
    for case in CASES:
        table = pl.read_csv(shared("reference", "mz", case["input"]))
        result = mincer_zarnowitz(table["y"].to_numpy() * unit, table["yhat"].to_numpy() * unit, lags=case["lag"])
        assert result.statistic == pytest.approx(case["wald_chi2"], rel=1e-9, abs=0)
        assert result.p_value == pytest.approx(case["p_chi2"], abs=1e-9, rel=0)
        assert (result.n, result.lags, result.alternative) == (case["n"], case["lag"], "two-sided")
        assert result.note == f"intercept {case['a'] * unit:.6g}, slope {case['b']:.6g}"
        assert result.statistic / 2 == pytest.approx(case["F"], rel=1e-9)
        assert f_distribution.sf(result.statistic / 2, 2, case["n"] - 2) == pytest.approx(case["p_F"], abs=1e-9)


@needs_shared
def test_all_golden_cases_are_compared() -> None:
    assert len(CASES) == 44


@given(seeds, st.integers(30, 200), st.integers(1, 6))
@examples(40)
def test_it_is_the_wald_test_of_statsmodels_with_forecasts_as_they_are(seed: int, n: int, horizon: int) -> None:
    y, y_hat = regression(seed, n)
    settings = {"maxlags": horizon - 1, "use_correction": False}
    fitted = OLS(y, np.column_stack([np.ones(n), y_hat])).fit(cov_type="HAC", cov_kwds=settings)
    expected = fitted.wald_test((np.eye(2), np.array([0, 1])), use_f=False, scalar=True)
    result = mincer_zarnowitz(y, y_hat, lags=horizon - 1)
    assert result.statistic == pytest.approx(expected.statistic, rel=1e-8)
    assert result.p_value == pytest.approx(expected.pvalue, abs=1e-9)
    assert result.lags == horizon - 1


@given(seeds, st.integers(-60, 60), st.integers(1, 4), st.floats(-100, 100))
@examples(40)
def test_neither_the_unit_nor_a_level_that_both_share_matters(
    seed: int, exponent: int, horizon: int, level: float
) -> None:
    y, y_hat = regression(seed, 50)
    ours, unit = mincer_zarnowitz(y, y_hat, horizon=horizon), 2.0**exponent
    assert mincer_zarnowitz(y * unit, y_hat * unit, horizon=horizon).statistic == ours.statistic
    raised = mincer_zarnowitz(y + level, y_hat + level, horizon=horizon)
    assert raised.statistic == pytest.approx(ours.statistic, rel=1e-7)


@pytest.mark.parametrize("size", [1e-12, 1e-6, 1.0, 1e6])
def test_forecasts_far_smaller_or_larger_than_the_outcomes_lose_no_digits(size: float) -> None:
    y, y_hat = regression(1, 80)
    forecasts = y_hat * size + size / 3
    x, target = forecasts.astype(np.longdouble), y.astype(np.longdouble)
    centred = x - x.mean()
    slope = (centred * target).sum() / (centred**2).sum()
    residual = target - target.mean() - slope * centred
    gap = np.array([target.mean() - x.mean(), (slope - 1)])  # at the mean forecast, so that the two are orthogonal
    scores = np.array([residual / 80, centred * residual / (centred**2).sum()])
    one, both, other = (scores[0] ** 2).sum(), (scores[0] * scores[1]).sum(), (scores[1] ** 2).sum()
    expected = (gap[0] ** 2 * other - 2 * gap[0] * gap[1] * both + gap[1] ** 2 * one) / (one * other - both**2)
    assert mincer_zarnowitz(y, forecasts).statistic == pytest.approx(float(expected), rel=1e-11)


@given(seeds, st.permutations(range(40)))
@examples(30)
def test_without_lags_the_order_of_the_rows_does_not_matter(seed: int, order: list[int]) -> None:
    y, y_hat = regression(seed, 40)
    assert mincer_zarnowitz(y[order], y_hat[order]).statistic == pytest.approx(
        mincer_zarnowitz(y, y_hat).statistic, rel=1e-9
    )


@given(seeds, st.integers(1, 4), st.permutations(range(80)))
@examples(30)
def test_a_duplicated_symbol_adds_no_evidence_in_any_order_of_rows(seed: int, horizon: int, order: list[int]) -> None:
    y, y_hat = regression(seed, 40)
    once = mincer_zarnowitz(y, y_hat, horizon=horizon)
    times = np.tile(np.arange(40) * 3600, 2)[order]
    twice = mincer_zarnowitz(np.tile(y, 2)[order], np.tile(y_hat, 2)[order], horizon=horizon, times=times)
    assert twice.statistic == pytest.approx(once.statistic, rel=1e-9)
    assert (twice.n, twice.lags, twice.note) == (40, once.lags, once.note)


def test_calibrated_forecasts_pass_and_forecasts_too_large_have_a_slope_below_one() -> None:
    y, y_hat = regression(2, 2_000, slope=1.0)
    y -= 0.1
    right, large = mincer_zarnowitz(y, y_hat), mincer_zarnowitz(y, 2 * y_hat)
    assert right.p_value > 0.05
    assert large.p_value < 1e-9
    assert float(large.note.rpartition(" ")[2]) == pytest.approx(0.5, abs=0.05)


def test_its_size_is_right_where_forecasts_overlap_but_for_bartletts_lags() -> None:
    rng, rejected = np.random.default_rng(7), np.zeros(2)
    assert mincer_zarnowitz(*regression(3, 100), horizon=6).note.startswith("intercept ")
    for _ in range(400):
        y_hat = lfilter([0.3], [1, -0.95], rng.standard_normal(250))[-200:]
        y = y_hat + np.convolve(rng.standard_normal(211), np.ones(12), "valid")
        results = mincer_zarnowitz(y, y_hat, horizon=12), mincer_zarnowitz(y, y_hat, horizon=12, lags=11)
        rejected += [result.p_value <= 0.05 for result in results]
    assert rejected[0] / 400 == pytest.approx(0.05, abs=0.03)
    assert rejected[1] / 400 > 0.15


def test_the_result_does_not_depend_on_the_type_of_container() -> None:
    y, y_hat = regression(4, 40)
    assert len({mincer_zarnowitz(a(y), a(y_hat)) for a in (np.asarray, list, pl.Series)}) == 1


@pytest.mark.parametrize(
    ("y", "y_hat", "error", "message"),
    [
        ([1.0, 2.0], [1.0], UnpairedForecasts, r"got y \(2,\) and y_hat \(1,\)"),
        ([1.0, None, 2.0], [1.0, 2.0, 3.0], NotFinite, "y: must be finite .* at position 1"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, float("inf")], NotFinite, "y_hat: must be finite .* at position 2"),
        ([], [], UndefinedTest, r"more than 2 times are needed with 0 lags \(got 0\)"),
        ([1.0, 2.0], [2.0, 1.0], UndefinedTest, r"more than 2 times are needed with 0 lags \(got 2\)"),
        ([1.0, 2.0, 4.0], [0.0, 0.0, 0.0], UndefinedTest, "undefined, the forecasts are constant"),
        ([1.0, 2.0, 4.0], [0.1 + 0.2, 0.3, 0.3], UndefinedTest, "undefined, the forecasts are constant"),
        ([1.0, 2.0, 4.0], [1.0, 2.0, 4.0], UndefinedTest, "undefined, the forecasts fit the outcomes without resid"),
        ([0.0, 0.0, 0.0], [1.0, 2.0, 4.0], UndefinedTest, "undefined, the forecasts fit the outcomes without resid"),
        ([1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], UndefinedTest, "covariance of intercept and slope is singular"),
    ],
)
def test_invalid_samples_are_refused(y: list[float], y_hat: list[float], error: type[DataError], message: str) -> None:
    with pytest.raises(error, match=message):
        mincer_zarnowitz(y, y_hat)


def test_settings_that_cannot_be_are_refused() -> None:
    y, y_hat = regression(5, 30)
    with pytest.raises(ConfigError, match=r"horizon: must be at least 1, a whole number of steps \(got 0\)"):
        mincer_zarnowitz(y, y_hat, horizon=0)
    with pytest.raises(ConfigError, match=r"lags: must be at least 0 \(got -1\)"):
        mincer_zarnowitz(y, y_hat, lags=-1)
    with pytest.raises(UndefinedTest, match=r"more than 30 times are needed with 30 lags \(got 30\)"):
        mincer_zarnowitz(y, y_hat, horizon=31)
    with pytest.raises(UnpairedForecasts, match=r"times: one for each of 30 rows is needed \(got shape \(29,\)\)"):
        mincer_zarnowitz(y, y_hat, times=range(29))


def variances(seed: int, n: int, slope: float = 1.0) -> tuple[FloatArray, FloatArray]:
    """Realised variances of 20 returns a bar, and forecasts that are right, or move 1 / slope times as much in logs."""
    rng = np.random.default_rng(seed)
    logs = np.zeros(n)
    for step in range(1, n):
        logs[step] = 0.9 * logs[step - 1] + 0.4 * rng.standard_normal()
    return np.exp(logs) * rng.chisquare(20, n) / 20 * 1e-4, np.exp(logs / slope) * 1e-4


@given(seeds, st.integers(30, 200), st.integers(1, 6))
@examples(20)
def test_on_logs_it_is_the_wald_test_of_the_slope_by_statsmodels(seed: int, n: int, horizon: int) -> None:
    y, y_hat = variances(seed, n)
    settings = {"maxlags": horizon - 1, "use_correction": False}
    fitted = OLS(np.log(y), np.column_stack([np.ones(n), np.log(y_hat)])).fit(cov_type="HAC", cov_kwds=settings)
    expected = fitted.wald_test((np.array([[0, 1]]), np.array([1])), use_f=False, scalar=True)
    result = mincer_zarnowitz_logs(y, y_hat, lags=horizon - 1)
    assert result.statistic == pytest.approx(expected.statistic, rel=1e-7)
    assert result.p_value == pytest.approx(expected.pvalue, abs=1e-9)
    assert result.note == f"intercept {fitted.params[0]:.6g}, slope {fitted.params[1]:.6g}"
    assert (result.test, result.n, result.lags) == ("mincer_zarnowitz_logs", n, horizon - 1)


@pytest.mark.parametrize("horizon", [1, 5])
def test_on_logs_right_forecasts_of_variances_pass_and_others_do_not(horizon: int) -> None:
    """The intercept of the right forecast is E log u = digamma(10) - log(10) = -0.051, and is no reason to reject."""
    kernel = np.ones(horizon)
    rejected: list[bool] = []
    found: list[bool] = []
    for seed in range(100):
        for slope, claims in ((1.0, rejected), (0.8, found)):
            y, y_hat = (np.convolve(each, kernel, "valid") for each in variances(seed, 300, slope))
            claims.append(mincer_zarnowitz_logs(y, y_hat, horizon=horizon).p_value <= 0.05)
    assert np.mean(rejected) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)
    assert np.mean(found) > 0.9


def test_on_logs_a_right_forecast_has_an_intercept_below_zero_and_none_without_logarithm_is_taken() -> None:
    y, y_hat = variances(1, 5000)
    intercept = float(OLS(np.log(y) - np.log(y_hat), np.ones(5000)).fit().params[0])
    assert intercept == pytest.approx(digamma(10) - np.log(10), abs=0.015)
    assert mincer_zarnowitz(np.log(y), np.log(y_hat)).p_value < 1e-6
    with pytest.raises(
        UndefinedTest, match=r"mincer_zarnowitz_logs: undefined, 2 of 5000 outcomes or forecasts are not"
    ):
        mincer_zarnowitz_logs(np.where(np.arange(5000) < 2, 0.0, y), y_hat)
    with pytest.raises(UndefinedTest, match="mincer_zarnowitz_logs: undefined, the forecasts are constant"):
        mincer_zarnowitz_logs(y, np.ones(5000))
