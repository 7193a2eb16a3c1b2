"""The robust Diebold-Mariano test: skewness is removed as Hall says, its level is kept, its interval is the inverse."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import IIDBootstrap
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm, skew, t

from backtest.data.errors import ConfigError, UndefinedTest, UnpairedForecasts
from backtest.data.targets import PRIMARY_TESTS
from backtest.significance import fixed_b
from backtest.significance.equal_accuracy import diebold_mariano, skill_interval, smallest_detectable_difference
from backtest.significance.mean_tests import mean_test
from backtest.significance.primary import PRIMARY
from backtest.significance.result import Alternative, FloatArray
from backtest.significance.robust import (
    diebold_mariano_robust,
    fixed_b_level,
    hall,
    hall_inverse,
    long_run_skewness,
    robust_detectable,
    robust_interval,
)
from tests.calibration.volatility import draw_variances, too_large, too_small

SIDES: tuple[Alternative, ...] = ("less", "greater")


def skewed(seed: int, n: int, shift: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Losses whose differences are as skewed as squared normal numbers."""
    drawn = np.random.default_rng(seed).chisquare(1, n)
    return 1 + 0.2 * drawn + shift, 1.2 + 0.0 * drawn


def test_at_horizon_one_it_is_the_skewness_of_the_sample() -> None:
    series = np.random.default_rng(0).lognormal(size=300)
    assert long_run_skewness(series, 1) == pytest.approx(skew(series), rel=1e-12)


def test_skewness_of_sums_counts_what_neighbours_have_in_common() -> None:
    steps = np.random.default_rng(1).chisquare(1, 400_000)
    sums = np.convolve(steps, np.ones(4), "valid")
    # sums of 4 of them weigh steps 1, 2, 3, 4, 3, 2, 1; over all lags it would be the skewness of a step, 2 sqrt(2)
    weights = np.array([1, 2, 3, 4, 3, 2, 1])
    expected = 2 * np.sqrt(2) * np.sum(weights**3) / 4 / (np.sum(weights**2) / 4) ** 1.5
    assert long_run_skewness(sums, 4) == pytest.approx(expected, rel=0.03)
    assert skew(sums) == pytest.approx(np.sqrt(2), rel=0.05)


@given(st.floats(-6, 6), st.floats(-10, 10).filter(lambda g: abs(g) > 0.01), st.integers(20, 5000))
def test_hall_is_his_cubic_which_has_an_inverse(statistic: float, skewness: float, n: int) -> None:
    found = hall(statistic, skewness, n)
    root = n**0.5
    cube = (1 + skewness * statistic / root / 3) ** 3
    assert found == pytest.approx(root * ((cube - 1) / skewness + skewness / (6 * n)), rel=1e-6, abs=1e-8)
    assert hall_inverse(found, skewness, n) == pytest.approx(statistic, abs=1e-5)


@pytest.mark.parametrize("skewness", [0.0, 1e-12, -1e-7, 1e-3])
def test_the_inverse_of_hall_keeps_its_digits_where_there_is_hardly_any_skewness(skewness: float) -> None:
    assert hall(hall_inverse(-2.5, skewness, 250), skewness, 250) == pytest.approx(-2.5, rel=1e-12)


def test_hall_by_hand() -> None:
    # t = -2, g = 3, n = 100: u = -0.2; 10 (-0.2 + 0.04 + 9 * -0.008 / 27 + 0.005) = -1.57667
    assert hall(-2.0, 3.0, 100) == pytest.approx(10 * (-0.2 + 0.04 - 0.072 / 27 + 0.005), rel=1e-12)


def test_skewness_moves_intervals_as_far_as_the_studentised_bootstrap_of_arch_does() -> None:
    moved = []
    for seed in range(6):
        values = np.random.default_rng(seed).exponential(size=100)
        n, mean, error, g = values.size, values.mean(), values.std() / 10, float(skew(values))

        def rejected(mu: float, bound: float, about: tuple[float, float, float, int] = (mean, error, g, n)) -> float:
            centre, width, skewness, rows = about
            return hall((centre - mu) / width, skewness, rows) - bound

        ours = [brentq(rejected, mean - 1, mean + 1, args=(bound,)) for bound in (1.96, -1.96)]
        bootstrap = IIDBootstrap(values, seed=seed)
        hers = bootstrap.conf_int(
            np.mean, 2000, method="studentized", std_err_func=lambda _, x: np.atleast_1d(x.std() / x.size**0.5)
        )
        moved.append([(np.mean(ends) - mean) / error for ends in (ours, hers)])
    own, theirs = np.mean(moved, axis=0)
    assert own > 0.1  # standard errors to the right; the usual interval is not moved
    assert own == pytest.approx(theirs, rel=0.2)


