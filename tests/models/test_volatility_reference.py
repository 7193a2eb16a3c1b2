"""Forecasts of variances against golden values of R and numpy: HAR and its relatives, EWMA, the random walk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from backtest.data.losses import qlike, squared
from backtest.models import volatility as v
from backtest.models.filters import insanity_filter, target_range
from backtest.models.settings import NetSettings
from backtest.models.variance import Har, HarModel, Harq, LogHar
from backtest.models.windows import Floats, Windows
from tests.support.places import needs_shared, shared
from tests.support.realised import MONTH, before, future_mean

pytestmark = pytest.mark.integration

WINDOW = 1000


@cache
def golden(name: str) -> Any:
    return json.loads(shared("reference", name, "expected.json").read_text("utf-8"))


@cache
def measures() -> Mapping[str, Floats]:
    table = pl.read_parquet(shared("data", "volatility", "sp500rm.parquet"))
    return {name: table[name].to_numpy() for name in ("RV", "RQ", "BPV", "TPQ")}


@cache
def regressors(name: str) -> Floats:
    """Regressors (4074, p) of a model for the S&P 500's rows from the 22nd on."""
    rv, rq, bpv, tpq = (before(measures()[each]) for each in ("RV", "RQ", "BPV", "TPQ"))
    center, tri_power_center = (float(np.sqrt(measures()[each]).mean()) for each in ("RQ", "TPQ"))
    har, char, jumps = v.har_regressors(rv), v.har_regressors(bpv), v.jump_variation(rv, bpv)
    every_error = v.quarticity_regressors(rv, rq, v.TRADING_DAYS, center)
    parts = {
        "HAR": [har],
        "HARJ": [har, v.har_regressors(jumps, (1,))],
        "CHAR": [char],
        "HARQ": [har, v.quarticity_regressors(rv, rq, (1,), center)],
        "FULLHARQ": [har, every_error],
        "FULLHARQJ": [har, every_error, v.har_regressors(jumps)],
        "CHARQ": [char, v.quarticity_regressors(bpv, tpq, (1,), tri_power_center)],
        "logHAR": [np.log(har)],
    }
    return np.hstack(parts[name])


@cache
def walk(name: str, horizon: int = 1, *, expanding: bool = False, of_r: bool = False, peek: bool = False) -> Floats:
    """Forecasts for row 1000 and every later one, each from the 1,000 rows before it, or from all.

    `of_r` lets the filter pass any forecast from 0 to the largest target; `peek` shows it the forecast's own target.
    The reference filters levels only: a log-HAR is never negative.
    """
    x, y = regressors(name), future_mean(measures()["RV"], horizon)
    forecasts = []
    for row in range(WINDOW - MONTH, len(y)):
        train = slice(0 if expanding else row - WINDOW + MONTH, row - horizon + 1)
        fit = v.fit_har(x[train], np.log(y[train]) if name == "logHAR" else y[train])
        forecast = v.har_forecast(fit.coefficients, x[row : row + 1])
        targets = target_range(np.append(y[train], y[row]) if peek else y[train])
        targets = targets._replace(low=np.zeros(())) if of_r else targets
        if name == "logHAR":
            forecasts.append(v.variance_from_log(forecast, fit.s2))
        else:
            forecasts.append(insanity_filter(forecast, targets)[0])
    return np.concatenate(forecasts)


def scores(forecasts: Floats, horizon: int = 1) -> tuple[float, float]:
    """Mean squared error, and mean QLIKE in the form RV / h - ln(RV / h) - 1."""
    y = future_mean(measures()["RV"], horizon)[WINDOW - MONTH :]
    return float(squared(y, forecasts).mean()), float((qlike(y, forecasts) - 1 - np.log(y)).mean())


