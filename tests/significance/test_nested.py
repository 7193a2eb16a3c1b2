"""Clark-West and encompassing agree with R, with each other, and are right where plain Diebold-Mariano is not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS

from backtest.data.errors import NotFinite, UndefinedTest, UnpairedForecasts
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.nested import clark_west, encompassing
from backtest.significance.result import FloatArray
from tests.support.places import SHARED, needs_shared, shared

CASES: list[dict[str, Any]] = (
    json.loads(shared("reference", "cw", "expected.json").read_text())["cases"] if SHARED else []
)


def forecasts(seed: int, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Outcomes, forecasts that know a little, and another baseline's, of the size of hourly returns."""
    y, noise, other = np.random.default_rng(seed).standard_normal((3, n)) * 0.01
    return y, 0.05 * y + 0.1 * noise, 0.05 * other


@needs_shared
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["input"]))
def test_clark_west_agrees_with_r(case: dict[str, Any]) -> None:
    table = pl.read_csv(shared("reference", "cw", case["input"]))
    columns = (table[name].to_numpy() for name in ("y", "f2", "f1"))
    result = clark_west(*columns, horizon=case["h"], estimator="bartlett")
    assert -result.statistic == pytest.approx(case["t_hac"], rel=1e-9)
    assert result.p_value == pytest.approx(case["p_one_sided_normal_hac"], abs=1e-9)
    assert (result.n, result.lags, result.alternative) == (case["n"], case["hac_lag"], "less")
    if case["h"] == 1:  # the other convention of the paper: standard deviation with divisor n - 1
        assert -result.statistic * np.sqrt(1 - 1 / case["n"]) == pytest.approx(case["t_ols"], rel=1e-9)


@needs_shared
def test_all_golden_cases_are_compared() -> None:
    assert len(CASES) == 24


@given(st.integers(0, 2**32 - 1), st.integers(20, 200), st.integers(1, 6))
def test_encompassing_is_statsmodels_hac_of_the_papers_series(seed: int, n: int, h: int) -> None:
    y, model, baseline = forecasts(seed, n)
    series = (y - baseline) * (baseline - model)  # e_0 (e - e_0)
    fitted = OLS(series, np.ones(n)).fit(cov_type="HAC", cov_kwds={"maxlags": h - 1})
    factor = np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    result = encompassing(y, model, baseline, horizon=h, estimator="bartlett")
    assert result.statistic == pytest.approx(fitted.tvalues[0] * factor, rel=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(20, 200), st.integers(1, 6))
def test_both_tests_read_the_same_series(seed: int, n: int, horizon: int) -> None:
    sample = forecasts(seed, n)
    one, other = clark_west(*sample, horizon=horizon), encompassing(*sample, horizon=horizon)
    assert (one.statistic, one.p_value) == pytest.approx((other.statistic, other.p_value), rel=1e-9)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100))
def test_against_zero_the_size_of_the_forecasts_does_not_matter(seed: int, factor: float) -> None:
    y, model, _ = forecasts(seed, 100)
    one, other = (clark_west(y, scale * model, np.zeros(100)) for scale in (1.0, factor))
    assert other.statistic == pytest.approx(one.statistic, rel=1e-6)


def test_the_best_weight_in_a_mix_is_the_regression_coefficient() -> None:
    y, model, baseline = forecasts(3, 500)
    slope = OLS(y - baseline, model - baseline).fit().params[0]
    assert encompassing(y, model, baseline).note == f"the best mix gives the model a weight of {slope:.2f}"


def test_noise_on_top_of_the_truth_is_found_by_clark_west_and_missed_by_diebold_mariano() -> None:
    found = {"clark_west": 0, "diebold_mariano": 0}
    for seed in range(200):
        y, known, noise = np.random.default_rng(seed).standard_normal((3, 500))
        y = y + 0.15 * known
        model = 0.15 * known + 0.15 * noise  # as much noise as truth: no gain in squared error
        found["clark_west"] += clark_west(y, model, np.zeros(500)).p_value < 0.05
        losses = (y - model) ** 2, y**2
        found["diebold_mariano"] += diebold_mariano(*losses, alternative="less").p_value < 0.05
    assert found["clark_west"] > 120
    assert found["diebold_mariano"] < 20


def test_rows_of_one_time_count_as_one() -> None:
    y, model, baseline = forecasts(1, 90)
    times = np.repeat(np.arange(30), 3)
    doubled = [np.tile(values.reshape(30, 3), 2).ravel() for values in (y, model, baseline)]
    for test in (clark_west, encompassing):
        once = test(y, model, baseline, times=times)
        twice = test(*doubled, times=np.repeat(np.arange(30), 6))
        assert (once.n, twice.n) == (30, 30)
        assert twice.statistic == pytest.approx(once.statistic, rel=1e-9)


@pytest.mark.parametrize("test", [clark_west, encompassing])
def test_invalid_samples_are_refused(test: Any) -> None:
    y, model, baseline = forecasts(1, 30)
    with pytest.raises(UnpairedForecasts, match=r"one length \(got y \(30,\) and y_model \(29,\)"):
        test(y, model[1:], baseline)
    with pytest.raises(NotFinite, match="y_model: must be finite"):
        test(y, np.where(y > 0, model, np.nan), baseline)
    with pytest.raises(UndefinedTest, match="model and baseline are the same in all 30 rows"):
        test(y, model, model)
    with pytest.raises(UndefinedTest, match="more than the horizon, 30, are needed"):
        test(y, model, baseline, horizon=30)
    with pytest.raises(UndefinedTest, match="all 30 are zero"):
        test(0 * y, model, 0 * y)
