"""Calibration: worlds are what they say, rates are counted right, and the promises hold where it is cheap to ask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.targets import PRIMARY_TEST
from backtest.significance.joint_tests import JOINT_TESTS
from backtest.significance.primary import PRIMARY
from backtest.significance.table import TESTS
from tests.calibration.findings import Planted, Rate, alarms, crossing
from tests.calibration.plan import QUICK, carry_out
from tests.calibration.sizes import SIZES, SKILLS, VERDICTS_TEST, count_covered, count_joint_errors, count_rejections
from tests.calibration.walks import judge_noise, judge_planted
from tests.calibration.worlds import KINDS, calibrated, equal, errors, generator, with_skill, worthless


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("horizon", [1, 5])
def test_errors_have_variance_one_and_overlap_over_the_horizon_alone(kind: str, horizon: int) -> None:
    drawn = errors(kind, generator(kind, horizon), (2, 400, 500), horizon)
    assert drawn.var() == pytest.approx(1, abs=0.15 if kind == "t3" else 0.03)
    for lag in (1, horizon - 1, horizon, horizon + 1):
        expected = 0.0 if kind == "iid" and lag else max(0, 1 - lag / horizon)
        assert np.mean(drawn[:, :, lag:] * drawn[:, :, : 500 - lag]) == pytest.approx(expected, abs=0.15)


def test_clusters_of_volatility_are_shared_and_independent_errors_are_not() -> None:
    correlations = {}
    for kind in ("ma", "garch"):
        squares = errors(kind, generator(kind), (2, 500, 500), 1) ** 2
        correlations[kind] = float(np.corrcoef(squares[0].ravel(), squares[1].ravel())[0, 1])
    assert abs(correlations["ma"]) < 0.01
    assert correlations["garch"] > 0.03


@given(kind=st.sampled_from(list(KINDS)), horizon=st.integers(1, 30), n=st.integers(1, 60), rows=st.integers(1, 4))
def test_samples_satisfy_their_null_hypotheses(kind: str, horizon: int, n: int, rows: int) -> None:
    for null in (equal, worthless, calibrated):
        samples = list(null(kind, horizon, n, rows, generator(0)))
        assert len(samples) == rows
        for sample in samples:
            model, baseline = sample.losses
            np.testing.assert_allclose(model, (sample.y - sample.y_model) ** 2)
            np.testing.assert_allclose(baseline, (sample.y - sample.y_baseline) ** 2)
            assert sample.y.shape == (n,)
            assert sample.horizon == horizon


@pytest.mark.parametrize("skill", SKILLS)
def test_forecasts_have_the_skill_that_they_are_said_to_have(skill: float) -> None:
    y, forecast = with_skill("ma", 5, 4000, 300, skill, generator("truth"))
    assert 1 - ((y - forecast) ** 2).mean() / (y**2).mean() == pytest.approx(skill, abs=0.003)
    assert np.mean(y[:, 4:] * y[:, :-4]) == pytest.approx(0.2 + 0.1 * 0.9**4, abs=0.02)


def test_every_test_that_runs_make_has_its_size_measured() -> None:
    assert {size.test for size in SIZES.values()} == set(TESTS)


def test_the_verdicts_test_keeps_its_size_where_the_truncated_one_does_not() -> None:
    """Forecasts 24 steps ahead, 120 of them: R's own test rejects 11 to 14 % of the time at 5 %."""
    names = ("DM fixed-b, two-sided", "DM truncated, two-sided")
    counts = count_rejections("ma", 24, 120, 500, 0, names)
    assert counts["DM fixed-b, two-sided"][0] < 0.10 * 500
    assert counts["DM truncated, two-sided"][0] > 0.10 * 500


def test_the_same_seed_gives_the_same_counts_and_another_one_does_not() -> None:
    names = (VERDICTS_TEST, "Clark-West")
    first, again, other = (count_rejections("garch", 1, 60, 200, block, names) for block in (0, 0, 1))
    assert first == again
    assert first != other


def test_undefined_samples_are_counted() -> None:
    assert count_rejections("iid", 5, 5, 3, 0, (VERDICTS_TEST,)) == {VERDICTS_TEST: [0, 3]}
    assert count_covered("iid", 40, 40, 0.05, 3, 0) == [0, 3]


