"""Forecasts of variances as plain functions of past variances: HAR and its relatives, EWMA, the last value again.

Variances are realised variances, squared returns or other proxies, in one unit throughout (such as squared return per
bar); a history (n, window) holds the variances of each window's bars, the newest last. A forecast is that of the mean
variance of the target's bars; the variance of all h bars together is h times that.

Regressors of the relatives of HAR, side by side (np.hstack), with RV realised variance, BPV bipower variation, RQ and
TPQ realised and tri-power quarticity (Bollerslev, Patton and Quaedvlieg 2016, Journal of Econometrics 192, 1-18):

    HAR      har_regressors(RV, lags)
    HARJ     HAR and har_regressors(jump_variation(RV, BPV), (1,))
    CHAR     har_regressors(BPV, lags)
    HARQ     HAR and quarticity_regressors(RV, RQ, (1,), center)
    HARQ-F   HAR and quarticity_regressors(RV, RQ, lags, center)
    CHARQ    CHAR and quarticity_regressors(BPV, TPQ, (1,), center)
    log-HAR  ln of HAR, fitted to ln of the target and turned back by `variance_from_log`
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from backtest.data.errors import ConfigError, NotFinite, TooFewBars
from backtest.data.losses import qlike
from backtest.models.windows import Floats

TRADING_DAYS = (1, 5, 22)
"""HAR lags of daily values from a market with a weekend: a day, a week, a month."""

CALENDAR_DAYS = (1, 7, 30)
"""The same where the market never closes."""

RISKMETRICS_DECAY = 0.94
"""Decay of daily variances (J.P. Morgan 1996, RiskMetrics Technical Document, 4th edition)."""


class HarFit(NamedTuple):
    """A least-squares fit of one target, y (n,), or of several horizons at once, y (n, H).

    Attributes
    ----------
    coefficients
        The constant first, (1 + p,) or (1 + p, H).
    s2
        Residual variance RSS / (n - 1 - p), () or (H,), in squared units of y.
    residuals
        (n,) or (n, H).
    """

    coefficients: Floats
    s2: Floats
    residuals: Floats


def har_regressors(history: Floats, lags: Sequence[int] = TRADING_DAYS) -> Floats:
    """Means of the last `lags` values of each history (n, window), as (n, len(lags)).

    The variances of the last day, week and month for lags (1, 5, 22); (1, 7, 30) where markets never close. ConfigError
    where a lag is below 1 or longer than the window. Corsi (2009), Journal of Financial Econometrics 7, 174-196.
    """
    window = history.shape[1]
    if not 1 <= min(lags) <= max(lags) <= window:
        raise ConfigError(
            f"HAR lags: expected 1 to {window}, the window's length (got {tuple(lags)}): use a longer window"
        )
    return np.column_stack([history[:, window - lag :].mean(axis=1) for lag in lags])


def jump_variation(realised: Floats, bipower: Floats) -> Floats:
    """Jump part max(RV - BPV, 0) of realised variances, in their shape.

    Source: Andersen, Bollerslev and Diebold (2007), Review of Economics and Statistics 89, 701-720.
    """
    return np.maximum(realised - bipower, 0.0)


def quarticity_regressors(history: Floats, quarticity: Floats, lags: Sequence[int], center: float) -> Floats:
    """Means of variances times the measurement error of theirs, (sqrt(mean RQ) - center) mean RV, as (n, len(lags)).

    Both histories are (n, window), the quarticity in squared units of the variance. `center`, the mean of sqrt(RQ) over
    the training span, makes the coefficients of the plain regressors those of an average error; forecasts do not depend
    on it. Source: Bollerslev, Patton and Quaedvlieg (2016), Journal of Econometrics 192, 1-18.
    """
    return (np.sqrt(har_regressors(quarticity, lags)) - center) * har_regressors(history, lags)


def fit_har(x: Floats, y: Floats) -> HarFit:
    """Least squares of targets y (n,) or (n, H) on a constant and regressors x (n, p).

    Direct forecasts: y is the mean variance of the next h bars, or their sum, or a transform of either, one column for
    each horizon. NotFinite where a value is not, as the logarithm of a zero variance (see `smallest_positive`);
    TooFewBars where n <= 1 + p, which leaves no residual variance.
    """
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise NotFinite(
            "fit_har: expected finite regressors and targets (got NaN or infinity): replace zeros before ln"
        )
    freedom = len(x) - 1 - x.shape[1]
    if freedom < 1:
        raise TooFewBars(
            f"fit_har: expected more than {x.shape[1] + 1} training rows (got {len(x)}): use a longer span"
        )
    size = np.sqrt(np.mean(x**2, axis=0))  # columns of one size: variances may be 1e-8, their products 1e-16
    size[size == 0] = 1.0
    columns = np.column_stack([np.ones(len(x)), x / size])
    scaled = np.asarray(np.linalg.lstsq(columns, y, rcond=None)[0], np.float64)
    residuals = np.asarray(y - columns @ scaled, np.float64)
    coefficients = (scaled.T / np.append(1.0, size)).T
    return HarFit(coefficients, np.asarray(np.sum(residuals**2, axis=0) / freedom), residuals)


def har_forecast(coefficients: Floats, x: Floats) -> Floats:
    """Forecasts (n,) or (n, H) from the `coefficients` of a fit and regressors x (n, p), in units of its targets."""
    return np.asarray(coefficients[0] + x @ coefficients[1:])


def variance_from_log(forecast: Floats, s2: Floats | float) -> Floats:
    """Mean exp(f + s2 / 2) of a variance whose logarithm is normal with mean f and variance s2.

    exp(f) alone would be its median. `s2` is the residual variance of logs, from training and validation rows. Source:
    Aitchison and Brown (1957), The Lognormal Distribution.
    """
    return np.asarray(np.exp(forecast + np.asarray(s2) / 2))


def smearing_factor(residuals: Floats) -> Floats:
    """Factor mean(exp(residuals)), () or (H,), that turns exp(f) into a mean without assuming normal logs.

    Source: Duan (1983), Journal of the American Statistical Association 78, 605-610.
    """
    return np.asarray(np.exp(residuals).mean(axis=0))


def variance_from_root(forecast: Floats, s2: Floats | float) -> Floats:
    """Mean f^2 + s2 of a variance whose square root has mean f and variance s2."""
    return np.asarray(forecast**2 + s2)


def smallest_positive(variances: Floats) -> float:
    """Smallest variance above zero: what stands in for zeros, of the training span and later, before their logarithm.

    NotFinite where there is none.
    """
    above = variances[variances > 0]
    if not above.size:
        raise NotFinite(f"variances: expected some above zero (got none of {variances.size}): they have no logarithm")
    return float(above.min())


def random_walk_forecast(history: Floats, horizon: int = 1) -> Floats:
    """Mean of the last `horizon` variances of each history (n, window), (n,): the last span of the target's length."""
    return har_regressors(history, (horizon,))[:, 0]


