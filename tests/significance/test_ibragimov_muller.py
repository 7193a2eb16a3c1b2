"""The test over folds is Student's on their means, and keeps its size where each fold has luck of its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from backtest.data.errors import NotFinite, UndefinedTest, UnpairedForecasts
from backtest.significance.equal_accuracy import diebold_mariano, ibragimov_muller
from backtest.significance.result import Alternative


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.sampled_from(["less", "two-sided", "greater"]))
def test_it_is_scipys_t_test_on_the_means_of_the_folds(seed: int, q: int, alternative: Alternative) -> None:
    rng = np.random.default_rng(seed)
    folds = np.sort(np.concatenate([np.arange(q), rng.integers(0, q, 100)]))
    model, baseline = rng.random((2, folds.size)) * 1e-6
    means = [(model - baseline)[folds == number].mean() for number in range(q)]
    expected = stats.ttest_1samp(means, 0, alternative=alternative)
    result = ibragimov_muller(model, baseline, folds, alternative=alternative)
    assert (result.statistic, result.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-6)
    assert (result.n, result.lags) == (q, 0)


def test_errors_shared_by_a_fold_keep_the_size_where_diebold_mariano_rejects_too_often() -> None:
    rng, folds, rejected = np.random.default_rng(1), np.repeat(np.arange(5), 300), np.zeros(2)
    for _ in range(600):
        luck = rng.standard_normal(5) * 2 / 300**0.5  # twice the standard error that a fold's mean has of itself
        difference = rng.standard_normal(1500) + np.repeat(luck, 300)
        zero = np.zeros(1500)
        rejected[0] += ibragimov_muller(difference, zero, folds, alternative="less").p_value <= 0.05
        rejected[1] += diebold_mariano(difference, zero, alternative="less").p_value <= 0.05
    assert rejected[0] / 600 == pytest.approx(0.05, abs=0.025)
    assert rejected[1] / 600 > 0.12


def test_invalid_samples_are_refused() -> None:
    model, baseline = np.random.default_rng(2).random((2, 6))
    with pytest.raises(UnpairedForecasts, match=r"folds: one for each of 6 losses is needed \(got shape \(5,\)\)"):
        ibragimov_muller(model, baseline, [0, 0, 0, 1, 1])
    with pytest.raises(UndefinedTest, match=r"at least 2 folds are needed \(got 1\)"):
        ibragimov_muller(model, baseline, [0] * 6)
    with pytest.raises(UndefinedTest, match="all 2 folds have the same mean loss difference"):
        ibragimov_muller(model, model - 0.5, [0, 0, 0, 1, 1, 1])
    with pytest.raises(NotFinite, match="loss_model: must be finite"):
        ibragimov_muller([*model[1:], np.nan], baseline, [0, 0, 0, 1, 1, 1])