@needs_shared
@pytest.mark.parametrize("name", ["HAR", "CHARQ", "FULLHARQJ"])
def test_coefficients_are_those_that_r_publishes(name: str) -> None:
    fit = v.fit_har(regressors(name), future_mean(measures()["RV"], 1))
    np.testing.assert_allclose(fit.coefficients, golden("har")["in_sample"][name], rtol=1e-6, atol=6e-9)


@needs_shared
def test_scores_of_fitted_values_are_those_that_r_publishes() -> None:
    expected, y = golden("har")["in_sample"], future_mean(measures()["RV"], 1)
    for name in ("HARQ", "FULLHARQ"):
        fit = v.fit_har(regressors(name), y)
        fitted = v.har_forecast(fit.coefficients, regressors(name))
        np.testing.assert_allclose(y - fitted, fit.residuals, rtol=0, atol=1e-10)
        np.testing.assert_allclose(squared(y, fitted).mean(), expected[f"mse_{name}"], rtol=1e-8)
        if name == "HARQ":
            kept, _ = insanity_filter(fitted, target_range(y))
            loss = (qlike(y, kept) - 1 - np.log(y)).mean()
            np.testing.assert_allclose(loss, expected["qlike_HARQ_filtered"], rtol=1e-7)


@needs_shared
@pytest.mark.parametrize("horizon", [1, 5, 22])
@pytest.mark.parametrize("name", ["HAR", "logHAR", "HARQ"])
def test_walks_forecast_what_the_reference_forecasts(name: str, horizon: int) -> None:
    reference = pl.read_csv(shared("reference", "har", f"{name.lower()}_h{horizon}.csv"))
    forecasts = walk(name, horizon)
    np.testing.assert_allclose(future_mean(measures()["RV"], horizon)[WINDOW - MONTH :], reference["y"], rtol=1e-9)
    np.testing.assert_allclose(forecasts, reference["y_hat"], rtol=1e-9)
    expected = golden("har")["walk_1000"][f"{name}_h{horizon}"]
    np.testing.assert_allclose(scores(forecasts, horizon), (expected["mse"], expected["qlike"]), rtol=1e-9)


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("peek", [True, False])
def test_ratios_of_walks_are_those_of_r_only_if_its_filter_sees_the_target(peek: bool) -> None:
    expected = golden("har")["out_of_sample_R" if peek else "out_of_sample_honest"]
    har = scores(walk("HAR", of_r=True, peek=peek))
    for kind, place in (("mse", 0), ("qlike", 1)):
        for name, ratio in expected[f"rolling_{kind}_ratio_to_HAR"].items():
            found = scores(walk(name, of_r=True, peek=peek))[place] / har[place]
            np.testing.assert_allclose(found, ratio, rtol=1e-8 if peek else 1e-9)


@needs_shared
def test_an_expanding_walk_has_the_ratios_of_r() -> None:
    expected = golden("har")["out_of_sample_R"]["increasing_HARQ_to_HAR"]
    harq, har = (scores(walk(name, expanding=True, of_r=True, peek=True)) for name in ("HARQ", "HAR"))
    np.testing.assert_allclose(np.divide(harq, har), (expected["mse"], expected["qlike"]), rtol=1e-8)


@needs_shared
def test_random_walk_and_ewma_score_as_the_reference() -> None:
    expected, rv = golden("har")["walk_1000"], measures()["RV"]
    last = v.random_walk_forecast(before(rv))[WINDOW - MONTH :]
    smooth = [float(rv[:MONTH].mean())]  # as the reference starts: an honest walk starts from past values only
    for value in rv[:-1]:
        smooth.append(float(v.ewma_forecast(np.array([[value]]), 0.94, smooth[-1])[0]))
    for name, forecasts in {"RW_h1": last, "EWMA094_h1": np.array(smooth[WINDOW:])}.items():
        np.testing.assert_allclose(scores(forecasts), (expected[name]["mse"], expected[name]["qlike"]), rtol=1e-9)


