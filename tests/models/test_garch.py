"""GARCH and GJR-GARCH against golden values and `arch`, and what must hold for any returns."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from arch import arch_model
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from backtest.data.errors import NotFinite, TooFewBars
from backtest.models.garch import (
    RISKMETRICS,
    Distribution,
    Garch,
    GarchParams,
    GjrGarch,
    backcast,
    fit_garch,
    garch_forecast,
    longest_stretch,
    next_variance,
)
from backtest.models.volatility import ewma_forecast
from backtest.models.windows import Floats, Windows
from tests.support.places import needs_shared, shared
from tests.support.selection import examples

TRUE = GarchParams(omega=2e-6, alpha=0.04, gamma=0.08, beta=0.90, nu=6.0)


def simulated(params: GarchParams, rows: int, seed: int) -> Floats:
    """Returns of a GJR-GARCH with Student t shocks."""
    shocks = np.random.default_rng(seed).standard_t(params.nu, rows) * np.sqrt((params.nu - 2) / params.nu)
    variance, returns = params.omega / (1 - params.persistence), np.zeros(rows)
    for row in range(rows):
        returns[row] = np.sqrt(variance) * shocks[row]
        news = (params.alpha + params.gamma * (returns[row] < 0)) * returns[row] ** 2
        variance = params.omega + news + params.beta * variance
    return returns


@needs_shared
@pytest.mark.parametrize("name", ["garch", "gjr", "igarch_like", "near_constant"])
def test_recursion_and_sums_are_the_golden_ones(name: str) -> None:
    cases = json.loads(shared("reference", "garch", "expected.json").read_text("utf-8"))
    (case,) = (one for one in cases if one["name"] == name)
    returns = pl.read_csv(shared("reference", "garch", "input.csv"))["ret"].to_numpy()
    path = pl.read_csv(shared("reference", "garch", "sigma2.csv"))[name].to_numpy()
    params = GarchParams(*(case[key] for key in ("omega", "alpha", "gamma", "beta")))
    before = backcast(returns[None, :])
    np.testing.assert_allclose(before, case["backcast"], rtol=1e-12)
    rows = [*range(100), *range(100, len(path), 100)]
    ours = [next_variance(params, returns[None, :row], before)[0] for row in rows]
    np.testing.assert_allclose(ours, path[rows], rtol=1e-12)
    sums = [garch_forecast(params, returns[None, :], horizon)[0] for horizon in (1, 6, 24)]
    np.testing.assert_allclose(sums, case["sum_forecast_1_to_h_6_24"], rtol=1e-11)


@pytest.mark.parametrize("asymmetric", [False, True])
def test_forecasts_are_those_of_arch_with_the_same_parameters(asymmetric: bool) -> None:
    params = TRUE if asymmetric else TRUE._replace(gamma=0.0)
    windows = simulated(TRUE, 900, 1).reshape(3, 300)
    values = [params.omega, params.alpha, *([params.gamma] if asymmetric else []), params.beta]
    for horizon in (1, 5, 22):
        ours = garch_forecast(params, windows, horizon)
        for row, window in enumerate(windows):
            model = arch_model(window, mean="Zero", o=int(asymmetric), rescale=False)
            theirs = model.fix(values).forecast(horizon=horizon).variance.to_numpy().sum()
            np.testing.assert_allclose(ours[row], theirs, rtol=1e-10)


@pytest.mark.parametrize("distribution", ["normal", "t"])
@pytest.mark.parametrize("asymmetric", [False, True])
def test_estimates_are_as_likely_as_those_of_arch_and_near_the_truth(
    asymmetric: bool, distribution: Distribution
) -> None:
    true = TRUE if asymmetric else TRUE._replace(gamma=0.0)
    returns = simulated(true, 4000, 2)
    fit = fit_garch(returns, asymmetric=asymmetric, distribution=distribution)
    assert fit.converged
    assert fit == fit_garch(returns.copy(), asymmetric=asymmetric, distribution=distribution)
    assert f"persistence {fit.params.persistence:.4f}" in fit.note
    model: Any = arch_model(1000 * returns, mean="Zero", o=int(asymmetric), dist=distribution, rescale=False)
    theirs = model.fit(disp="off")
    scaled = fit.params._replace(omega=fit.params.omega * 1e6)
    kept = [scaled.omega, scaled.alpha, *([scaled.gamma] if asymmetric else []), scaled.beta]
    ours = model.fix([*kept, *([scaled.nu] if distribution == "t" else [])])
    assert ours.loglikelihood > theirs.loglikelihood - 0.01
    np.testing.assert_allclose(fit.params.persistence, true.persistence, atol=0.02)
    np.testing.assert_allclose(fit.params.gamma, true.gamma, atol=0.04)
    assert (4 < fit.params.nu < 9) if distribution == "t" else np.isinf(fit.params.nu)


@examples(20)
@given(st.floats(1e-6, 1e3), st.integers(0, 3), st.booleans(), st.integers(1, 24))
def test_forecasts_are_positive_and_in_the_unit_of_the_returns(
    c: float, seed: int, asymmetric: bool, horizon: int
) -> None:
    returns = simulated(TRUE, 600, seed)
    plain, scaled = (fit_garch(unit * returns, asymmetric=asymmetric).params for unit in (1.0, c))
    windows = returns.reshape(6, 100)
    forecasts = garch_forecast(plain, windows, horizon)
    assert (forecasts > 0).all()
    np.testing.assert_allclose(garch_forecast(scaled, c * windows, horizon), c**2 * forecasts, rtol=1e-3)


def test_the_sum_of_many_bars_approaches_the_long_run_variance() -> None:
    returns = simulated(TRUE, 300, 4)[None, :]
    far = garch_forecast(TRUE, returns, 2000) - garch_forecast(TRUE, returns, 1999)
    np.testing.assert_allclose(far, TRUE.omega / (1 - TRUE.persistence), rtol=1e-9)


def test_riskmetrics_as_a_garch_is_the_ewma_flat_over_the_horizon() -> None:
    returns = simulated(TRUE, 200, 5).reshape(2, 100)
    before = np.array([1e-4, 2e-4])
    np.testing.assert_allclose(
        garch_forecast(RISKMETRICS, returns, 5, before), 5 * ewma_forecast(returns**2, 0.94, before), rtol=1e-12
    )


def test_a_fit_that_does_not_converge_falls_back_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from arch.univariate.base import ARCHModelResult

    assert fit_garch(np.zeros(100)) == (RISKMETRICS, False, "every return is zero: RiskMetrics, 0.94")
    monkeypatch.setattr(ARCHModelResult, "convergence_flag", 9)
    returns = simulated(TRUE, 300, 6)
    assert fit_garch(returns) == (RISKMETRICS, False, "the estimation did not converge: RiskMetrics, 0.94")


def test_the_second_start_is_tried_before_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    from arch.univariate.base import ARCHModelResult

    flags = iter([8, 0])
    monkeypatch.setattr(ARCHModelResult, "convergence_flag", property(lambda _: next(flags)))
    assert fit_garch(simulated(TRUE, 300, 6)).converged


def test_a_fit_leaves_the_filters_of_warnings_as_they_were() -> None:
    before = list(warnings.filters)
    fit_garch(simulated(TRUE, 300, 7))
    assert list(warnings.filters) == before


def test_returns_that_cannot_be_fitted_are_refused() -> None:
    with pytest.raises(NotFinite, match="finite returns"):
        fit_garch(np.array([np.nan] * 100))
    with pytest.raises(TooFewBars, match=r"at least 8 returns \(got 7\)"):
        fit_garch(np.ones(7))


def windows(returns: Floats, start: int, end: int, *, level: float = 1.0, horizon: int = 3) -> Windows:
    """Windows of 60 returns, whose outcome is `level` times the sum of the next squared ones."""
    squares = level * returns**2
    target = np.append(sliding_window_view(squares[1:], horizon).sum(axis=1), np.full(horizon, np.nan))
    ends = np.arange(max(start, 59), end)
    return Windows(returns[:end, None], returns[:end], target[:end, None], ends, 60, (horizon,), squares[:end])


@pytest.mark.parametrize(("model", "asymmetric"), [(Garch, False), (GjrGarch, True)])
def test_the_models_forecast_as_arch_does_at_the_level_of_the_outcomes(model: type[Garch], asymmetric: bool) -> None:
    returns, level = simulated(TRUE, 1_500, 8), 0.7
    parts = windows(returns, 0, 1_000, level=level), windows(returns, 1_003, 1_200, level=level)
    rival = model()
    note = rival.fit(*parts).note
    fit = fit_garch(returns[:1_200], asymmetric=asymmetric)
    kept = [fit.params.omega, fit.params.alpha, *([fit.params.gamma] if asymmetric else []), fit.params.beta]

    def of_arch(part: Windows) -> Floats:
        past = part.past_returns
        models = [arch_model(row, mean="Zero", o=int(asymmetric), rescale=False).fix(kept) for row in past]
        return np.array([one.forecast(horizon=3).variance.to_numpy().sum() for one in models])

    ask = windows(returns, 1_300, 1_320)
    ratio = rival.predict(ask.hidden()) / of_arch(ask)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)
    assert ratio[0] == pytest.approx(level, rel=0.1)
    assert sum(part.y.sum() for part in parts) == pytest.approx(sum(rival.forecast(part).sum() for part in parts))
    assert note == f"{fit.note}; times {ratio[0]:.4g}, to the level of the outcomes"


@pytest.mark.parametrize(("lengths", "longest"), [((400, 700, 300), slice(400, 1_100)), ((500, 500), slice(500, None))])
def test_the_likelihood_joins_no_returns_across_a_hole_or_two_symbols(lengths: tuple[int, ...], longest: slice) -> None:
    returns = simulated(TRUE, sum(lengths), 9)
    place = np.arange(sum(lengths)) + np.repeat(np.arange(len(lengths)), lengths)
    borders = np.cumsum((0, *lengths))
    ends = np.concatenate([np.arange(first + 59, last - 3) for first, last in pairwise(borders.tolist())])
    whole = replace(windows(returns, 0, len(returns)), ends=ends, place=place)
    train, validation = (replace(whole, ends=part) for part in (ends[:-100], ends[-100:]))
    expected = returns[longest][:-3]  # the last rows have no outcome, and no window
    assert longest_stretch(train, validation).tolist() == expected.tolist()
    rival = GjrGarch()
    rival.fit(train, validation)
    theirs = arch_model(100 * expected, mean="Zero", o=1, dist="t", rescale=False).fit(disp="off")
    omega, *dynamics, nu, _ = rival.parameters
    fixed = arch_model(100 * expected, mean="Zero", o=1, dist="t", rescale=False).fix([1e4 * omega, *dynamics, nu])
    assert fixed.loglikelihood > theirs.loglikelihood - 0.01


def test_returns_of_zero_are_forecast_by_the_mean_outcome() -> None:
    returns = np.zeros(400)
    flat = [replace(windows(returns, *span), targets=np.full((span[1], 1), 2e-4)) for span in ((0, 200), (203, 300))]
    rival = Garch()
    assert rival.fit(*flat).note == "every return is zero: RiskMetrics, 0.94; times 1, to the level of the outcomes"
    assert rival.predict(windows(returns, 310, 320)).tolist() == pytest.approx([2e-4] * 10)
