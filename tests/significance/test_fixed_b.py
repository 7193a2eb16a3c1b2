"""The fixed-b distribution is Student's for one lag, the published one in the limit, and a simulation's in between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from backtest.significance import fixed_b
from backtest.significance.mean_tests import long_run_variance

PUBLISHED = {0.025: (1.9600, 2.9694, 0.4160, -0.5324), 0.05: (1.6449, 2.1859, 0.3142, -0.3427)}
"""Kiefer and Vogelsang (2005), table 1, Bartlett: critical value = polynomial in b, fitted to simulated values."""


@pytest.mark.parametrize("n", [2, 10, 400])
@pytest.mark.parametrize("statistic", [0.1, 1.7, 4.0])
def test_with_one_lag_it_is_students_distribution(n: int, statistic: float) -> None:
    students = stats.t.sf(statistic * np.sqrt((n - 1) / n), n - 1)
    assert fixed_b.tail(statistic, n, 1) == pytest.approx(students, rel=1e-9)


@pytest.mark.parametrize("probability", PUBLISHED)
@pytest.mark.parametrize("share", [0.04, 0.1, 0.2, 0.5, 0.8, 1.0])
def test_critical_values_are_the_published_ones_within_their_simulation_error(probability: float, share: float) -> None:
    published = sum(factor * share**power for power, factor in enumerate(PUBLISHED[probability]))
    assert fixed_b.critical(probability, 10_000, round(share * 10_000)) == pytest.approx(published, rel=0.02)


def test_with_all_lags_it_is_the_exact_value_of_abadir_and_paruolo() -> None:
    # Biometrika 89 (2002): 6.747 for the statistic of Kiefer, Vogelsang and Bunzel, which is sqrt(2) times ours
    assert fixed_b.critical(0.025, 100_000, 100_000) * np.sqrt(2) == pytest.approx(6.747, abs=0.001)


@pytest.mark.parametrize(("n", "lags"), [(30, 12), (120, 39)])
def test_it_is_exact_for_white_noise(n: int, lags: int) -> None:
    noise = np.random.default_rng(0).standard_normal((20_000, n))
    errors = np.sqrt([long_run_variance(series, lags) / n for series in noise])
    critical = fixed_b.critical(0.05, n, lags)
    assert np.mean(noise.mean(axis=1) / errors > critical) == pytest.approx(0.05, abs=0.005)


@given(st.floats(0.001, 0.4), st.integers(5, 100_000), st.floats(0.001, 1))
def test_critical_value_and_tail_are_inverse(probability: float, n: int, share: float) -> None:
    lags = max(1, round(n * share))
    assert fixed_b.tail(fixed_b.critical(probability, n, lags), n, lags) == pytest.approx(probability, rel=1e-6)


def test_a_longer_sample_than_the_grid_differs_only_in_the_fifth_decimal() -> None:
    for share in (0.02, 0.1, 0.4):
        short, long = (fixed_b.tail(2.0, n, round(n * share)) for n in (fixed_b.GRID, 40 * fixed_b.GRID))
        assert short == pytest.approx(long, abs=2e-4)


@pytest.mark.parametrize("power", [0.5, 0.8])
def test_a_mean_of_the_detectable_size_is_found_with_the_power_asked_for(power: float) -> None:
    n, lags = 120, 39
    shift = fixed_b.detectable(0.05, power, n, lags) / np.sqrt(n)
    series = np.random.default_rng(1).standard_normal((10_000, n)) + shift
    errors = np.sqrt([long_run_variance(row, lags) / n for row in series])
    found = np.mean(series.mean(axis=1) / errors > fixed_b.critical(0.05, n, lags))
    assert found == pytest.approx(power, abs=0.02)


def test_bandwidth_covers_the_overlap_and_never_exceeds_the_sample() -> None:
    assert [fixed_b.bandwidth(n, 1) for n in (2, 100, 10_000)] == [2, 13, 130]
    assert [fixed_b.bandwidth(n, 24) for n in (25, 120, 10_000)] == [25, 38, 153]


@given(st.floats(0, 1e-6), st.integers(2, 600))
def test_no_tail_is_more_than_half(statistic: float, n: int) -> None:
    assert 0.49 < fixed_b.tail(statistic, n, fixed_b.bandwidth(n, 1)) <= 0.5
