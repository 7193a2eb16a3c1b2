"""The mean of an autocorrelated series with its standard error: what every test of loss differences rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from backtest.significance.result import Estimator, FloatArray
from data.errors import ConfigError, UndefinedTest

WEIGHTS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "bartlett": lambda share: 1 - share,
    "truncated": np.ones_like,
}
"""Weight of the autocovariance at lag k, from k / horizon in (0, 1)."""

ROUNDING = 4 * np.finfo(np.float64).eps
"""A spread of at most this share of the losses is what rounding leaves of a constant."""

CANCELLED = 1e-12
"""A truncated sum below this share of the variance is what rounding leaves of zero."""


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """Mean of `n` values and its standard error, from `lags` autocovariances; `note` tells of a fallback."""

    mean: float
    standard_error: float
    n: int
    lags: int
    note: str


def long_run_variance(series: FloatArray, *, horizon: int, estimator: Estimator) -> float:
    """Variance that a series (n,) adds to its sum per step: g_0 + 2 sum_{k<h} w_k g_k, divisor n throughout.

    Newey and West (1987) for the Bartlett weights 1 - k/h; the truncated weights 1 are those of Diebold and
    Mariano (1995) and can give a value that is not positive. A value within rounding of zero is returned as zero.
    """
    centred = series - series.mean()
    lags = np.arange(1, horizon)
    # np.sum and not np.dot: the sum of a BLAS depends on its number of threads
    covariances = np.array([np.sum(centred[k:] * centred[: series.size - k]) for k in range(horizon)]) / series.size
    total = covariances[0] + 2 * np.sum(WEIGHTS[estimator](lags / horizon) * covariances[1:])
    return 0.0 if abs(total) <= CANCELLED * covariances[0] else float(total)


def estimate_mean(
    series: FloatArray, *, horizon: int, estimator: Estimator = "bartlett", magnitude: float | None = None
) -> MeanEstimate:
    """Mean of a series (n,) of h-step quantities; mean / standard_error is compared with t(n - 1).

    The standard error holds the small-sample factor of Harvey, Leybourne and Newbold (1997),
    sqrt((n + 1 - 2h + h(h - 1)/n) / n). Where the truncated variance is not positive all is done again with h = 1, as
    R's forecast::dm.test does, and `note` says so. `magnitude` is the size of the numbers that the series is a
    difference of, so that what rounding leaves of a constant is known as such.

    Raises UndefinedTest if n <= h or the series is constant, ConfigError for a bad horizon or estimator.
    """
    _check(series, horizon, estimator)
    n, size = series.size, float(np.abs(series).max() if magnitude is None else magnitude)
    if series.std() <= ROUNDING * size:
        raise UndefinedTest(f"loss differences: their variance is zero, all {n} are equal: nothing can be tested")
    used, note = horizon, ""
    variance = long_run_variance(series, horizon=horizon, estimator=estimator)
    if variance <= 0:
        used, note = 1, f"the {estimator} variance at h = {horizon} is not positive: computed with h = 1 instead"
        variance = long_run_variance(series, horizon=1, estimator=estimator)
    factor = np.sqrt((n + 1 - 2 * used + used * (used - 1) / n) / n)
    return MeanEstimate(float(series.mean()), float(np.sqrt(variance / n) / factor), n, used - 1, note)


def _check(series: FloatArray, horizon: int, estimator: str) -> None:
    """Refuse what no variance can be made of."""
    if estimator not in WEIGHTS:
        raise ConfigError(f"estimator: must be one of {', '.join(WEIGHTS)} (got {estimator!r})")
    if horizon < 1:
        raise ConfigError(f"horizon: must be at least 1 (got {horizon})")
    if series.size <= horizon:
        raise UndefinedTest(
            f"loss differences: more than the horizon, {horizon}, are needed (got {series.size}): use longer test spans"
        )
    if not series.any():
        raise UndefinedTest(f"loss differences: all {series.size} are zero: the two are equally good in every row")
