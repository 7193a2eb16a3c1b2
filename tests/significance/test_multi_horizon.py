"""The tests over several horizons are Quaedvlieg's on saved resamples, and keep their size where forecasts overlap."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from arch.bootstrap import MovingBlockBootstrap
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError, NotFinite, UndefinedTest, UnpairedForecasts
from backtest.significance import multi_horizon
from backtest.significance.multi_horizon import (
    average_superior_predictive_ability,
    uniform_superior_predictive_ability,
)
from backtest.significance.resampling import Resampling, stationary
from backtest.significance.result import FloatArray
from tests.support.places import needs_shared, shared
from tests.support.resamples import Saved

FEW = Resampling(reps=200)

Losses = dict[int, FloatArray]


def golden() -> tuple[dict[str, Any], FloatArray, Resampling]:
    """Expected values, loss differences (240, 4) and the saved resamples."""
    folder = shared("reference", "quaedvlieg")
    expected = json.loads((folder / "expected.json").read_text())
    rows = pl.read_csv(folder / "indices.csv", has_header=False).to_numpy()
    saved = Resampling(expected["B"], block=expected["L"], bootstrap=lambda data, block, seed: Saved(data, rows))
    return expected, pl.read_csv(folder / "loss_differences.csv").to_numpy(), saved


def overlapping(n: int, rng: np.random.Generator, horizons: tuple[int, ...] = (1, 5, 22)) -> tuple[Losses, Losses]:
    """Squared errors of two models that are equally good: at horizon h the mean of h shocks, times sqrt(h)."""
    longest = max(horizons)
    sums = np.concatenate([np.zeros((2, 1)), rng.standard_normal((2, n + longest - 1)).cumsum(axis=1)], axis=1)
    model, baseline = ({h: (each[h : h + n] - each[:n]) ** 2 / h for h in horizons} for each in sums)
    return model, baseline


@needs_shared
def test_statistics_and_p_values_are_quaedvliegs_with_natural_variances() -> None:
    expected, differences, saved = golden()
    model = dict(enumerate(-differences.T, start=1))
    baseline = {horizon: np.zeros(240) for horizon in model}
    width = 1.3 * 240**0.2
    variances = [multi_horizon._spectral_variance(each, width) for each in differences.T]
    np.testing.assert_allclose(variances, expected["omega_qs"], rtol=1e-10)
    paper = expected["paper_variance"]
    average = average_superior_predictive_ability(model, baseline, bandwidth=width, resampling=saved)
    assert average.statistic == pytest.approx(paper["t_aspa"], rel=1e-10)
    assert average.p_value == paper["p_aspa"]
    uniform = uniform_superior_predictive_ability(model, baseline, bandwidth=width, resampling=saved)
    assert uniform.statistic == pytest.approx(paper["t_uspa"], rel=1e-10)
    assert uniform.p_value == paper["p_uspa"]
    assert (uniform.horizons, uniform.n, uniform.block, uniform.reps) == ((1, 2, 3, 4), 240, 5, 199)


@needs_shared
def test_critical_values_are_quaedvliegs_with_natural_variances() -> None:
    expected, differences, saved = golden()
    for name, gains in (("uspa", differences), ("aspa", differences.mean(axis=1, keepdims=True))):
        _, resampled = multi_horizon._statistics(gains, (1,) * gains.shape[1], 1.3 * 240**0.2, 5, saved)
        quantile = np.quantile(resampled.min(axis=1), 0.95)
        assert quantile == pytest.approx(expected["paper_variance"][f"q95_{name}"], rel=1e-10)


@given(st.integers(30, 80), st.floats(1.5, 20), st.integers(0, 100))
def test_spectral_variance_is_the_weighted_sum_of_all_autocovariances(n: int, bandwidth: float, seed: int) -> None:
    series = np.random.default_rng(seed).normal(size=n).cumsum()
    centred = series - series.mean()
    total = np.sum(centred**2) / n
    for lag in range(1, n):
        x = lag / bandwidth
        m = 6 * np.pi * x / 5
        weight = 25 / (12 * np.pi**2 * x**2) * (np.sin(m) / m - np.cos(m))
        total += 2 * weight * np.sum(centred[lag:] * centred[:-lag]) / n
    assert multi_horizon._spectral_variance(series, bandwidth) == pytest.approx(total, rel=1e-9)


def test_a_model_that_is_better_at_all_horizons_is_found_by_both() -> None:
    model, baseline = overlapping(500, np.random.default_rng(0))
    better = {horizon: losses - 1.5 for horizon, losses in model.items()}
    for test in (average_superior_predictive_ability, uniform_superior_predictive_ability):
        found = test(better, baseline, resampling=FEW)
        assert found.statistic > 3
        assert found.p_value == 0
        assert (found.horizons, found.n, found.reps, found.block >= 44) == ((1, 5, 22), 500, 200, True)
        assert found.note == f"horizons 1, 5, 22; 200 resamples in blocks of {found.block} on average"
        assert test(baseline, better, resampling=FEW).p_value == 1


def test_a_model_that_is_worse_at_one_horizon_may_be_better_on_average_and_never_uniformly() -> None:
    model, baseline = overlapping(500, np.random.default_rng(0))
    mixed = {1: model[1] + 0.5, 5: model[5] - 2, 22: model[22] - 2}
    assert average_superior_predictive_ability(mixed, baseline, resampling=FEW).p_value < 0.01
    found = uniform_superior_predictive_ability(mixed, baseline, resampling=FEW)
    assert found.statistic < 0
    assert found.p_value > 0.5


def test_the_smallest_statistic_is_that_of_one_horizon_alone() -> None:
    model, baseline = overlapping(500, np.random.default_rng(3))
    alone = [
        uniform_superior_predictive_ability({horizon: model[horizon]}, {horizon: baseline[horizon]}, resampling=FEW)
        for horizon in model
    ]
    together = uniform_superior_predictive_ability(model, baseline, resampling=FEW)
    assert together.statistic == pytest.approx(min(each.statistic for each in alone), rel=1e-12)


def test_all_the_weight_on_the_longest_horizon_is_the_test_at_that_horizon() -> None:
    model, baseline = overlapping(300, np.random.default_rng(5))
    alone = average_superior_predictive_ability({22: model[22]}, {22: baseline[22]}, resampling=FEW)
    weighted = average_superior_predictive_ability(model, baseline, weights={1: 0, 5: 0, 22: 3}, resampling=FEW)
    assert (weighted.statistic, weighted.p_value) == (alone.statistic, alone.p_value)
    equal = average_superior_predictive_ability(model, baseline, resampling=FEW)
    assert equal == average_superior_predictive_ability(
        model, baseline, weights=dict.fromkeys(model, 7), resampling=FEW
    )
    assert equal.statistic != alone.statistic


def test_neither_the_order_of_the_horizons_nor_the_unit_of_the_losses_matters() -> None:
    model, baseline = overlapping(300, np.random.default_rng(1))
    turned = {horizon: model[horizon] * 2**-20 for horizon in reversed(model)}
    small = {horizon: losses * 2**-20 for horizon, losses in baseline.items()}
    for test in (average_superior_predictive_ability, uniform_superior_predictive_ability):
        found, again = test(model, baseline, resampling=FEW), test(turned, small, resampling=FEW)
        assert (found.p_value, found.horizons, found.block) == (again.p_value, again.horizons, again.block)
        assert found.statistic == pytest.approx(again.statistic, rel=1e-12)


def test_the_seed_alone_decides_on_the_draws() -> None:
    model, baseline = overlapping(300, np.random.default_rng(1))
    runs = [
        uniform_superior_predictive_ability(model, baseline, resampling=Resampling(reps=300, seed=seed))
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1]
    assert runs[0].p_value != runs[2].p_value


def test_a_moving_block_bootstrap_does_and_one_of_random_lengths_is_refused() -> None:
    model, baseline = overlapping(300, np.random.default_rng(1))
    moving = Resampling(200, bootstrap=lambda data, block, seed: MovingBlockBootstrap(block, data, seed=seed))
    assert 0 < uniform_superior_predictive_ability(model, baseline, resampling=moving).p_value < 1
    with pytest.raises(ConfigError, match="bootstrap: must draw blocks of 44 neighbours"):
        uniform_superior_predictive_ability(model, baseline, resampling=Resampling(200, 0, 44, stationary))


def test_resamples_that_do_not_vary_count_against_the_model() -> None:
    rare = np.zeros(60)
    rare[5:7] = 1, -1
    blocks = Resampling(500, block=20)
    found = uniform_superior_predictive_ability({1: rare}, {1: np.zeros(60)}, resampling=blocks)
    assert found.statistic == 0
    assert found.p_value > 0.9


def test_refused_losses_and_settings_are_named() -> None:
    model, baseline = overlapping(300, np.random.default_rng(1))
    test, average = uniform_superior_predictive_ability, average_superior_predictive_ability
    with pytest.raises(ConfigError, match=r"horizons: the same .* \(got \[1, 5, 22\] and \[1, 5\]\)"):
        test(model, {1: baseline[1], 5: baseline[5]})
    with pytest.raises(ConfigError, match=r"horizons: the same .* \(got \[\] and \[\]\)"):
        test({}, {})
    with pytest.raises(ConfigError, match="horizon: must be at least 1"):
        test({0: model[1]}, {0: baseline[1]})
    with pytest.raises(UnpairedForecasts, match=r"model at horizon 5 \(299,\)"):
        test({**model, 5: model[5][1:]}, baseline)
    with pytest.raises(NotFinite, match="baseline at horizon 22: must be finite"):
        test(model, {**baseline, 22: [np.nan, *baseline[22][1:]]})
    with pytest.raises(UndefinedTest, match="at least 220 times are needed at horizon 22"):
        test(*overlapping(219, np.random.default_rng(1)))
    with pytest.raises(UndefinedTest, match="losses at horizon 5: model and baseline have the same"):
        test({**model, 5: baseline[5]}, baseline)
    with pytest.raises(UndefinedTest, match=r"too large or too small to be squared \(overflow"):
        test({1: model[1] * 1e200}, {1: baseline[1] * 1e200})
    for bandwidth in (0.0, np.nan, np.inf):
        with pytest.raises(ConfigError, match="bandwidth: must be above 0"):
            test(model, baseline, bandwidth=bandwidth)
    with pytest.raises(ConfigError, match="block: at most half of the 300 times"):
        test(model, baseline, resampling=Resampling(block=151))
    for weights in ({1: 1.0}, {1: 1.0, 5: 1.0, 22: -1.0}, {1: 1.0, 5: 1.0, 22: np.nan}, dict.fromkeys(model, 0.0)):
        with pytest.raises(ConfigError, match="weights: one number of at least 0 for each of the horizons"):
            average(model, baseline, weights=weights)


@pytest.mark.slow
@pytest.mark.parametrize("n", [250, 1000])
def test_size_is_kept_where_forecasts_overlap(n: int) -> None:
    """With a bandwidth of 1.3 n^(1/5) and blocks of 5, 15 to 18 % are rejected on average and 11 to 12 % uniformly."""
    draws, rejected = 500, {"average": 0, "uniform": 0}
    for seed in range(draws):
        losses, resampling = overlapping(n, np.random.default_rng([n, seed])), Resampling(reps=199, seed=seed)
        rejected["average"] += average_superior_predictive_ability(*losses, resampling=resampling).p_value <= 0.05
        rejected["uniform"] += uniform_superior_predictive_ability(*losses, resampling=resampling).p_value <= 0.05
    for test, count in rejected.items():
        assert 0.02 * draws <= count <= 0.085 * draws, test


@pytest.mark.slow
def test_the_uniform_test_exceeds_its_level_where_one_horizon_alone_is_a_tie() -> None:
    """A property of the test as published, which its docstring tells; no mistake of ours should make it worse."""
    draws, rejected = 200, 0
    for seed in range(draws):
        model, baseline = overlapping(1000, np.random.default_rng([1000, seed]))
        ahead = {1: model[1], 5: model[5] - 3, 22: model[22] - 3}
        found = uniform_superior_predictive_ability(ahead, baseline, resampling=Resampling(reps=199, seed=seed))
        rejected += found.p_value <= 0.05
    assert 0.1 * draws <= rejected <= 0.25 * draws
