"""Block lengths, variances under the bootstrap and refused losses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import SPA, optimal_block_length
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError, NotFinite, UndefinedTest, UnpairedForecasts
from backtest.significance.resampling import (
    DEFAULT_RESAMPLING,
    Resampling,
    block_length,
    bootstrap_variances,
    check_losses,
    stationary,
)
from tests.support.resamples import ranked_losses


@given(st.integers(2, 60), st.integers(1, 20), st.integers(0, 1000))
def test_variances_are_the_sums_over_all_lags_that_arch_takes(n: int, block: int, seed: int) -> None:
    series = np.random.default_rng(seed).normal(size=(n, 2)).cumsum(axis=0)
    slow = SPA(np.zeros(n), -series, block_size=block)
    slow._compute_variance()
    np.testing.assert_allclose(bootstrap_variances(series, block), slow._loss_diff_var, rtol=1e-9, atol=1e-12)


def test_variance_of_a_resampled_sum_is_the_one_computed() -> None:
    series = np.random.default_rng(0).normal(size=(200, 1)).cumsum(axis=0)
    means = [np.asarray(data[0]).mean() for data, _ in stationary(series, 8, 1).bootstrap(4000)]
    assert 200 * np.var(means) == pytest.approx(bootstrap_variances(series, 8)[0], rel=0.1)


def test_blocks_are_at_least_as_long_as_the_horizon() -> None:
    white = np.random.default_rng(0).normal(size=(500, 2))
    assert block_length(white, 1) <= 3
    assert block_length(white, 24) == 24


def test_blocks_suit_the_most_persistent_difference() -> None:
    rng = np.random.default_rng(0)
    white, slow = rng.normal(size=500), np.convolve(rng.normal(size=519), np.ones(20), "valid")
    needed = optimal_block_length(slow)["stationary"].iloc[0]
    assert needed > 10
    assert block_length(np.stack([white, slow], axis=1), 1) == math.ceil(needed)


def test_a_difference_that_is_mostly_zero_has_a_block_length() -> None:
    rare = np.zeros((60, 1))
    rare[5:7, 0] = 1, -1
    assert 1 <= block_length(rare, 1) <= 20


def test_losses_come_back_by_model() -> None:
    losses = check_losses({"a": [1.0] * 30, "b": range(30)}, horizon=3, resampling=DEFAULT_RESAMPLING)
    assert {model: series.shape for model, series in losses.items()} == {"a": (30,), "b": (30,)}
    assert losses["b"].dtype == np.float64


def test_refused_losses_are_named() -> None:
    good = ranked_losses(n=50, a=0.1, b=0.2)
    with pytest.raises(UndefinedTest, match=r"at least two models are needed \(got a\)"):
        check_losses({"a": good["a"]}, horizon=1, resampling=DEFAULT_RESAMPLING)
    with pytest.raises(UndefinedTest, match=r"at least two models are needed \(got none\)"):
        check_losses({}, horizon=1, resampling=DEFAULT_RESAMPLING)
    with pytest.raises(UndefinedTest, match=r"at least 60 times are needed at horizon 6 \(got 50\)"):
        check_losses(good, horizon=6, resampling=DEFAULT_RESAMPLING)
    with pytest.raises(UnpairedForecasts, match=r"a \(50,\) and b \(49,\)"):
        check_losses({**good, "b": good["b"][1:]}, horizon=1, resampling=DEFAULT_RESAMPLING)
    for bad in (np.nan, np.inf, None):
        with pytest.raises(NotFinite, match="b: must be finite"):
            check_losses({**good, "b": [bad, *good["b"][1:]]}, horizon=1, resampling=DEFAULT_RESAMPLING)


@pytest.mark.parametrize("alpha", [0.0, 1.0, float("nan")])
def test_a_level_outside_of_0_and_1_is_refused(alpha: float) -> None:
    with pytest.raises(ConfigError, match="alpha: must lie between 0 and 1"):
        check_losses(ranked_losses(a=0.1, b=0.2), horizon=1, resampling=DEFAULT_RESAMPLING, alpha=alpha)


def test_settings_below_1_are_refused() -> None:
    losses = ranked_losses(a=0.1, b=0.2)
    with pytest.raises(ConfigError, match="horizon: must be at least 1"):
        check_losses(losses, horizon=0, resampling=DEFAULT_RESAMPLING)
    with pytest.raises(ConfigError, match="reps: must be at least 1"):
        check_losses(losses, horizon=1, resampling=Resampling(reps=0))
    with pytest.raises(ConfigError, match="block: must be at least 1"):
        check_losses(losses, horizon=1, resampling=Resampling(block=0))
