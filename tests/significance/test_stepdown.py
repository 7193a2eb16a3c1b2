"""The adjustment by the largest statistic is Romano and Wolf's, keeps the family's error and wastes less than Holm."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import DataError
from backtest.significance import fixed_b
from backtest.significance.mean_tests import mean_test
from backtest.significance.multiple_testing import holm
from backtest.significance.result import FloatArray
from backtest.significance.stepdown import Hypothesis, JointNull, joint_null, long_run_correlation, romano_wolf
from tests.support.places import needs_shared, shared

FEW = 999


def hypotheses(differences: FloatArray, *, horizon: int = 1) -> list[Hypothesis]:
    """Loss differences (n, k) as one hypothesis each."""
    places = np.arange(len(differences))
    return [Hypothesis(column, places, horizon) for column in differences.T]


def twins(n: int, k: int, correlation: float, seed: int) -> FloatArray:
    """White series (n, k) of which any two have this correlation."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((n, 1)) * correlation**0.5
    return np.asarray(common + rng.standard_normal((n, k)) * (1 - correlation) ** 0.5)


@needs_shared
def test_the_stepdown_is_that_of_romano_and_wolf() -> None:
    folder = shared("reference", "romano_wolf")
    expected = json.loads((folder / "expected.json").read_text())
    draws = pl.read_csv(folder / "bootstrap_t.csv").to_numpy()
    assert romano_wolf(expected["t"], draws).tolist() == expected["stepdown_p"]


def test_the_null_has_the_correlation_of_the_sums() -> None:
    found = long_run_correlation(hypotheses(twins(4000, 3, 0.8, 1)))
    np.testing.assert_allclose(np.diag(found), 1)
    np.testing.assert_allclose(found[np.triu_indices(3, 1)], 0.8, atol=0.08)


def test_series_with_no_common_times_are_independent_and_half_common_ones_half_correlated() -> None:
    n = 4000
    series = twins(3 * n, 1, 0, 2)[:, 0]
    spans = [Hypothesis(series[first : first + n], np.arange(first, first + n), 1) for first in (0, n // 2, 2 * n)]
    found = long_run_correlation(spans)
    assert found[0, 1] == pytest.approx(0.5, abs=0.05)
    assert found[0, 2] == pytest.approx(0, abs=1e-12)


def test_a_single_hypothesis_needs_no_adjustment_and_independent_ones_get_that_of_sidak() -> None:
    alone = joint_null(hypotheses(twins(300, 1, 0, 3)), reps=FEW)
    for p in (0.001, 0.02, 0.7):
        assert alone.adjust([p])[0] == pytest.approx(p, abs=1 / FEW)
    five = joint_null(hypotheses(twins(2000, 5, 0, 4)), reps=9999).adjust([0.01, 0.4, 0.5, 0.6, 0.7])
    assert five[0] == pytest.approx(1 - 0.99**5, abs=0.004)


def test_copies_of_one_model_count_once() -> None:
    one = twins(500, 1, 0, 5)
    found = joint_null(hypotheses(np.repeat(one, 20, axis=1)), reps=FEW).adjust([0.03] * 20)
    np.testing.assert_allclose(found, 0.03, atol=1 / FEW)


@given(
    st.lists(st.floats(0, 1), min_size=3, max_size=3),
    st.lists(st.floats(0, 1), max_size=4),
)
def test_no_p_value_is_above_holms_or_below_its_own(own: list[float], others: list[float]) -> None:
    null = JointNull(np.random.default_rng(0).permuted(np.tile((np.arange(200) + 0.5) / 200, (3, 1)).T, axis=0))
    found = null.adjust(own, others)
    assert (found >= own).all()
    assert (found <= holm([*own, *others])[:3]).all()
    assert (np.argsort(found, kind="stable") == np.argsort(own, kind="stable")).all() or len({*found}) < 3


def test_what_nothing_more_is_known_of_is_allowed_for_by_bonferroni() -> None:
    null = joint_null(hypotheses(np.repeat(twins(500, 1, 0, 5), 5, axis=1)), reps=9999)
    assert null.adjust([0.01] * 5, [1.0, 1.0])[0] == pytest.approx(0.03, abs=0.001)
    assert null.adjust([0.01] * 5, [1e-6, 1.0])[0] == pytest.approx(0.02, abs=0.001)  # the first is rejected before


def test_marginals_are_those_of_fixed_b_at_every_length_and_horizon() -> None:
    for n, horizon in ((60, 1), (300, 24), (5000, 1)):
        series = twins(n, 2, 0.5, n)
        found = joint_null(hypotheses(series, horizon=horizon), reps=FEW).adjust([0.04, 0.9])
        test = mean_test(series[:, 0], horizon=horizon)
        assert test.lags + 1 == fixed_b.bandwidth(n, horizon)
        assert 0.04 <= found[0] <= 0.08


@pytest.mark.parametrize(("k", "correlation"), [(5, 0.0), (8, 0.95)])
def test_the_family_errs_in_one_sample_of_twenty(k: int, correlation: float) -> None:
    samples, n = 200, 200
    wrong = 0
    for seed in range(samples):
        series = twins(n, k, correlation, seed)
        p = [mean_test(column, alternative="less").p_value for column in series.T]
        wrong += bool(joint_null(hypotheses(series), reps=FEW).adjust(p).min() <= 0.05)
    assert wrong / samples <= 0.05 + 2 * (0.05 * 0.95 / samples) ** 0.5


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="one for each hypothesis"):
        joint_null(hypotheses(twins(100, 2, 0, 1)), reps=FEW).adjust([0.1])
    with pytest.raises(DataError, match=r"draws \(B, k\)"):
        romano_wolf([1.0, 2.0], np.zeros((10, 3)))