def test_without_skewness_a_p_value_is_students_t_at_the_normal_score_and_two_sides_are_twice_one() -> None:
    half = np.random.default_rng(4).standard_normal(100)
    difference = np.ravel([half, -half], order="F") - 0.3  # symmetric to the last value
    zero = np.zeros(200)
    for side in SIDES:
        plain = diebold_mariano(difference, zero, alternative=side)
        found = diebold_mariano_robust(difference, zero, alternative=side)
        assert found.p_value == pytest.approx(t.cdf(norm.ppf(plain.p_value), 5), rel=1e-6)
        assert found.statistic == pytest.approx(plain.statistic, rel=1e-9)
    two = diebold_mariano_robust(difference, zero)
    half_of_plain = diebold_mariano(difference, zero).p_value / 2
    assert two.p_value == pytest.approx(2 * t.cdf(norm.ppf(half_of_plain), 5), rel=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(60, 300), st.integers(1, 5), st.floats(-0.2, 0.2))
def test_it_never_claims_what_the_usual_test_does_not_and_sides_swap_with_the_models(
    seed: int, n: int, horizon: int, shift: float
) -> None:
    model, baseline = skewed(seed, n, shift)
    p = {}
    for side, other in zip(SIDES, SIDES[::-1], strict=True):
        plain = diebold_mariano(model, baseline, horizon=horizon, alternative=side).p_value
        p[side] = diebold_mariano_robust(model, baseline, horizon=horizon, alternative=side).p_value
        if plain < 0.5:
            assert p[side] >= plain
        swapped = diebold_mariano_robust(baseline, model, horizon=horizon, alternative=other)
        assert swapped.p_value == pytest.approx(p[side], rel=1e-9)
    assert p["less"] + p["greater"] >= 1 - 1e-12
    assert PRIMARY["diebold_mariano_robust"].both_sides(model, baseline, horizon) == (p["less"], p["greater"])
    two = diebold_mariano_robust(model, baseline, horizon=horizon)
    assert two.p_value == min(1.0, 2 * min(p.values()))
    for side, statistic in zip(SIDES, (two.statistic, -two.statistic), strict=True):
        assert statistic < 0 or p[side] >= 0.5  # a one-sided p-value below one half has the sign of its statistic


def test_the_level_is_what_the_one_sided_test_needs_of_fixed_b() -> None:
    assert fixed_b_level(0.05) == pytest.approx(norm.cdf(t.ppf(0.05, 5)), rel=1e-12)
    assert fixed_b_level(0.05) == pytest.approx(0.02195, abs=1e-5)
    half = np.random.default_rng(5).standard_normal(100)
    difference = np.ravel([half, -half], order="F")
    at = brentq(
        lambda mean: diebold_mariano_robust(difference + mean, np.zeros(200), alternative="less").p_value - 0.05, -1, 0
    )
    statistic = diebold_mariano(difference + at, np.zeros(200)).statistic
    assert -statistic == pytest.approx(fixed_b.critical(fixed_b_level(0.05), 200, fixed_b.bandwidth(200, 1)), rel=1e-6)


def test_of_skewed_losses_it_keeps_the_level_where_the_usual_test_does_not() -> None:
    rng, draws, wrong = np.random.default_rng(6), 400, {"diebold_mariano": 0, "diebold_mariano_robust": 0}
    small, large = (float(each(0.05, 1, rng)[0]) for each in (too_small, too_large))
    for _ in range(draws):
        y, mean = draw_variances("squared returns of t(5)", (1,), 250, rng)[1]
        losses = [log + y / (mean * np.exp(log)) for log in (small, large)]
        for name in wrong:
            wrong[name] += PRIMARY[name].run(*losses, alternative="less").p_value <= 0.05
    limit = 0.05 + 2 * np.sqrt(0.05 * 0.95 / draws)
    assert wrong["diebold_mariano_robust"] / draws < limit < 0.09 < wrong["diebold_mariano"] / draws


TAILS = {"right": 1, "left": -1}


def differences(tail: str, seed: int, n: int) -> FloatArray:
    """Differences of mean zero with one long tail, that of squared normal numbers."""
    return TAILS[tail] * (np.random.default_rng(seed).chisquare(1, n) - 1)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 9])