def test_joint_tests_rarely_err_where_all_models_are_equal() -> None:
    counts = count_joint_errors("iid", 1, 200, 60, 0)
    assert len(counts) == len(JOINT_TESTS)
    assert all(errors <= 0.2 * 60 and not undefined for errors, undefined in counts.values())
    assert count_joint_errors("iid", 24, 120, 2, 0) == {name: [0, 2] for name in counts}


@pytest.mark.slow
@pytest.mark.parametrize(("horizon", "n"), [(1, 120), (5, 250), (5, 500), (24, 1200), (22, 3000)])
def test_joint_tests_keep_their_size_where_forecasts_overlap(horizon: int, n: int) -> None:
    """With the standard errors of the sample in all resamples SPA rejected 17, 11 and 10 % in the second to fourth."""
    for name, (rejected, undefined) in count_joint_errors("ma", horizon, n, 400, 0).items():
        assert rejected <= 0.09 * 400, name
        assert not undefined


def test_skill_intervals_have_about_their_nominal_coverage() -> None:
    covered, undefined = count_covered("ma", 5, 1000, 0.05, 300, 0)
    assert not undefined
    assert 0.90 * 300 <= covered <= 0.99 * 300


def test_alarms_count_worlds_for_each_model_and_for_any() -> None:
    worlds = [{"ridge": "better", "ar": "worse"}, {"ridge": "worse", "ar": "better"}, {"ridge": "worse", "ar": "worse"}]
    found = alarms(worlds)
    assert found["ridge"] == {"better": Rate(1, 3), "worse": Rate(2, 3)}
    assert found["any"]["better"] == Rate(2, 3)
    assert "any" not in alarms([{"lstm": "no evidence"}])


def planted(skill: float, better: float) -> Planted:
    """A hundred worlds alike in which 3 % would show."""
    return Planted((skill,) * 100, (0.03,) * 100, tuple(place < 100 * better for place in range(100)))


def test_power_is_read_off_where_the_skill_meets_what_is_detectable() -> None:
    found = crossing({0.02: planted(0.01, 0.2), 0.04: planted(0.02, 0.5), 0.08: planted(0.04, 0.9)})
    assert found is not None
    assert (found.signal, found.skill, found.share) == pytest.approx((0.06, 0.03, 0.7))
    assert found.error == pytest.approx(0.029, abs=0.003)
    assert crossing({0.02: planted(0.01, 0.2), 0.04: planted(0.02, 0.5)}) is None


def test_a_strong_signal_is_found_by_a_whole_walk() -> None:
    (skill, detectable, better), *_ = judge_planted("2,000 forecasts", 0.3, 1, 0)
    assert better
    assert skill > detectable > 0


def test_a_network_walks_through_a_world_without_a_signal() -> None:
    (world,) = judge_noise("LSTM", 1, 0)
    assert set(world) == {"lstm"}
    assert world["lstm"] in ("no evidence", "worse", "better")


@pytest.mark.slow
def test_a_quick_calibration_keeps_what_is_promised(tmp_path: Path) -> None:
    """Rates may be off by what so few draws leave: three standard errors, for there are many of them."""
    found = carry_out(QUICK, tmp_path, 2, lambda done, of: None)
    for (kind, horizon, n), rate in found.sizes[VERDICTS_TEST].items():
        if n >= PRIMARY[PRIMARY_TEST].per_step * horizon:
            assert rate.share <= 0.05 + 3 * rate.error(0.05), (kind, horizon, n)
    for walk, worlds in found.noise.items():
        for model, rates in alarms(worlds).items():
            assert rates.get("better", Rate(0, len(worlds))).off(0.05) < 1, (walk, model)
    for signals in found.planted.values():
        power = crossing(signals)
        assert power is not None
        assert power.share >= 0.8 - 2 * power.error
    for cells in found.coverage.values():
        for (kind, horizon, n), rate in cells.items():
            if kind != "t3" and n >= PRIMARY[PRIMARY_TEST].per_step * horizon:
                assert 0.93 - 2 * rate.error(0.95) <= rate.share <= 0.97 + 2 * rate.error(0.95), (kind, horizon, n)
