"""The test of several means is Hotelling's on cosine transforms, keeps its size, and finds what is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from backtest.data.errors import UndefinedTest
from backtest.significance.mean_tests import moments_test
from backtest.significance.result import FloatArray

SEEDS = st.integers(0, 2**32 - 1)


def moments(seed: int, n: int, q: int) -> list[FloatArray]:
    """Correlated series of numbers of different sizes."""
    noise = np.random.default_rng(seed).standard_normal((q, n))
    return [noise[0], 1e-6 * (noise[-1] + 0.5 * noise[0])][:q]


@given(SEEDS, st.integers(20, 200), st.integers(1, 6), st.sampled_from([1, 2]))
def test_it_is_the_quadratic_form_of_its_definition(seed: int, n: int, horizon: int, q: int) -> None:
    series = moments(seed, n, q)
    found = moments_test(series, horizon=horizon)
    z, terms = np.column_stack(series), found.terms
    waves = np.cos(np.pi * np.outer(np.arange(1, terms + 1), np.arange(n) + 0.5) / n) * np.sqrt(2 / n)
    transforms = waves @ (z / z.std(axis=0))
    mean = (z / z.std(axis=0)).mean(axis=0)
    form = n * mean @ np.linalg.solve(transforms.T @ transforms / terms, mean)
    expected = form * (terms - q + 1) / (terms * q)
    assert found.statistic == pytest.approx(expected, rel=1e-7)
    assert found.p_value == pytest.approx(stats.f.sf(expected, q, terms - q + 1), abs=1e-9)


@given(SEEDS, st.integers(-40, 40), st.floats(-2, 2))
def test_units_and_combinations_of_the_series_do_not_matter(seed: int, exponent: int, weight: float) -> None:
    one, other = np.random.default_rng(seed).standard_normal((2, 100))
    ours = moments_test([one, other], horizon=3).statistic
    mixed = moments_test([one * 2.0**exponent, other + weight * one], horizon=3).statistic
    assert mixed == pytest.approx(ours, rel=1e-6)


@pytest.mark.parametrize("horizon", [5, 24])
def test_its_size_is_right_where_rows_overlap(horizon: int) -> None:
    rng, rejected = np.random.default_rng(2), 0
    for _ in range(1000):
        noise = rng.standard_normal((2, 240 + horizon - 1))
        series = [np.convolve(row, np.ones(horizon), "valid") for row in noise]
        rejected += moments_test(series, horizon=horizon).p_value <= 0.05
    assert rejected / 1000 == pytest.approx(0.05, abs=0.025)


def test_a_mean_that_is_not_zero_is_found() -> None:
    one, other = np.random.default_rng(3).standard_normal((2, 500))
    assert moments_test([one, other + 0.3], horizon=2).p_value < 1e-4
    assert moments_test([one, other], horizon=2).p_value > 0.05


def test_samples_without_variance_or_length_are_undefined() -> None:
    noise = np.random.default_rng(4).standard_normal(50)
    with pytest.raises(UndefinedTest, match=r"expected series that vary \(got a constant\)"):
        moments_test([np.ones(50)], horizon=2)
    with pytest.raises(UndefinedTest, match="got two that vary as one"):
        moments_test([noise, 3 * noise], horizon=2)
    with pytest.raises(UndefinedTest, match=r"more than 4 times are needed \(got 4\)"):
        moments_test([noise[:4], noise[4:8]], horizon=2)
