"""The known variance is that of the golden values, sees no later outcome, and follows the time of day."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import UndefinedTest
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.weights import BEGINNING, DECAY, LEAST_FACTOR, known_variance, moving_variance
from tests.support.places import needs_shared, shared


@needs_shared
def test_weights_and_weighted_statistics_are_those_of_r() -> None:
    folder = shared("reference", "weighted_dm")
    expected = json.loads((folder / "expected.json").read_text())
    rows = pl.read_csv(folder / "input.csv")
    y, y_hat = rows["y"].to_numpy(), rows["y_hat"].to_numpy()
    variance = known_variance(y)
    np.testing.assert_allclose(1 / variance, rows["weight"].to_numpy(), rtol=1e-12)
    losses = (y - y_hat) ** 2 / variance, y**2 / variance
    estimators = {"acf": "truncated", "bartlett": "bartlett"}
    for case in expected["dm"]:
        found = diebold_mariano(*losses, horizon=case["h"], estimator=estimators[case["varestimator"]])  # type: ignore[arg-type]
        assert found.statistic == pytest.approx(case["statistic"], rel=1e-9)
    fixed = diebold_mariano(*losses)
    assert fixed.statistic == pytest.approx(expected["fixed_b"]["statistic"], rel=1e-9)
    assert fixed.lags + 1 == expected["fixed_b"]["bandwidth"]
    assert 1 - losses[0].mean() / losses[1].mean() == pytest.approx(expected["weighted_skill"], rel=1e-9)


@given(st.integers(BEGINNING, 199), st.integers(1, 30), st.booleans(), st.floats(-50, 50))
def test_an_outcome_changes_no_variance_before_it_is_known(
    row: int, horizon: int, intraday: bool, value: float
) -> None:
    y = np.random.default_rng(1).standard_normal(240)
    time = np.arange(240) % 24 if intraday else None
    before = known_variance(y, horizon=horizon, time_of_day=time)
    y[row] = value
    after = known_variance(y, horizon=horizon, time_of_day=time)
    np.testing.assert_array_equal(before[: row + horizon], after[: row + horizon])
    if abs(value) > 10 and row + horizon < 240:
        assert after[row + horizon] != before[row + horizon]


def test_a_missing_outcome_changes_nothing() -> None:
    y = np.random.default_rng(2).standard_normal(300)
    holed = np.insert(y, 120, [np.nan] * 7)
    np.testing.assert_array_equal(np.delete(known_variance(holed), np.arange(120, 127)), known_variance(y))


def test_an_hour_in_which_little_is_traded_is_calm() -> None:
    rng, hours = np.random.default_rng(3), np.arange(24 * 600) % 24
    y = rng.standard_normal(hours.size) * np.where(hours < 12, 1.0, 2.0)
    variance = known_variance(y, time_of_day=hours)[24 * 400 :]
    calm, busy = (variance[(hours[24 * 400 :] < 12) == night].mean() for night in (True, False))
    assert calm == pytest.approx(1, rel=0.15)
    assert busy == pytest.approx(4, rel=0.15)


def test_an_hour_in_which_the_price_stands_still_does_not_outweigh_the_others() -> None:
    rng, hours = np.random.default_rng(3), np.arange(24 * 600) % 24
    y = rng.standard_normal(hours.size) * (hours > 0)
    variance = known_variance(y, time_of_day=hours)[24 * 400 :]
    still, moving = (variance[(hours[24 * 400 :] == 0) == stands].mean() for stands in (True, False))
    assert still / moving == pytest.approx(LEAST_FACTOR, rel=0.1)


@pytest.mark.parametrize("y", [np.zeros(100), np.ones(BEGINNING - 1)])
def test_nothing_to_start_from_is_undefined(y: np.ndarray) -> None:
    with pytest.raises(UndefinedTest, match=f"{BEGINNING} outcomes that are not all zero"):
        known_variance(y)


def test_the_moving_variance_is_the_recursion_and_sees_no_later_outcome() -> None:
    y = np.random.default_rng(4).standard_normal(50)
    for horizon in (1, 5):
        found = moving_variance(y, horizon=horizon)
        level = float(np.mean(y**2))
        assert found[:horizon].tolist() == [level] * horizon
        for row in range(horizon, y.size):
            level = DECAY * level + (1 - DECAY) * y[row - horizon] ** 2
            assert found[row] == pytest.approx(level, rel=1e-12)
