"""Tests of direction agree with rugarch where it is consistent, and are right under overlap and for several symbols."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError, DataError, NotFinite, UndefinedTest, UnpairedForecasts
from backtest.significance.direction import DEPENDENCE, anatolyev_gerko, pesaran_timmermann
from backtest.significance.mean_tests import mean_test
from backtest.significance.result import FloatArray, TestResult
from tests.support.places import SHARED, needs_shared, shared

CASES: list[dict[str, Any]] = (
    json.loads(shared("reference", "pt", "expected.json").read_text())["cases"] if SHARED else []
)
CONSTANT = {"edge_all_zero_forecast.csv", "edge_all_positive_forecast.csv"}
BOTH = pytest.mark.parametrize("test", [pesaran_timmermann, anatolyev_gerko])
seeds = st.integers(0, 2**32 - 1)


def returns(seed: int, n: int, skill: float = 0.3) -> tuple[FloatArray, FloatArray]:
    """Outcomes and forecasts that know a part of them, of the size of hourly returns; no zeros."""
    y, noise = np.random.default_rng(seed).standard_normal((2, n)) * 0.01
    return y + 0.002, skill * y + noise


@needs_shared
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['test']} {case['input']}")
def test_statistic_and_p_value_agree_with_rugarch_but_for_its_zeros(case: dict[str, Any]) -> None:
    y_hat, y = pl.read_csv(shared("reference", "pt", case["input"])).cast(pl.Float64).to_numpy().T
    test = pesaran_timmermann if case["test"] == "PT" else anatolyev_gerko
    if case["input"] in CONSTANT:
        with pytest.raises(UndefinedTest, match="undefined, "):
            test(y, y_hat)
        return
    result = pesaran_timmermann(y, y_hat, zeros="down") if case["test"] == "PT" else anatolyev_gerko(y, y_hat)
    statistic, n = result.statistic, y.size
    if "statistic_zero_as_down_consistent" in case:  # rugarch: right sign where the product is positive
        assert statistic == pytest.approx(case["statistic_zero_as_down_consistent"], rel=1e-9)
        up, rise = (y_hat > 0).mean(), (y > 0).mean()
        deviation = np.sqrt(4 * up * (1 - up) * rise * (1 - rise) * (n - 1)) / n
        statistic += (case["hit_rate"] - case["hit_rate_zero_as_down"]) / deviation
    elif case["test"] == "AG" and not y_hat.all():  # rugarch: 4 p (1 - p) for the variance of the signs
        signs = np.sign(y_hat)
        statistic *= np.sqrt(signs.var() / (1 - signs.mean() ** 2))
    else:
        assert result.p_value == pytest.approx(case["p_value"], abs=1e-9, rel=0)
    assert statistic == pytest.approx(case["statistic"], rel=1e-9, abs=1e-12)
    assert (result.n, result.lags, result.alternative, result.note) == (n, 0, "greater", "")


@needs_shared
def test_all_golden_cases_are_compared() -> None:
    assert len(CASES) == 38


@given(seeds, st.integers(30, 300), st.floats(-2, 2))
def test_pesaran_timmermann_is_its_definition(seed: int, n: int, skill: float) -> None:
    y, y_hat = returns(seed, n, skill)
    hit, up, rise = ((y > 0) == (y_hat > 0)).mean(), (y_hat > 0).mean(), (y > 0).mean()
    chance = up * rise + (1 - up) * (1 - rise)
    spread = (2 * up - 1) ** 2 * rise * (1 - rise) / n + (2 * rise - 1) ** 2 * up * (1 - up) / n
    spread += 4 * up * rise * (1 - up) * (1 - rise) / n**2
    expected = (hit - chance) / np.sqrt(chance * (1 - chance) / n - spread)
    assert pesaran_timmermann(y, y_hat).statistic == pytest.approx(expected, rel=1e-9, abs=1e-9)


@BOTH
@given(seeds, st.integers(20, 100), st.integers(1, 5), st.integers(-900, 900), st.integers(-900, 900))
def test_units_of_forecasts_and_outcomes_do_not_matter(
    test: Callable[..., TestResult], seed: int, n: int, horizon: int, one: int, other: int
) -> None:
    y, y_hat = returns(seed, n)
    assert test(y * 2.0**one, y_hat * 2.0**other, horizon=horizon) == test(y, y_hat, horizon=horizon)


@BOTH
@given(seeds, st.integers(20, 100), st.integers(1, 5))
def test_negated_forecasts_negate_the_statistic_and_negating_both_series_changes_nothing(
    test: Callable[..., TestResult], seed: int, n: int, horizon: int
) -> None:
    y, y_hat = returns(seed, n)
    ours, turned = test(y, y_hat, horizon=horizon), test(y, -y_hat, horizon=horizon)
    assert turned.statistic == pytest.approx(-ours.statistic, rel=1e-9, abs=1e-9)
    assert turned.p_value == pytest.approx(1 - ours.p_value, abs=1e-9)
    assert test(-y, -y_hat, horizon=horizon).statistic == pytest.approx(ours.statistic, rel=1e-9, abs=1e-9)


def test_a_row_with_a_zero_is_left_out_and_counted() -> None:
    y, y_hat = returns(1, 60)
    y[3], y_hat[7], y_hat[9] = 0, 0, -0.0
    rest = np.delete(np.arange(60), [3, 7, 9])
    ours = pesaran_timmermann(y, y_hat)
    assert ours.note == "3 of 60 rows hold a zero and are left out"
    assert ours.n == 57
    assert ours.statistic == pytest.approx(pesaran_timmermann(y[rest], y_hat[rest]).statistic, rel=1e-12)
    down = pesaran_timmermann(y, y_hat, zeros="down")
    assert (down.n, down.note) == (60, "")
    assert down.statistic == pesaran_timmermann(y - 1e-12, y_hat - 1e-12).statistic


def test_a_zero_forecast_is_a_position_of_zero_that_earns_nothing() -> None:
    y, y_hat = returns(2, 60)
    y_hat[:20] = 0
    result = anatolyev_gerko(y, y_hat)
    assert result.statistic == pytest.approx(np.corrcoef(np.sign(y_hat), y)[0, 1] * 60**0.5, rel=1e-12)
    assert (result.n, result.note) == (60, "")


@pytest.mark.parametrize("horizon", [2, 24])
def test_overlap_is_tested_as_the_mean_of_centred_products_that_keep_their_place(horizon: int) -> None:
    y, y_hat = returns(3, 100)
    y_hat[[10, 50]] = 0
    kept = y_hat != 0
    up, rise = ((series > 0).astype(float) for series in (y_hat, y))
    products = np.where(kept, (up - up[kept].mean()) * (rise - rise[kept].mean()), 0)
    expected = mean_test(products, horizon=horizon, alternative="greater")
    ours = pesaran_timmermann(y, y_hat, horizon=horizon)
    assert ours.statistic == pytest.approx(expected.statistic, rel=1e-9)
    assert ours.p_value == pytest.approx(expected.p_value, rel=1e-9)
    assert (ours.n, ours.lags, ours.alternative) == (100, expected.lags, "greater")
    assert ours.note == f"{DEPENDENCE}; 2 of 100 rows hold a zero and are left out"
    profits = (np.sign(y_hat) - np.sign(y_hat).mean()) * (y - y.mean())
    gained = mean_test(profits, horizon=horizon, alternative="greater")
    assert anatolyev_gerko(y, y_hat, horizon=horizon).statistic == pytest.approx(gained.statistic, rel=1e-9)


@BOTH
@given(seeds, st.integers(1, 4), st.randoms(use_true_random=False))
def test_a_duplicated_symbol_adds_no_evidence_in_any_order_of_rows(
    test: Callable[..., TestResult], seed: int, horizon: int, random: Any
) -> None:
    y, y_hat = returns(seed, 40)
    once = test(y, y_hat, horizon=horizon, times=np.arange(40))
    order = random.sample(range(80), 80)
    twice = test(np.tile(y, 2)[order], np.tile(y_hat, 2)[order], horizon=horizon, times=np.tile(range(40), 2)[order])
    assert twice.statistic == pytest.approx(once.statistic, rel=1e-9, abs=1e-9)
    assert (twice.n, twice.lags, twice.note) == (40, once.lags, DEPENDENCE)
    if horizon > 1:
        assert once == test(y, y_hat, horizon=horizon)


@BOTH
def test_overlap_does_not_make_chance_look_like_skill(test: Callable[..., TestResult]) -> None:
    rng, h, n, rejected = np.random.default_rng(4), 24, 600, np.zeros(2)
    for _ in range(300):
        y = np.convolve(rng.standard_normal(n + h - 1), np.ones(h), "valid")
        y_hat = np.convolve(rng.standard_normal(n + 59), 0.95 ** np.arange(60), "valid")
        rejected += [test(y, y_hat, horizon=h).p_value <= 0.05, test(y, y_hat).p_value <= 0.05]
    assert rejected[0] / 300 < 0.1
    assert rejected[1] / 300 > 0.2  # the classical variance, as if the outcomes did not overlap


@BOTH
def test_a_forecast_that_is_always_right_is_defined_and_sure(test: Callable[..., TestResult]) -> None:
    y, _ = returns(5, 100)
    for horizon in (1, 5):
        assert test(y, y, horizon=horizon).p_value < 1e-4
        assert np.isfinite(test(y, y, horizon=horizon).statistic)


def test_constant_products_are_undefined() -> None:
    y = np.tile([1.0, -1.0], 20)
    assert pesaran_timmermann(y, y).statistic == pytest.approx(40 / 39**0.5)
    with pytest.raises(UndefinedTest, match="products of forecast and outcome are the same at all 40 times"):
        pesaran_timmermann(y, y, horizon=2)


@BOTH
@pytest.mark.parametrize("one", [[0.0] * 4, [0.1 + 0.2, 0.3, 0.3, 0.3]])
@pytest.mark.parametrize("horizon", [1, 2])
def test_forecasts_or_outcomes_of_one_direction_are_undefined(
    test: Callable[..., TestResult], one: list[float], horizon: int
) -> None:
    both = [1.0, -1.0, 2.0, -2.0]
    reason = "the {} have one direction in all 4 rows that count|each of the 4 rows holds a zero"
    with pytest.raises(UndefinedTest, match=f"{test.__name__}: undefined, ({reason.format('outcomes')})"):
        test(one, both, horizon=horizon)
    with pytest.raises(UndefinedTest, match=f"undefined, ({reason.format('forecasts')})"):
        test(both, np.sign(one), horizon=horizon)


@BOTH
@pytest.mark.parametrize(
    ("y", "y_hat", "error", "message"),
    [
        ([1.0, 2.0], [1.0], UnpairedForecasts, r"got y \(2,\) and y_hat \(1,\)"),
        ([1.0, None], [1.0, 2.0], NotFinite, "y: must be finite .* at position 1"),
        ([1.0, 2.0], [float("inf"), 2.0], NotFinite, "y_hat: must be finite .* at position 0"),
        ([], [], UndefinedTest, r"more than the horizon, 1, times are needed \(got 0\)"),
    ],
)
def test_invalid_samples_are_refused(
    test: Callable[..., TestResult], y: list[float], y_hat: list[float], error: type[DataError], message: str
) -> None:
    with pytest.raises(error, match=message):
        test(y, y_hat)


@BOTH
def test_settings_that_do_not_exist_are_refused(test: Callable[..., TestResult]) -> None:
    y, y_hat = returns(6, 30)
    with pytest.raises(ConfigError, match=r"horizon: must be at least 1, a whole number of steps \(got 0\)"):
        test(y, y_hat, horizon=0)
    with pytest.raises(UndefinedTest, match=r"more than the horizon, 30, times are needed \(got 30\)"):
        test(y, y_hat, horizon=30)
    with pytest.raises(UndefinedTest, match=r"more than the horizon, 10, times are needed \(got 10\)"):
        test(y, y_hat, horizon=10, times=np.repeat(range(10), 3))
    with pytest.raises(UnpairedForecasts, match=r"times: one for each of 30 rows is needed \(got shape \(29,\)\)"):
        test(y, y_hat, times=range(29))
    with pytest.raises(ConfigError, match=r"zeros: must be one of omit, down \(got 'up'\)"):
        pesaran_timmermann(y, y_hat, zeros="up")  # type: ignore[arg-type]
