"""Forecasts of variances: what must hold for any variances, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from backtest.data.errors import ConfigError, NotFinite, TooFewBars
from backtest.data.losses import qlike
from backtest.models import volatility as v
from backtest.models.filters import insanity_filter, target_range
from backtest.models.windows import Floats
from tests.support.realised import before, future_mean
from tests.support.selection import examples


def simulated(rows: int, seed: int) -> Floats:
    """Variances of a lognormal autoregression, as noisy as realised variances are."""
    noise = np.random.default_rng(seed).normal(size=rows)
    logs = np.zeros(rows)
    for row in range(1, rows):
        logs[row] = 0.95 * logs[row - 1] + 0.4 * noise[row]
    return np.exp(logs)


@examples(40)
@given(st.floats(1e-10, 1e6), st.integers(0, 5), st.sampled_from([1, 5]))
def test_forecasts_are_positive_and_in_the_unit_of_the_variances(c: float, seed: int, horizon: int) -> None:
    variances = simulated(400, seed)

    def forecasts(rv: Floats) -> list[Floats]:
        history, y = before(rv), future_mean(rv, horizon)
        x, train = v.har_regressors(history), slice(0, 300)
        fit, log_fit = v.fit_har(x[train], y[train]), v.fit_har(np.log(x[train]), np.log(y[train]))
        raw = v.har_forecast(fit.coefficients, x)
        logs = v.har_forecast(log_fit.coefficients, np.log(x))
        return [
            insanity_filter(raw, target_range(y[train]))[0],
            v.variance_from_log(logs, log_fit.s2),
            np.exp(logs) * v.smearing_factor(log_fit.residuals),
            v.ewma_forecast(history, v.fit_ewma_decay(history[train], y[train])),
            v.random_walk_forecast(history, horizon),
        ]

    for plain, scaled in zip(forecasts(variances), forecasts(c * variances), strict=True):
        assert (plain > 0).all()
        np.testing.assert_allclose(scaled, c * plain, rtol=1e-5)


def test_several_horizons_are_fitted_as_each_alone() -> None:
    rv = simulated(400, 1)
    x = v.har_regressors(before(rv))[:370]
    y = np.column_stack([horizon * future_mean(rv, horizon)[:370] for horizon in (1, 5)])
    both, ranges = v.fit_har(x, y), target_range(y)
    forecasts, replaced = insanity_filter(v.har_forecast(both.coefficients, x), ranges)
    for place in (0, 1):
        alone = v.fit_har(x, y[:, place])
        np.testing.assert_allclose(both.coefficients[:, place], alone.coefficients, rtol=1e-9)
        np.testing.assert_allclose(both.s2[place], alone.s2, rtol=1e-9)
        smearing, smearing_alone = (v.smearing_factor(0.1 * fit.residuals) for fit in (both, alone))
        np.testing.assert_allclose(smearing[place], smearing_alone, rtol=1e-9)
        range_alone = target_range(y[:, place])
        np.testing.assert_allclose([part[place] for part in ranges], range_alone)
        kept, count = insanity_filter(v.har_forecast(alone.coefficients, x), range_alone)
        np.testing.assert_allclose(forecasts[:, place], kept, rtol=1e-9)
        replaced -= count
    assert replaced == 0


def test_the_lognormal_correction_forecasts_the_mean_and_none_the_median() -> None:
    logs = np.random.default_rng(0).normal(-9, 0.7, 200_000)
    variances = np.exp(logs)
    fit = v.fit_har(np.zeros((len(logs), 1)), logs)
    np.testing.assert_allclose(v.variance_from_log(fit.coefficients[:1], fit.s2), variances.mean(), rtol=0.01)
    median = np.exp(fit.coefficients[0])
    np.testing.assert_allclose(median * v.smearing_factor(fit.residuals), variances.mean(), rtol=1e-9)
    np.testing.assert_allclose(median, np.median(variances), rtol=0.01)


def test_the_filter_replaces_what_training_has_never_seen() -> None:
    forecasts = np.array([-1.0, 0.9, 1.0, 6.0, 6.1, np.nan, np.inf])
    kept, replaced = insanity_filter(forecasts, target_range(np.array([1.0, 2.0, 6.0])))
    np.testing.assert_array_equal(kept, [3.0, 3.0, 1.0, 6.0, 3.0, 3.0, 3.0])
    assert replaced == 5


def test_the_ewma_without_a_start_is_a_weighted_mean_of_the_window() -> None:
    history = simulated(80, 3).reshape(2, 40)
    weights = 0.9 ** np.arange(40)[::-1]
    np.testing.assert_allclose(v.ewma_forecast(history, 0.9), np.average(history, axis=1, weights=weights), rtol=1e-12)


def test_the_fitted_decay_is_no_worse_than_any_other() -> None:
    rng = np.random.default_rng(2)
    rv = simulated(3000, 2) * rng.gamma(1.0, 1.0, 3000)
    rv[5] = 0.0
    history, y = sliding_window_view(rv, 200)[:-1], rv[200:]
    best = v.fit_ewma_decay(history, y)
    losses = {decay: qlike(y, v.ewma_forecast(history, decay)).mean() for decay in np.arange(0.5, 0.999, 0.01)}
    assert qlike(y, v.ewma_forecast(history, best)).mean() <= min(losses.values()) + 1e-9
    assert abs(best - min(losses, key=lambda decay: losses[decay])) < 0.01
    flat = np.vstack([np.zeros((3, 200)), history])
    assert v.fit_ewma_decay(flat, np.append(np.zeros(3), y)) == best


def test_the_random_walk_is_the_last_span_of_the_target() -> None:
    history = simulated(60, 4).reshape(2, 30)
    np.testing.assert_allclose(v.random_walk_forecast(history), history[:, -1])
    np.testing.assert_allclose(v.random_walk_forecast(history, 5), history[:, -5:].mean(axis=1))


def test_what_cannot_be_fitted_is_refused() -> None:
    x = np.ones((5, 3))
    with pytest.raises(TooFewBars, match=r"more than 4 training rows \(got 4\)"):
        v.fit_har(x[:4], np.ones(4))
    with pytest.raises(NotFinite, match="finite regressors and targets"):
        v.fit_har(x, np.array([0.0, 1.0, 2.0, 3.0, -np.inf]))
    with pytest.raises(ConfigError, match=r"expected 1 to 3, .*\(got \(1, 5, 22\)\)"):
        v.har_regressors(x)
    with pytest.raises(ConfigError, match=r"got \(0,\)"):
        v.har_regressors(x, (0,))
    with pytest.raises(TooFewBars, match="variance above zero"):
        v.fit_ewma_decay(np.zeros((4, 3)), np.ones(4))
    with pytest.raises(NotFinite, match="above zero"):
        v.smallest_positive(np.zeros(3))
    assert v.smallest_positive(np.array([0.0, 3.0, 2.0])) == 2.0
    assert np.isfinite(v.fit_har(x, np.ones(5)).coefficients).all()
