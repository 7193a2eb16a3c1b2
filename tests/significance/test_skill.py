"""The skill's interval is the inverted test, covers the truth, and the smallest detectable skill is detected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from statsmodels.regression.linear_model import OLS

from backtest.data.errors import ConfigError, NotFinite, UndefinedTest, UnpairedForecasts
from backtest.significance.equal_accuracy import diebold_mariano, skill_interval, smallest_detectable
from backtest.significance.result import FloatArray


def squared_losses(seed: int, n: int, share: float) -> tuple[FloatArray, FloatArray]:
    """Losses of a forecast that knows `share` of the return's variance, and of zero; the true skill is `share`."""
    known, rest = np.random.default_rng(seed).standard_normal((2, n)) * [[np.sqrt(share)], [np.sqrt(1 - share)]]
    return (rest * 0.01) ** 2, ((known + rest) * 0.01) ** 2


@given(st.integers(0, 2**32 - 1), st.integers(20, 300), st.integers(1, 6), st.floats(0.0, 0.9))
def test_interval_holds_the_ratios_that_the_test_does_not_reject(seed: int, n: int, h: int, share: float) -> None:
    model, baseline = squared_losses(seed, n, share)
    if np.allclose(model, baseline):
        return
    try:
        skill = skill_interval(model, baseline, horizon=h)
    except UndefinedTest:
        assert n < 100  # a short sample cannot tell even the baseline's mean loss from zero
        return
    assert skill.low < skill.value < skill.high
    for end in (skill.low, skill.high):
        if end == 1:  # no skill is above 1
            continue
        at_the_end = diebold_mariano(model, (1 - end) * baseline, horizon=h)
        assert at_the_end.p_value == pytest.approx(0.05, abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.05), st.integers(1, 6))
def test_interval_leaves_out_zero_if_and_only_if_the_test_rejects(seed: int, gain: float, horizon: int) -> None:
    y, noise = np.random.default_rng(seed).standard_normal((2, 500)) * [[0.01], [0.0003]]
    model, baseline = (y - noise - gain * y) ** 2, y**2
    skill = skill_interval(model, baseline, horizon=horizon)
    rejected = diebold_mariano(model, baseline, horizon=horizon).p_value < 0.05
    assert rejected == (skill.low > 0 or skill.high < 0)


def test_interval_is_near_the_delta_method_in_a_long_sample() -> None:
    model, baseline = squared_losses(2, 20_000, 0.1)
    ratio = model.mean() / baseline.mean()
    influence = (model - ratio * baseline) / baseline.mean()
    fitted = OLS(influence, np.ones(influence.size)).fit(cov_type="HAC", cov_kwds={"maxlags": 183})
    skill = skill_interval(model, baseline)
    assert skill.high - skill.low == pytest.approx(2 * 1.96 * fitted.bse[0], rel=0.03)


@given(st.integers(0, 2**32 - 1), st.integers(-40, 40))
def test_skill_does_not_depend_on_the_unit_of_the_losses(seed: int, exponent: int) -> None:
    model, baseline = squared_losses(seed, 200, 0.3)
    assert skill_interval(model * 2.0**exponent, baseline * 2.0**exponent) == skill_interval(model, baseline)


@pytest.mark.parametrize("share", [0.01, 0.3])
def test_the_interval_has_its_nominal_coverage(share: float) -> None:
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


def test_skill_refuses_unpaired_losses() -> None:
    with pytest.raises(UnpairedForecasts, match="expected series of one length"):
        skill_interval([0.1, 0.2], [0.1])
    with pytest.raises(NotFinite, match="loss_model: must be finite"):
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


