"""The skill's interval is the delta method's, agrees with the test near zero, and covers the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.signal import lfilter
from statsmodels.regression.linear_model import OLS

from backtest.significance import diebold_mariano, skill_interval
from backtest.significance.result import FloatArray
from data.errors import NotFinite, UndefinedTest, UnpairedForecasts


def squared_losses(seed: int, n: int, share: float) -> tuple[FloatArray, FloatArray]:
    """Losses of a forecast that knows `share` of the return's variance, and of zero; the true skill is `share`."""
    known, rest = np.random.default_rng(seed).standard_normal((2, n)) * [[np.sqrt(share)], [np.sqrt(1 - share)]]
    return (rest * 0.01) ** 2, ((known + rest) * 0.01) ** 2


@given(st.integers(0, 2**32 - 1), st.integers(20, 300), st.integers(1, 6), st.floats(0.0, 0.9))
def test_interval_is_the_delta_method_on_statsmodels_variance(seed: int, n: int, h: int, share: float) -> None:
    model, baseline = squared_losses(seed, n, share)
    if np.allclose(model, baseline):
        return
    ratio = model.mean() / baseline.mean()
    influence = (model - ratio * baseline) / baseline.mean()
    reaches = []
    for lags, kernel in ((h, "uniform"), (max(h, min(1 + int(1.3 * np.sqrt(n)), n // 2)), "bartlett")):
        settings = {"maxlags": lags - 1, "kernel": kernel}
        with np.errstate(invalid="ignore"):
            error = OLS(influence, np.ones(n)).fit(cov_type="HAC", cov_kwds=settings).bse[0]
        reaches.append(stats.t.ppf(0.975, n - 1) * error / np.sqrt((n + 1 - 2 * lags + lags * (lags - 1) / n) / n))
    if not np.isfinite(reaches[0]):
        return  # a truncated variance that is not positive: the fallback has its own test
    reach = max(reaches)
    skill = skill_interval(model, baseline, horizon=h)
    assert (skill.value, skill.low, skill.high) == pytest.approx((1 - ratio, 1 - ratio - reach, 1 - ratio + reach))


@given(st.integers(0, 2**32 - 1), st.integers(-40, 40))
def test_skill_has_no_unit(seed: int, exponent: int) -> None:
    model, baseline = squared_losses(seed, 50, 0.3)
    assert skill_interval(model * 2.0**exponent, baseline * 2.0**exponent) == skill_interval(model, baseline)


def test_interval_of_a_small_skill_leaves_out_zero_where_the_test_rejects() -> None:
    agreed = 0
    for seed in range(200):
        y, noise = np.random.default_rng(seed).standard_normal((2, 500)) * [[0.01], [0.0003]]
        model, baseline = (y - noise - 0.02 * y) ** 2, y**2
        skill = skill_interval(model, baseline)
        agreed += (diebold_mariano(model, baseline).p_value < 0.05) == (skill.low > 0 or skill.high < 0)
    assert agreed >= 195


@pytest.mark.parametrize("share", [0.01, 0.3])
def test_interval_covers_the_truth_as_often_as_it_says(share: float) -> None:
    covered = 0
    for seed in range(1000):
        skill = skill_interval(*squared_losses(seed, 250, share))
        covered += skill.low <= share <= skill.high
    assert 0.93 <= covered / 1000 <= 0.97


def test_a_wider_level_gives_a_wider_interval_around_the_same_skill() -> None:
    losses = squared_losses(1, 100, 0.2)
    narrow, wide = (skill_interval(*losses, level=level) for level in (0.8, 0.99))
    assert narrow.value == wide.value
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_skill_is_undefined_where_the_baseline_makes_no_error_or_nothing_varies() -> None:
    with pytest.raises(UndefinedTest, match="the baseline's mean loss must be positive"):
        skill_interval([0.1, 0.2], [0.0, 0.0])
    with pytest.raises(UndefinedTest, match="the baseline's mean loss must be positive"):
        skill_interval([], [])
    with pytest.raises(UndefinedTest, match="more than the horizon"):
        skill_interval([0.1, 0.2], [0.3, 0.1], horizon=2)
    with pytest.raises(UndefinedTest, match="all 3 are zero"):
        skill_interval([0.1, 0.2, 0.4], [0.1, 0.2, 0.4])
    with pytest.raises(UndefinedTest, match="all 3 are"):
        skill_interval([0.3, 0.6, 0.9], [0.1, 0.2, 0.3])


def test_skill_refuses_losses_that_are_no_pair() -> None:
    with pytest.raises(UnpairedForecasts, match="two series of one length"):
        skill_interval([0.1, 0.2], [0.1])
    with pytest.raises(NotFinite, match="losses of the model: must be finite"):
        skill_interval([0.1, float("nan")], [0.1, 0.2])


def test_the_interval_covers_the_skill_where_volatility_clusters() -> None:
    covered = []
    for seed in range(300):
        shocks, known, rest = np.random.default_rng(seed).standard_normal((3, 5000))
        noise = (
            np.exp(lfilter([0.1], [1, -0.95], shocks)) * rest
        )  # its log volatility has variance 0.1^2 / (1 - 0.95^2)
        skill = skill_interval(noise**2, (0.5 * known + noise) ** 2)
        true = 0.25 / (0.25 + np.exp(2 * 0.01 / (1 - 0.95**2)))
        covered.append(skill.low <= true <= skill.high)
    assert 0.9 < np.mean(covered) < 0.98
