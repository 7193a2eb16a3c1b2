"""The test of a single fold: Hall's statistic, its level where losses are skewed, and what Johnson's t would cost."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.significance import fixed_b
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.mean_tests import mean_test
from backtest.significance.result import Alternative, FloatArray
from backtest.significance.robust import diebold_mariano_hall, hall, long_run_skewness
from tests.calibration.short_folds import WORLDS, differences, found, statistics

SIDES: tuple[Alternative, ...] = ("less", "two-sided")


def skewed(seed: int) -> tuple[FloatArray, FloatArray]:
    """Losses (60,) whose differences are as skewed as squared normal numbers."""
    return 1.05 + 0.2 * np.random.default_rng(seed).chisquare(1, 60), np.full(60, 1.2)


@pytest.mark.parametrize("horizon", [1, 5])
def test_in_a_fold_the_statistic_is_halls_against_fixed_b(horizon: int) -> None:
    model, baseline = skewed(3)
    tested = mean_test(model - baseline, horizon=horizon)
    expected = hall(tested.statistic, long_run_skewness(model - baseline, horizon), 60)
    beyond = fixed_b.tail(abs(expected), 60, fixed_b.bandwidth(60, horizon))
    p = {"less": beyond if expected < 0 else 1 - beyond, "two-sided": 2 * beyond}
    for side in SIDES:
        result = diebold_mariano_hall(model, baseline, horizon=horizon, alternative=side)
        assert (result.statistic, result.p_value) == pytest.approx((expected, p[side]), rel=1e-9)
        assert (result.test, result.n, result.lags) == ("diebold_mariano_hall", 60, tested.lags)


def test_without_skewness_a_fold_is_tested_as_usual_and_sides_swap_with_the_models() -> None:
    half = np.random.default_rng(4).standard_normal(30)
    even = np.ravel([half, -half], order="F") - 0.3
    usual = diebold_mariano(even, np.zeros(60), alternative="less")
    assert diebold_mariano_hall(even, np.zeros(60), alternative="less").p_value == pytest.approx(usual.p_value)
    model, baseline = skewed(9)
    less = diebold_mariano_hall(model, baseline, alternative="less").p_value
    assert diebold_mariano_hall(baseline, model, alternative="greater").p_value == pytest.approx(less, rel=1e-9)
    assert diebold_mariano_hall(model, baseline, alternative="greater").p_value == pytest.approx(1 - less, rel=1e-9)


@pytest.mark.parametrize("horizon", [1, 5])
def test_many_samples_at_once_are_tested_as_one_is(horizon: int) -> None:
    samples = differences("gamma", 3, 60, horizon)
    tests = statistics(samples, horizon)
    for place, series in enumerate(samples):
        usual, corrected = (
            test(series, 0 * series, horizon=horizon) for test in (diebold_mariano, diebold_mariano_hall)
        )
        assert tests["usual"][place] == pytest.approx(usual.statistic, rel=1e-9)
        assert tests["Hall"][place] == pytest.approx(corrected.statistic, rel=1e-9)


@pytest.mark.parametrize("world", WORLDS)
def test_a_larger_gain_is_found_more_surely_in_a_fold_which_johnsons_t_does_not_promise(world: str) -> None:
    series = differences(world, 1, 30, 1, seed=2)[0]
    gains = np.linspace(0, 3, 40)
    moved = statistics(series - gains[:, None], 1)
    assert (np.diff(moved["Hall"]) <= 0).all()
    assert (moved["Johnson"][-1] > moved["Johnson"].min()) == (world != "normal")
    p = [diebold_mariano_hall(series - gain, np.zeros(30), alternative="less").p_value for gain in gains]
    assert (np.diff(p) <= 0).all()


@pytest.mark.parametrize(("horizon", "most"), [(1, 0.06), (5, 0.075)])
def test_of_a_skewed_fold_the_corrected_test_errs_less_than_the_usual_one(horizon: int, most: float) -> None:
    wrong = found(differences("gamma", 4000, 120, horizon), horizon)
    assert wrong["Hall"] < most < 0.08 < wrong["usual"]


def test_of_a_fold_without_skewness_the_corrected_test_has_the_level_and_power_of_the_usual_one() -> None:
    samples = differences("normal", 4000, 60, 1)
    for gain, most in ((0.0, 0.065), (2.5, 0.8)):
        shares = found(samples, 1, gain)
        assert shares["Hall"] == pytest.approx(shares["usual"], abs=0.01)
        assert shares["Hall"] < most


def test_where_johnsons_t_loses_a_large_gain_in_a_short_fold_halls_finds_it() -> None:
    samples = differences("gamma", 2000, 60, 1)
    large = found(samples, 1, gain=8.0)
    assert large["Johnson"] < 0.2 < 0.85 < large["Hall"]