def planted(
    rng: np.random.Generator, n: int, horizon: int, skill: float, noise: float
) -> tuple[FloatArray, FloatArray]:
    """Outcomes `horizon` steps ahead and forecasts of this skill, whose noise is a share `noise` of y's variance."""
    known, blur = (lfilter([0.6], [1, -0.8], row)[-n:] for row in rng.standard_normal((2, n + 50)))  # variance 1
    rest = np.convolve(rng.standard_normal(n + horizon - 1), np.ones(horizon), "valid") / np.sqrt(horizon)
    signal = np.sqrt(skill + noise) * known
    return np.sqrt(1 - skill - noise) * rest + signal, signal + np.sqrt(noise) * blur


@pytest.mark.parametrize(("noise", "horizon"), [(0.0, 1), (0.01, 1), (0.04, 1), (0.01, 5)])
def test_four_in_five_samples_show_a_skill_of_the_size_that_is_called_detectable(noise: float, horizon: int) -> None:
    rng = np.random.default_rng(1)
    said = [smallest_detectable(*planted(rng, 800, horizon, 0.04, noise), horizon=horizon) for _ in range(50)]
    found = 0
    for _ in range(400):
        y, y_hat = planted(rng, 800, horizon, float(np.mean(said)), noise)
        result = diebold_mariano((y - y_hat) ** 2, y**2, horizon=horizon, alternative="less")
        found += result.p_value <= 0.05
    assert found / 400 == pytest.approx(0.8, abs=0.08)


@given(st.integers(0, 2**32 - 1), st.integers(-30, 30))
def test_the_smallest_skill_does_not_depend_on_the_unit_and_falls_with_the_level(seed: int, exponent: int) -> None:
    y, noise = np.random.default_rng(seed).standard_normal((2, 200))
    y_hat = 0.1 * noise + 0.05 * y
    usual = smallest_detectable(y, y_hat)
    assert smallest_detectable(y * 2.0**exponent, y_hat * 2.0**exponent) == usual
    assert smallest_detectable(y, y_hat, alpha=0.01) > usual > smallest_detectable(y, y_hat, alpha=0.1)
    assert smallest_detectable(y, y_hat, power=0.5) < usual
    assert usual[0] == usual[1]  # nothing is known of volatility


def test_the_smallest_skill_of_forecasts_that_are_all_zero_is_undefined() -> None:
    with pytest.raises(UndefinedTest, match="every forecast or every outcome is zero"):
        smallest_detectable(np.arange(9.0), np.zeros(9))


def test_a_clear_gain_of_timid_forecasts_is_above_the_smallest_that_shows() -> None:
    known, rest = np.random.default_rng(5).standard_normal((2, 200))
    y = 0.3 * known + rest
    y_hat = 0.03 * known  # a tenth of what it knows
    skill = 1 - float(np.mean((y - y_hat) ** 2) / np.mean(y**2))
    assert diebold_mariano((y - y_hat) ** 2, y**2, alternative="less").p_value < 0.003
    assert smallest_detectable(y, y_hat)[0] < skill


def test_forecasts_that_hardly_move_need_about_as_large_a_gain_as_calibrated_ones() -> None:
    said = [
        smallest_detectable(y, 0.001 * still)[0]
        for y, still in (np.random.default_rng(seed).standard_normal((2, 2000)) for seed in range(200))
    ]
    calibrated = 4 * 2.6**2 / 2000  # the skill x with x = m sqrt(4 x / n), m about 2.6 standard errors
    low, high = np.quantile(said, [0.05, 0.95])
    assert calibrated / 2 < low < high < 2 * calibrated


@pytest.mark.parametrize("settings", [{"alpha": 0.0}, {"alpha": 0.6}, {"alpha": 1.5}, {"power": 0.0}, {"power": 1.0}])
def test_levels_and_powers_that_cannot_be_are_refused(settings: dict[str, float]) -> None:
    y, y_hat = np.random.default_rng(1).standard_normal((2, 100))
    with pytest.raises(ConfigError, match=r"level: one side must have|power: must lie between 0 and 1"):
        smallest_detectable(y, y_hat, **settings)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="level: one side must have"):
        skill_interval(y**2, y_hat**2, level=-0.1)
