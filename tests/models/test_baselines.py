"""The baselines against plain definitions and against statsmodels and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from statsmodels.tsa.ar_model import AutoReg

from backtest.models import MODELS
from backtest.models.baselines import MAX_ORDER, PENALTIES, Autoregression
from backtest.models.baselines import Ridge as OurRidge
from backtest.models.forecaster import Forecaster
from backtest.models.scaling import Scaler
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows

WINDOW = 30


def returns_of(order: int, rows: int = 3000, seed: int = 0) -> Floats:
    """An autoregression with a mean, of order 0, 1 or 3."""
    noise = np.random.default_rng(seed).normal(size=rows)
    weights = {0: [], 1: [0.4], 3: [0.3, 0.0, -0.4]}[order]
    series = np.zeros(rows)
    for row in range(order, rows):
        series[row] = 0.1 + noise[row] + sum(weight * series[row - 1 - lag] for lag, weight in enumerate(weights))
    return series


def split(series: Floats, horizon: int = 1) -> tuple[Windows, Windows]:
    """Windows over a series of returns and their sums over the next `horizon` bars: to learn from and to validate."""
    total = np.convolve(series, np.ones(horizon), "valid")[1:]
    target = np.concatenate([total, np.full(horizon, np.nan)])
    features = np.column_stack([series, series**2])

    def part(start: int, end: int) -> Windows:
        return Windows(features[:end], series[:end], target[:end, None], np.arange(start, end), WINDOW, (horizon,))

    return part(WINDOW - 1, 2000), part(2010, len(series) - horizon)


def fitted(name: str, train: Windows, validation: Windows) -> Forecaster:
    forecaster = MODELS[name].make(NetSettings(window=WINDOW), TrainSettings(), 0)
    forecaster.fit(train, validation)
    return forecaster


@pytest.mark.parametrize("horizon", [1, 3])
def test_zero_naive_and_mean_forecast_as_defined(horizon: int) -> None:
    train, validation = split(returns_of(1), horizon)
    assert (fitted("zero", train, validation).predict(validation) == 0).all()
    np.testing.assert_allclose(fitted("mean", train, validation).predict(validation), train.y.mean())
    last = [validation.returns[end - horizon + 1 : end + 1].sum() for end in validation.ends]
    np.testing.assert_allclose(fitted("naive", train, validation).predict(validation), last, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_the_autoregression_is_that_of_statsmodels(order: int) -> None:
    train, validation = split(returns_of(order))
    model = Autoregression()
    log = model.fit(train, validation)
    # statsmodels chooses on the rows after `hold_back`; ours are the rows that have a whole window.
    series = train.returns[: train.ends[-1] + 1]
    last = np.append(series, train.y[-1])
    fits = [AutoReg(last, lags=p, hold_back=WINDOW).fit() for p in range(MAX_ORDER + 1)]
    best = int(np.argmin([fit.bic for fit in fits]))
    assert best == order
    assert log.note == f"order {best} by BIC"
    np.testing.assert_allclose([model.intercept, *model.weights], fits[best].params, rtol=1e-7, atol=1e-10)


def test_ridge_is_that_of_scikit_learn_with_the_penalty_that_validates_best() -> None:
    train, validation = split(returns_of(3))
    model = OurRidge()
    log = model.fit(train, validation)
    scaler = Scaler.of(train)
    x, x_validation = (((part.x - scaler.mean) / scaler.std).reshape(len(part), -1) for part in (train, validation))
    fits = [Ridge(alpha=penalty * len(train)).fit(x, train.y) for penalty in PENALTIES]
    errors = [float(((fit.predict(x_validation) - validation.y) ** 2).sum()) for fit in fits]
    best = int(np.argmin(errors))
    assert log.note == f"penalty {PENALTIES[best]:.3g} per window by validation"
    np.testing.assert_allclose(model.weights, fits[best].coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(model.predict(validation), fits[best].predict(x_validation), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["ar", "ridge"])
def test_a_constant_series_has_a_finite_forecast(name: str) -> None:
    train, validation = split(np.zeros(3000))
    assert (fitted(name, train, validation).predict(validation) == 0).all()