@needs_shared
@pytest.mark.parametrize("start", ["first_square", "sample_mean_square", "arch_backcast"])
def test_the_ewma_recursion_is_the_golden_one(start: str) -> None:
    squares = pl.read_csv(shared("reference", "ewma", "input.csv"))["ret"].to_numpy() ** 2
    path = pl.read_csv(shared("reference", "ewma", "sigma2.csv"))[start].to_numpy()
    ours = [v.ewma_forecast(squares[None, :row], 0.94, path[0])[0] for row in range(len(path))]
    np.testing.assert_allclose(ours, path, rtol=1e-12)


@needs_shared
@pytest.mark.parametrize("kind", ["level", "log", "sqrt"])
@pytest.mark.parametrize("horizon", [1, 5])
def test_transformed_har_models_are_the_golden_ones(kind: str, horizon: int) -> None:
    (case,) = (one for one in golden("har_synthetic") if (one["kind"], one["h"]) == (kind, horizon))
    rv = pl.read_csv(shared("reference", "har_synthetic", "input.csv"))["rv"].to_numpy()
    z = {"level": rv, "log": np.log(rv), "sqrt": np.sqrt(rv)}[kind]
    x, y = v.har_regressors(sliding_window_view(z, MONTH)), future_mean(z, horizon)
    fit = v.fit_har(x[: case["n_train"]], y[: case["n_train"]])
    np.testing.assert_allclose(fit.coefficients, case["coef_const_d_w_m"], rtol=1e-9)
    np.testing.assert_allclose(fit.s2, case["s2_df"], rtol=1e-9)
    first = case["first_origin"] - MONTH + 1
    forecasts = v.har_forecast(fit.coefficients, x[first : first + case["n_forecasts"]])
    np.testing.assert_allclose(forecasts[:5], case["forecast_first5"], rtol=1e-9)
    np.testing.assert_allclose(forecasts.mean(), case["forecast_mean"], rtol=1e-9)
    variances: dict[str, Floats] = {}
    if kind == "log":
        median, factor = np.exp(forecasts[:5]), v.smearing_factor(fit.residuals)
        variances = {"_lognormal": v.variance_from_log(forecasts[:5], fit.s2), "_smearing": median * factor}
        variances["_naive_exp"] = median
    elif kind == "sqrt":
        variances = {"": v.variance_from_root(forecasts[:5], fit.s2)}
    for name, found in variances.items():
        np.testing.assert_allclose(found, case[f"variance_forecast{name}_first5"], rtol=1e-9)


@needs_shared
@pytest.mark.parametrize("horizon", [1, 5, 22])
@pytest.mark.parametrize(("model", "name"), [(Har, "har"), (LogHar, "loghar"), (Harq, "harq")])
def test_the_models_of_a_walk_forecast_the_golden_values(model: type[HarModel], name: str, horizon: int) -> None:
    """Fitted on the windows that lie in the 1,000 rows before a row, they forecast the variance from that row on."""
    rv, rq = measures()["RV"], measures()["RQ"]
    sums, target = horizon * future_mean(rv, horizon), np.full(len(rv), np.nan)
    target[MONTH - 1 : MONTH - 1 + len(sums)] = sums
    table = pl.read_csv(shared("reference", "har", f"{name}_h{horizon}.csv"))

    def windows(first: int, last: int, *, hidden: bool = False) -> Windows:
        shown = None if hidden else target[:, None]
        return Windows(rv[:, None], np.sqrt(rv), shown, np.arange(first, last + 1), MONTH, (horizon,), rv, rq)

    for row, y, y_hat in table[:: len(table) // 7].iter_rows():
        fitted = model(NetSettings(window=MONTH))
        fitted.fit(windows(row - WINDOW + MONTH - 1, row - horizon - 1), windows(1, 0))
        (forecast,) = fitted.forecast(windows(row - 1, row - 1, hidden=True))
        assert target[row - 1] / horizon == pytest.approx(y, rel=1e-12)
        assert forecast / horizon == pytest.approx(y_hat, rel=1e-9)
