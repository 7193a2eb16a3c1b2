"""Worlds of variances: known ones, noisy proxies of them, forecasts of a known expected loss, and bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view
from scipy.optimize import brentq
from scipy.signal import lfilter

from backtest.significance.result import FloatArray

COMPONENTS = ((0.98, 0.6), (0.6, 0.4))
"""Log variance is a sum of autoregressions of order 1: coefficient and standard deviation of each."""

LEVEL = 1e-4
"""The variance of a bar whose log variance is at its mean: a standard deviation of 1 %."""

RETURNS = 13
"""Returns within a bar from which its realised variance is summed: half-hourly ones of a trading day."""

PROXIES: Mapping[str, Callable[[np.random.Generator, int], FloatArray]] = {
    "squared returns": lambda rng, n: rng.chisquare(1, n),
    "squared returns of t(5)": lambda rng, n: rng.standard_t(5, n) ** 2 * 3 / 5,
    "realised variance": lambda rng, n: rng.chisquare(RETURNS, n) / RETURNS,
}
"""What is observed of a bar's variance, as a multiple of it: independent, and 1 on average."""

Outcomes = dict[int, tuple[FloatArray, FloatArray]]
"""Outcomes and their conditional means by horizon, each (n,), of the same n origins."""


def draw_variances(proxy: str, horizons: Sequence[int], n: int, rng: np.random.Generator) -> Outcomes:
    """Sums of the observed variances of the next bars, and what is expected of them where the components are known.

    An autoregression x with coefficient p and variance s^2 has, k steps ahead, the mean p^k x and the variance
    (1 - p^2k) s^2; the mean of exp is exp(mean + variance / 2).
    """
    length = n + max(horizons)
    parts = [autoregression(rng, length, p, s) for p, s in COMPONENTS]
    observed = LEVEL * np.exp(sum(parts)) * PROXIES[proxy](rng, length)
    ahead = np.arange(1, max(horizons) + 1)[:, None]
    logs = np.zeros((max(horizons), n))
    for part, (p, s) in zip(parts, COMPONENTS, strict=True):
        logs += p**ahead * part[:n] + s**2 * (1 - p ** (2 * ahead)) / 2
    means = LEVEL * np.exp(logs).cumsum(axis=0)
    sums = {h: sliding_window_view(observed[1:], h)[:n].sum(axis=1) for h in horizons}
    return {h: (sums[h], means[h - 1]) for h in horizons}


def autoregression(rng: np.random.Generator, n: int, coefficient: float, deviation: float) -> FloatArray:
    """Stationary Gaussian autoregression (n,) of order 1 with mean zero."""
    draws = deviation * rng.standard_normal(n)
    draws[1:] *= np.sqrt(1 - coefficient**2)
    return np.asarray(lfilter([1.0], [1.0, -coefficient], draws))


NOISE_MEMORY = 0.9


def noisy(cost: float, n: int, rng: np.random.Generator) -> FloatArray:
    """Log errors (n,) that remember, whose expected QLIKE is `cost` above that of no error.

    A forecast exp(u) times the mean loses E exp(-u) + u - 1. For normal u with variance 2 cost and mean cost that is
    cost, and no other mean loses less.
    """
    return cost + autoregression(rng, n, NOISE_MEMORY, np.sqrt(2 * cost))


def too_large(cost: float, n: int, rng: np.random.Generator) -> FloatArray:
    """One positive log error, n times: exp(-c) + c - 1 = cost."""
    return np.full(n, _bias(cost, 0.0, 10.0))


def too_small(cost: float, n: int, rng: np.random.Generator) -> FloatArray:
    """One negative log error, n times."""
    return np.full(n, _bias(cost, -5.0, 0.0))


def _bias(cost: float, low: float, high: float) -> float:
    """The log error between `low` and `high` that costs so much."""
    return float(brentq(lambda c: np.exp(-c) + c - 1 - cost, low, high)) if cost else 0.0


LOG_HAR = (-1.0, 0.3, 0.3, 0.25)
"""Constant and coefficients of a log HAR with lags 1, 5 and 22, on variances in units of LEVEL."""

SHOCK = 0.7
BURN_IN = 300


def make_bars(n: int, seed: int) -> pl.DataFrame:
    """Daily bars (n rows) whose squared returns follow a log HAR exactly, with normal shocks.

    ln v(t + 1) = a + sum b ln(mean of the last v) + SHOCK e: `log_har` is then the best forecast one bar ahead but for
    the errors of its coefficients.
    """
    rng = np.random.default_rng(seed)
    shocks, signs = SHOCK * rng.standard_normal(n + BURN_IN), rng.choice((-1.0, 1.0), n + BURN_IN)
    constant, day, week, month = LOG_HAR
    v = np.ones(n + BURN_IN)
    for t in range(22, len(v)):
        known = day * np.log(v[t - 1]) + week * np.log(v[t - 5 : t].mean()) + month * np.log(v[t - 22 : t].mean())
        v[t] = np.exp(constant * (1 - day - week - month) + known + shocks[t])
    returns = (signs * np.sqrt(LEVEL * v))[BURN_IN:]
    close = 100 * np.exp(np.cumsum(returns))
    opened = np.concatenate([[100.0], close[:-1]])
    start = datetime(2000, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "time": [start + timedelta(days=day) for day in range(n)],
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
            "volume": np.full(n, 1000.0),
        }
    )