def test_a_detectable_gain_lies_beyond_the_one_that_is_just_rejected(tail: str, alpha: float) -> None:
    values, ones = differences(tail, 1, 250), np.ones(250)

    def p(gain: float) -> float:
        shifted = ones + values - values.mean() - gain
        return diebold_mariano_robust(shifted, ones, alternative="less").p_value

    just = brentq(lambda gain: p(gain) - alpha, 0, 5, xtol=1e-12)
    level, error = fixed_b_level(alpha), mean_test(values).standard_error
    plain = smallest_detectable_difference(ones + values, ones, alpha=level)
    beyond = plain - error * fixed_b.critical(level, 250, fixed_b.bandwidth(250, 1))
    varying = max(1.0, 1 + just / error * float(skew(values)) / 2 / np.sqrt(250))
    assert varying == 1 if tail == "left" else varying > 1.2
    assert robust_detectable(ones + values, ones, alpha=alpha) == pytest.approx(just + beyond * varying, rel=1e-6)


def test_without_skewness_it_detects_what_the_usual_test_does_at_its_stricter_level() -> None:
    half = np.random.default_rng(4).standard_normal(100)
    difference, ones = np.ravel([half, -half], order="F"), np.ones(200)
    plain = smallest_detectable_difference(ones + difference, ones, alpha=fixed_b_level(0.05))
    assert robust_detectable(ones + difference, ones) == pytest.approx(plain, rel=1e-9)
    with pytest.raises(UndefinedTest, match="the baseline makes no loss"):
        robust_detectable(ones + difference, 0 * ones)


@pytest.mark.parametrize(
    ("tail", "claims", "least"),
    [("right", 1, 0.68), ("right", 9, 0.55), ("left", 1, 0.75), ("left", 9, 0.75)],
    ids=str,
)
def test_a_gain_that_is_called_detectable_is_found_in_about_four_of_five_samples(
    tail: str, claims: int, least: float
) -> None:
    n, draws, alpha = 250, 200, 0.05 / claims
    ones = np.ones(n)
    samples = [ones + differences(tail, seed, n) for seed in range(draws)]
    gain = np.median([robust_detectable(sample, ones, alpha=alpha) for sample in samples])
    p = [diebold_mariano_robust(sample - gain, ones, alternative="less").p_value for sample in samples]
    assert least < np.mean(np.array(p) <= alpha) < 0.92  # at the stricter level alone: 0.63 and 0.20 of right tails


@given(st.integers(0, 2**32 - 1), st.integers(60, 300), st.integers(1, 5), st.floats(-0.15, 0.3))
def test_the_interval_holds_the_ratios_that_the_two_sided_test_does_not_reject(
    seed: int, n: int, horizon: int, shift: float
) -> None:
    drawn, other = np.random.default_rng(seed).chisquare(1, (2, n))
    model, baseline = 0.5 + drawn + shift, 0.5 + 0.6 * drawn + 0.4 * other
    skill, plain = (each(model, baseline, horizon=horizon) for each in (robust_interval, skill_interval))
    assert skill.value == plain.value
    assert skill.low - 1e-12 <= plain.low < plain.value < plain.high <= skill.high + 1e-12
    for end in (skill.low, skill.high):
        found = diebold_mariano_robust(model, (1 - end) * baseline, horizon=horizon)
        assert found.p_value == pytest.approx(0.05, abs=1e-6)
    rejected = diebold_mariano_robust(model, baseline, horizon=horizon).p_value < 0.05
    assert rejected == (skill.low > 0 or skill.high < 0)


def test_no_skill_is_above_one_and_units_do_not_matter() -> None:
    model, baseline = skewed(7, 80)
    nearly = robust_interval(model * 1e-3 * np.arange(80) % 1e-3, baseline)
    assert nearly.high <= 1
    one, other = robust_interval(model, baseline), robust_interval(model * 1e-9, baseline * 1e-9)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), rel=1e-9)


def test_a_model_whose_loss_never_varies_has_an_interval() -> None:
    baseline = np.random.default_rng(8).uniform(0.1, 0.5, 200)
    skill = robust_interval(np.full(200, 0.25), baseline)
    assert skill.value == pytest.approx(1 - 0.25 / baseline.mean(), rel=1e-12)
    assert skill.low < skill.value < skill.high < 1


def test_what_is_no_pair_or_does_not_vary_is_refused() -> None:
    with pytest.raises(UnpairedForecasts, match="one length"):
        diebold_mariano_robust(np.ones(40), np.ones(41))
    with pytest.raises(UndefinedTest, match="all 40 are zero"):
        diebold_mariano_robust(np.ones(40), np.ones(40))
    with pytest.raises(ConfigError, match="alternative: must be one of less"):
        diebold_mariano_robust(np.arange(40.0), np.ones(40), alternative="lower")  # type: ignore[arg-type]
    with pytest.raises(UndefinedTest, match="baseline's mean loss must be positive"):
        robust_interval(np.ones(40), np.zeros(40))


def test_the_primary_tests_are_those_that_targets_know() -> None:
    assert tuple(PRIMARY) == PRIMARY_TESTS
