"""Giacomini-White agrees with R and Octave in any unit of the losses, and refuses what has no covariance."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError, DataError, NotFinite, UndefinedTest, UnpairedForecasts
from backtest.significance.mean_tests import mean_test
from backtest.significance.stability import giacomini_white
from tests.support.places import SHARED, needs_shared, shared
from tests.support.strategies import Pair, losses, paired_losses

CASES: list[dict[str, Any]] = (
    json.loads(shared("reference", "gw", "expected.json").read_text())["cases"] if SHARED else []
)


@needs_shared
@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e-200, 1e150])
def test_statistic_and_p_value_agree_with_r_in_any_unit(unit: float) -> None:
    for case in CASES:
        model, baseline = pl.read_csv(shared("reference", "gw", case["input"])).to_numpy().T * unit
        tau, conditional = case["tau"], case["kind"] == "conditional"
        result = giacomini_white(model, baseline, horizon=tau, conditional=conditional, lags=tau - 1)
        assert result.statistic == pytest.approx(case["statistic"], rel=1e-9, abs=0)
        assert result.p_value == pytest.approx(case["p_value"], abs=1e-9, rel=0)
        assert (result.n, result.lags, result.alternative) == (case["T"], case["tau"] - 1, "two-sided")


@needs_shared
def test_all_golden_cases_are_compared() -> None:
    assert len(CASES) == 96


@given(losses(12, 100), st.integers(1, 4))
def test_the_conditional_statistic_is_the_quadratic_form_of_its_definition(pair: Pair, h: int) -> None:
    model, baseline = pair
    d = (model - baseline) * 1e5
    z = np.column_stack([d[h:], d[h:] * d[:-h]])
    centred = z if h == 1 else z - z.mean(axis=0)
    covariance = centred.T @ centred
    for k in range(1, h):
        product = centred[k:].T @ centred[:-k]
        covariance += (1 - k / h) * (product + product.T)
    expected = z.sum(axis=0) @ np.linalg.solve(covariance, z.sum(axis=0))
    assert giacomini_white(model, baseline, horizon=h, lags=h - 1).statistic == pytest.approx(expected, rel=1e-6)


@given(losses(3, 100))
def test_one_step_ahead_without_the_condition_it_is_the_t_test_with_the_variance_under_the_null(pair: Pair) -> None:
    (model, baseline), n = pair, pair[0].size
    t = mean_test(model - baseline, estimator="bartlett", small_sample=False).statistic
    result = giacomini_white(model, baseline, conditional=False)
    assert result.statistic == pytest.approx(n * t**2 / (n + t**2), rel=1e-9)


@given(losses(30, 80), st.integers(1, 5), st.booleans(), st.integers(-60, 60))
def test_neither_the_unit_nor_the_order_of_the_two_matters(
    pair: Pair, horizon: int, conditional: bool, exponent: int
) -> None:
    model, baseline = pair
    ours = giacomini_white(model, baseline, horizon=horizon, conditional=conditional)
    scaled, swapped = model * 2.0**exponent, baseline * 2.0**exponent
    assert giacomini_white(scaled, swapped, horizon=horizon, conditional=conditional) == ours
    other = giacomini_white(baseline, model, horizon=horizon, conditional=conditional)
    assert other.statistic == pytest.approx(ours.statistic, rel=1e-9)


@given(losses(30, 30), st.permutations(range(30)))
def test_without_condition_and_overlap_the_order_of_the_rows_does_not_matter(pair: Pair, order: list[int]) -> None:
    model, baseline = pair
    ours = giacomini_white(model, baseline, conditional=False)
    moved = giacomini_white(model[order], baseline[order], conditional=False)
    assert moved.statistic == pytest.approx(ours.statistic, rel=1e-9)


def test_it_finds_turns_that_the_mean_difference_hides() -> None:
    d = np.tile([1.0, -1.0], 100) + np.random.default_rng(1).standard_normal(200)
    assert giacomini_white(d, np.zeros(200), conditional=False).p_value > 0.2
    assert giacomini_white(d, np.zeros(200)).p_value < 1e-6


def test_its_size_is_right_one_step_ahead_and_where_forecasts_overlap_but_for_bartletts_lags() -> None:
    rng, rejected = np.random.default_rng(7), np.zeros(3)
    for _ in range(600):
        errors = rng.standard_normal((2, 200 + 11))
        model, baseline = (np.convolve(row, np.ones(12), "valid") ** 2 for row in errors)
        results = (
            giacomini_white(errors[0] ** 2, errors[1] ** 2),
            giacomini_white(model, baseline, horizon=12),
            giacomini_white(model, baseline, horizon=12, lags=11),
        )
        rejected += [result.p_value <= 0.05 for result in results]
    assert rejected[0] / 600 == pytest.approx(0.05, abs=0.03)
    assert rejected[1] / 600 == pytest.approx(0.05, abs=0.03)
    assert rejected[2] > 1.5 * rejected[1]


def test_losses_may_be_lists_arrays_or_series() -> None:
    model, baseline = paired_losses(5, 40)
    assert len({giacomini_white(a(model), a(baseline)) for a in (np.asarray, list, pl.Series)}) == 1


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_refused(bad: float | None) -> None:
    with pytest.raises(NotFinite, match=r"loss_model: must be finite .* at position 1; 1 of 4"):
        giacomini_white(pl.Series([0.1, bad, 0.2, 0.3]), [0.2] * 4)


@pytest.mark.parametrize(
    ("model", "baseline", "error", "message"),
    [
        ([1.0, 2.0], [1.0], UnpairedForecasts, r"one length \(got loss_model \(2,\) and loss_baseline \(1,\)\)"),
        ([], [], UndefinedTest, r"more than 3 loss differences are needed at h = 1 \(got 0\)"),
        ([1.0, 2.0, 4.0], [0.0] * 3, UndefinedTest, r"more than 3 loss differences are needed at h = 1 \(got 3\)"),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], UndefinedTest, "all 4 loss differences are zero"),
        ([0.1 + 0.2, 0.3, 0.3, 0.3], [0.1] * 4, UndefinedTest, "variance of the loss differences is zero, all 4 are"),
        ([3.0, 2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0], UndefinedTest, "is singular: test without the cond"),
        ([1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0], UndefinedTest, "is singular: test without the cond"),
    ],
)
def test_invalid_samples_are_refused(
    model: list[float], baseline: list[float], error: type[DataError], message: str
) -> None:
    with pytest.raises(error, match=message):
        giacomini_white(model, baseline)


def test_a_constant_product_is_undefined() -> None:
    alternating = np.tile([1.0, -1.0], 50)
    with pytest.raises(UndefinedTest, match=r"expected series that vary \(got a constant\)"):
        giacomini_white(alternating, np.zeros(100), horizon=2)


def test_samples_no_longer_than_their_horizon_are_refused() -> None:
    with pytest.raises(UndefinedTest, match=r"more than 48 loss differences are needed at h = 24 \(got 48\)"):
        giacomini_white(*paired_losses(1, 48), horizon=24)
    with pytest.raises(UndefinedTest, match=r"more than 24 loss differences are needed at h = 24 \(got 24\)"):
        giacomini_white(*paired_losses(1, 24), horizon=24, conditional=False)
    assert giacomini_white(*paired_losses(1, 49), horizon=24).n == 25
    with pytest.raises(ConfigError, match=r"horizon: must be at least 1, a whole number of steps \(got 0\)"):
        giacomini_white(*paired_losses(1, 24), horizon=0)
