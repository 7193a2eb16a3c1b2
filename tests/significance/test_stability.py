"""The fluctuation test has the published critical values, keeps its size, and finds the spell that carries a result."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError, DataError, NotFinite, UndefinedTest, UnpairedForecasts
from backtest.significance.mean_tests import long_run_variance, mean_test
from backtest.significance.result import FloatArray
from backtest.significance.stability import PATHS, Fluctuation, extreme_values, fluctuation
from tests.support.selection import examples
from tests.support.strategies import SEEDS, Pair, losses

PUBLISHED = {
    0.1: (3.393, 3.170),
    0.2: (3.179, 2.948),
    0.3: (3.012, 2.766),
    0.4: (2.890, 2.626),
    0.5: (2.779, 2.500),
    0.6: (2.634, 2.356),
    0.7: (2.560, 2.252),
    0.8: (2.433, 2.130),
    0.9: (2.248, 1.950),
}
"""Two-sided critical values at 5 and 10 %, Giacomini and Rossi (2010), Table I, by share of the sample."""


def outcome(difference: FloatArray, horizon: int = 1, share: float = 0.3) -> Fluctuation:
    """The test of a loss difference (n,)."""
    return fluctuation(difference, np.zeros(difference.size), horizon=horizon, share=share)


@pytest.mark.parametrize("share", PUBLISHED)
def test_critical_values_are_the_published_ones_within_the_error_of_both_simulations(share: float) -> None:
    extremes = extreme_values(300, round(share * 300), 1)
    assert np.quantile(extremes, [0.95, 0.9]) == pytest.approx(PUBLISHED[share], abs=0.06)


@given(SEEDS, st.sampled_from([30, 120, 301]), st.integers(1, 5), st.sampled_from([0.25, 0.5]))
@examples(30)
def test_the_path_is_that_of_its_definition_and_the_statistic_its_farthest_point(
    seed: int, n: int, horizon: int, share: float
) -> None:
    d = np.random.default_rng(seed).standard_normal(n)
    ours = outcome(d, horizon, share)
    m, sigma = round(share * n), np.sqrt(long_run_variance(d, ours.result.lags + 1))
    expected = [d[start : start + m].sum() / (sigma * m**0.5) for start in range(n - m + 1)]
    assert ours.path == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert ours.result.statistic == ours.path[np.argmax(np.abs(ours.path))]
    assert ours.result.lags == mean_test(d, horizon=horizon).lags
    assert (ours.result.n, ours.result.alternative, ours.share) == (n, "two-sided", share)


@pytest.mark.parametrize(("n", "share", "m"), [(100, 0.25, 25), (101, 0.5, 50), (11, 0.45, 5)])
def test_centres_are_the_middle_rows_of_the_windows(n: int, share: float, m: int) -> None:
    ours = outcome(np.random.default_rng(2).standard_normal(n), share=share)
    assert ours.centres.tolist() == [start + m // 2 for start in range(n - m + 1)]
    assert ours.path.shape == ours.centres.shape


@given(losses(80, 80), st.integers(-60, 60), st.integers(1, 5))
@examples(30)
def test_the_unit_does_not_matter_and_swapping_turns_the_path_over(pair: Pair, exponent: int, horizon: int) -> None:
    model, baseline = pair
    ours = fluctuation(model, baseline, horizon=horizon)
    scaled = fluctuation(model * 2.0**exponent, baseline * 2.0**exponent, horizon=horizon)
    swapped = fluctuation(baseline, model, horizon=horizon)
    assert scaled.result == ours.result
    assert swapped.result.statistic == -ours.result.statistic
    assert swapped.result.p_value == ours.result.p_value
    assert (swapped.path == -ours.path).all()


@given(SEEDS, st.floats(0, 2))
@examples(50)
def test_the_path_leaves_its_band_just_when_p_is_at_most_5_percent(seed: int, gain: float) -> None:
    d = np.random.default_rng(seed).standard_normal(90)
    d[20:50] -= gain
    ours = outcome(d)
    assert (np.abs(ours.path).max() > ours.band) == (ours.result.p_value <= 0.05)
    assert np.sum(extreme_values(90, 27, ours.result.lags + 1) >= ours.band) == 0.05 * (PATHS + 1)


@pytest.mark.parametrize(("n", "horizon", "share"), [(120, 1, 0.3), (120, 24, 0.3), (400, 24, 0.3), (3000, 1, 0.1)])
def test_a_true_null_leaves_its_band_about_once_in_twenty(n: int, horizon: int, share: float) -> None:
    rng, rejected = np.random.default_rng(11), []
    for _ in range(600):
        d = np.convolve(rng.standard_normal(n + horizon - 1), np.ones(horizon), "valid")
        rejected.append(outcome(d, horizon, share).result.p_value <= 0.05)
    assert 0.025 < np.mean(rejected) < 0.085


def test_a_long_sample_is_judged_by_a_short_one_without_bias() -> None:
    rng = np.random.default_rng(4)
    p_values = [outcome(rng.standard_normal(4_000), share=0.1).result.p_value for _ in range(1_000)]
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.025)  # 0.46 without the continuity correction


def test_a_short_period_of_skill_is_found_where_the_whole_sample_shows_none() -> None:
    d = np.random.default_rng(3).standard_normal(1_000)
    d[300:600] -= 0.5
    d[:300] += 0.25
    d[600:] += 0.2
    ours = outcome(d)
    assert abs(mean_test(d).statistic) < 1.5
    assert ours.result.p_value < 0.01
    assert ours.result.statistic < -ours.band
    assert 400 < ours.centres[np.argmin(ours.path)] < 500
    assert ours.result.note == ""


def test_no_p_value_is_zero_and_the_same_numbers_give_the_same_result() -> None:
    d = np.random.default_rng(5).standard_normal(200) + 5
    assert outcome(d).result.p_value == 1 / (PATHS + 1)
    assert outcome(d).result == outcome(d).result
    assert outcome(d).result.statistic > 0


@pytest.mark.parametrize("bad", [None, float("nan"), float("-inf")])
def test_a_loss_that_is_not_finite_is_refused(bad: float | None) -> None:
    with pytest.raises(NotFinite, match=r"loss_baseline: must be finite .* at position 2; 1 of 4"):
        fluctuation([0.2] * 4, pl.Series([0.1, 0.2, bad, 0.3]))


@pytest.mark.parametrize(
    ("model", "baseline", "error", "message"),
    [
        ([1.0, 2.0], [1.0], UnpairedForecasts, r"got loss_model \(2,\) and loss_baseline \(1,\)"),
        ([], [], UndefinedTest, r"more than the horizon, 1, are needed \(got 0\)"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], UndefinedTest, "all 3 are zero"),
        ([1.5, 2.5, 3.5], [1.0, 2.0, 3.0], UndefinedTest, "variance is zero"),
        ([1.0, 3.0], [1.0, 2.0], UndefinedTest, r"more than the horizon, 1, and fewer than all 2 rows .* \(got 1, 0.3"),
    ],
)
def test_invalid_samples_are_refused(
    model: list[float], baseline: list[float], error: type[DataError], message: str
) -> None:
    with pytest.raises(error, match=message):
        fluctuation(model, baseline)


def test_a_window_that_holds_no_more_than_one_overlap_or_all_rows_is_refused() -> None:
    d = np.random.default_rng(6).standard_normal(80)
    with pytest.raises(UndefinedTest, match=r"more than the horizon, 24, .* \(got 24, 0.3 of all\)"):
        outcome(d, horizon=24)
    with pytest.raises(UndefinedTest, match=r"fewer than all 80 rows are needed \(got 80, 0.999 of all\)"):
        outcome(d, share=0.999)
    for share in (0.0, 1.0, float("nan")):
        with pytest.raises(ConfigError, match=r"share: must lie between 0 and 1 \(got"):
            outcome(d, share=share)
