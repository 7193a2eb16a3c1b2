"""Fixed-b distribution of a t statistic whose long-run variance uses a fixed share of the sample's lags.

A long-run variance with many lags is itself uncertain, and a normal or t distribution ignores it. Let the series be
white Gaussian noise (n,) and Q its variance estimate with Bartlett's weights 1 - k / bandwidth: a quadratic form, so
that Q = sum_i l_i z_i^2 with l_i the eigenvalues of the centred matrix of weights over n, and independent of the mean.
Then t = Z / sqrt(Q), and with Craig's form of the normal tail, P(Z > x) = 1/pi int_0^{pi/2} exp(-x^2 / (2 sin^2 a)) da,

    P(t > c) = 1/pi int_0^{pi/2} prod_i (1 + c^2 l_i / sin^2 a)^(-1/2) da,

which neither oscillates nor needs a series truncated. Its limit in n at a fixed bandwidth / n is the distribution of
Kiefer and Vogelsang (2005, Econometric Theory 21, 1130-1164), and holds for autocorrelated series; with one lag it
is t(n - 1).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.linalg import toeplitz
from scipy.optimize import brentq
from scipy.special import gammaincinv, ndtr

from backtest.data.errors import ConfigError
from backtest.data.threads import one_thread
from backtest.significance.result import FloatArray

GRID = 512
"""Samples longer than this are computed at this length with the same share of lags: the error of the tail is below
0.00002 for the bandwidths of `bandwidth`, and below 0.0003 for any."""

NODES, WEIGHTS = np.polynomial.legendre.leggauss(128)
PLACES = (NODES + 1) / 2
SINES_SQUARED = np.sin(np.pi / 2 * PLACES**3) ** 2
MASSES = WEIGHTS / 4 * 3 * PLACES**2
"""Of the integral, in t with a = pi/2 t^3: nodes crowd near 0, where a small statistic bends it. Error below 1e-11."""

DRAWS = 400


def bandwidth(n: int, horizon: int) -> int:
    """Lags, 0 included, for a series of n forecasts `horizon` steps ahead: h - 1 + 1.3 sqrt(n), at most n.

    1.3 sqrt(n) is the rule of Lazarus, Lewis, Stock and Watson (2018, Journal of Business & Economic Statistics 36,
    541-559); the lags at which forecasts overlap come on top. CALIBRATION.md holds what that does.
    """
    return min(n, horizon - 1 + int(np.ceil(1.3 * n**0.5)))


@lru_cache(maxsize=1024)
def tail(statistic: float, n: int, width: int) -> float:
    """P(t > statistic) for statistic >= 0, n values and Bartlett's weights over `width` lags, lag 0 included."""
    factors = np.log1p(statistic**2 * eigenvalues(n, width)[:, None] / SINES_SQUARED)
    return min(0.5, float(np.sum(MASSES * np.exp(-np.sum(factors, axis=0) / 2))))


@lru_cache(maxsize=256)
def critical(probability: float, n: int, width: int) -> float:
    """The value that t exceeds with this probability; raises ConfigError unless that is between 0 and 1/2."""
    if not 0 < probability < 0.5:
        raise ConfigError(f"level: one side must have between 0 and 1/2 (got {probability}): 0.05 is usual")
    return float(brentq(lambda value: tail(value, n, width) - probability, 0, 1e4, xtol=1e-12))


@lru_cache(maxsize=256)
def detectable(probability: float, power: float, n: int, width: int) -> float:
    """Mean, in standard errors, that a one-sided test of size `probability` finds with probability `power`.

    Solves E P(Z + m > c sqrt(Q)) = power for m, c the critical value; Q is taken as the gamma distribution with its
    first two moments. Raises ConfigError for a probability outside of (0, 1/2) or a power outside of (0, 1).
    """
    if not 0 < power < 1:
        raise ConfigError(f"power: must lie between 0 and 1 (got {power}): 0.8 is usual")
    values = eigenvalues(n, width)
    mean, variance = float(values.sum()), float(2 * np.sum(values**2))
    levels = (np.arange(DRAWS) + 0.5) / DRAWS
    roots = np.sqrt(gammaincinv(mean**2 / variance, levels) * variance / mean)
    threshold = critical(probability, n, width) * roots
    return float(brentq(lambda shift: float(np.mean(ndtr(shift - threshold))) - power, -10, 1e4))


@lru_cache(maxsize=256)
def eigenvalues(n: int, width: int) -> FloatArray:
    """Eigenvalues of the centred weights over n, for a sample of n or of GRID values, whichever is less."""
    size = min(n, GRID)
    weights = toeplitz(np.maximum(0, 1 - np.arange(size) * (n / size) / width))
    row = weights.mean(axis=0)
    with one_thread():  # the last digits of LAPACK depend on its number of threads
        values = np.linalg.eigvalsh((weights - row - row[:, None] + row.mean()) / size)
    return np.clip(values, 0, None)