def ewma_forecast(history: Floats, decay: float = RISKMETRICS_DECAY, start: Floats | float | None = None) -> Floats:
    """Exponentially weighted mean (n,) of each history (n, window), flat over every horizon.

    s_{t+1} = decay s_t + (1 - decay) v_t from `start`, the variance before the window, () or (n,). Without one the
    weights decay^i are scaled to add up to one over the window, which matters where the window is short.
    """
    state = np.zeros(len(history)) if start is None else np.broadcast_to(np.asarray(start, np.float64), len(history))
    for values in history.T:
        state = decay * state + (1 - decay) * values
    return state / (1 - decay ** history.shape[1]) if start is None else state


def fit_ewma_decay(history: Floats, y: Floats) -> float:
    """Decay whose EWMA of each history (n, window) has the smallest mean QLIKE against the targets y (n,).

    Searched between 0.5 and 0.998 on a grid of ln(1 - decay), then between the neighbours of its best point. Windows
    without any variance above zero are left out, since no decay gives them a forecast. TooFewBars where none is left.
    """
    from scipy.optimize import minimize_scalar  # takes a moment, needed by this fit only

    usable = (history > 0).any(axis=1)
    if not usable.any():
        raise TooFewBars(f"fit_ewma_decay: expected windows with a variance above zero (got 0 of {len(history)})")
    past, target = history[usable], y[usable]

    def loss(log_weight: float) -> float:
        return float(qlike(target, ewma_forecast(past, 1 - np.exp(log_weight))).mean())

    grid = np.linspace(np.log(0.5), np.log(0.002), 15)
    best = int(np.argmin([loss(point) for point in grid]))
    bounds = (grid[min(best + 1, 14)], grid[max(best - 1, 0)])
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(1 - np.exp(found.x))
