"""Tests of means of autocorrelated series: what every test of loss differences rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy.fft import dct
from scipy.special import fdtrc

from backtest.data.errors import ConfigError, UndefinedTest
from backtest.significance import fixed_b
from backtest.significance.result import (
    Alternative,
    FloatArray,
    check_horizon,
    normal_probability,
    p_value,
    t_probability,
    unit_of,
)

Estimator = Literal["fixed-b", "bartlett", "truncated"]
"""How the variance of a mean is estimated, and what its ratio to the mean is compared with."""

ROUNDING = 4 * np.finfo(np.float64).eps
"""A spread of at most this share of the losses is what rounding leaves of a constant."""

CANCELLED = 1e-12
"""A truncated sum below this share of the variance is what rounding leaves of zero."""

SINGULAR = 1e-10
"""A correlation this close to 1, or a spread this share of the mean square, leaves too few digits to divide by."""


@dataclass(frozen=True, slots=True)
class MeanTest:
    """Mean of `n` values, its standard error from `lags` autocovariances, and the test of a mean of zero."""

    mean: float
    standard_error: float
    statistic: float
    p_value: float
    n: int
    lags: int
    note: str


def long_run_variance(series: FloatArray, bandwidth: int) -> float:
    """Variance that a series (n,) adds to its sum per step, with Bartlett's weights 1 - k / bandwidth.

    Newey and West (1987): g_0 + 2 sum_{k < bandwidth} (1 - k / bandwidth) g_k, autocovariances g_k with divisor n.
    """
    return long_run_covariance(series, series, bandwidth)


def long_run_covariance(first: FloatArray, second: FloatArray, bandwidth: int) -> float:
    """The same for two series (n,).

    Bartlett's sum is the mean product of all sums of `bandwidth` neighbours over `bandwidth`, the centred series
    continued by zeros: a form that takes n steps whatever the bandwidth, and of one series is never negative.
    """
    sums = sums_of_neighbours(first, bandwidth) * sums_of_neighbours(second, bandwidth)
    return float(np.sum(sums)) / (bandwidth * first.size)


def sums_of_neighbours(series: FloatArray, length: int) -> FloatArray:
    """All sums (n + length - 1,) of `length` neighbours of a series (n,), centred and continued by zeros."""
    sums = np.concatenate([np.zeros(length), np.cumsum(series - series.mean())])
    ends = np.concatenate([sums[length:], np.full(length - 1, sums[-1])])
    return np.asarray(ends - sums[: ends.size])


def truncated_variance(series: FloatArray, horizon: int) -> float:
    """Variance that a series (n,) adds to its sum per step: g_0 + 2 sum_{k < horizon} g_k, divisor n throughout.

    Diebold and Mariano (1995). It can be negative; a value within rounding of zero is returned as zero.
    """
    centred = series - series.mean()
    # np.sum and not np.dot: the sum of a BLAS depends on its number of threads
    covariances = [np.sum(centred[k:] * centred[: series.size - k]) / series.size for k in range(horizon)]
    total = covariances[0] + 2 * sum(covariances[1:])
    return 0.0 if abs(total) <= CANCELLED * covariances[0] else float(total)


def mean_test(
    series: FloatArray,
    *,
    horizon: int = 1,
    estimator: Estimator = "fixed-b",
    alternative: Alternative = "two-sided",
    magnitude: float | None = None,
    small_sample: bool = True,
) -> MeanTest:
    """Test whether a series (n,) of h-step quantities has mean zero.

    fixed-b    Bartlett's weights over `fixed_b.bandwidth(n, horizon)` lags; the statistic is compared with its exact
               distribution at that share of the sample (Kiefer and Vogelsang, 2005), see `fixed_b`.
    bartlett   Bartlett's weights 1 - k / h, and
    truncated  weights 1 on h - 1 lags: both with the factor of Harvey, Leybourne and Newbold (1997, eq. 9)
               sqrt((n + 1 - 2h + h(h - 1)/n) / n) and t(n - 1); without `small_sample` no factor, and the normal
               distribution. Where the truncated variance is not positive all is done again with h = 1, as R's
               forecast::dm.test does, and `note` says so.

    `magnitude` is the size of the numbers that the series is a difference of, so that what rounding leaves of a
    constant is known as such. Raises UndefinedTest if n <= h or the series is constant, ConfigError for a bad setting.
    """
    if estimator not in get_args(Estimator):
        raise ConfigError(f"estimator: must be one of {', '.join(get_args(Estimator))} (got {estimator!r})")
    refuse_constant(series, horizon=horizon, magnitude=magnitude)
    unit = unit_of(series)
    scaled, n = series / unit, series.size
    mean = float(scaled.mean())
    if estimator == "fixed-b":
        bandwidth = fixed_b.bandwidth(n, horizon)
        error = float(np.sqrt(long_run_variance(scaled, bandwidth) / n))
        p = p_value(fixed_b.tail(abs(mean / error), n, bandwidth), mean, alternative)
        return MeanTest(mean * unit, error * unit, mean / error, p, n, bandwidth - 1, "")
    used, note = horizon, ""
    variance = truncated_variance(scaled, used) if estimator == "truncated" else long_run_variance(scaled, used)
    if variance <= 0:
        used, note = 1, f"the {estimator} variance at h = {horizon} is not positive: computed with h = 1 instead"
        variance = truncated_variance(scaled, 1)
    factor = np.sqrt((n + 1 - 2 * used + used * (used - 1) / n) / n) if small_sample else 1.0
    error = float(np.sqrt(variance / n) / factor)
    statistic = mean / error
    p = t_probability(statistic, n - 1, alternative) if small_sample else normal_probability(statistic, alternative)
    return MeanTest(mean * unit, error * unit, statistic, p, n, used - 1, note)


def refuse_constant(series: FloatArray, *, horizon: int, magnitude: float | None = None) -> None:
    """Raise UndefinedTest, as `mean_test` does, for a series (n,) that no variance can be made of."""
    check_horizon(horizon)
    if series.size <= horizon:
        raise UndefinedTest(
            f"loss differences: more than the horizon, {horizon}, are needed (got {series.size}): use longer test spans"
        )
    if not series.any():
        raise UndefinedTest(f"loss differences: all {series.size} are zero: the two are equally good in every row")
    if np.ptp(series) <= ROUNDING * float(np.abs(series).max() if magnitude is None else magnitude):
        raise UndefinedTest(
            f"loss differences: their variance is zero, all {series.size} are equal: nothing can be tested"
        )


@dataclass(frozen=True, slots=True)
class MomentsTest:
    """F statistic of all means being zero, its p-value, and the number of cosine terms in the variance."""

    statistic: float
    p_value: float
    terms: int
    note: str


def moments_test(moments: Sequence[FloatArray], *, horizon: int) -> MomentsTest:
    """Test whether one or two series (n,) of quantities from overlapping h-step forecasts all have mean zero.

    The long-run covariance is the mean of L_j L_j' over the first B cosine transforms of the series,
    L_j = sqrt(2 / n) sum_t z_t cos(pi j (t - 1/2) / n): B nearly independent normal vectors, so that with q series
    (B - q + 1) / (B q) n zbar' S^-1 zbar follows F(q, B - q + 1) (Hotelling). B is 0.41 n^(2/3), by the rule of
    Lazarus, Lewis, Stock and Watson (2018, Journal of Business & Economic Statistics 36, 541-559), and at most
    n / (2 h), so that no wave is as short as the overlap. With 120 forecasts at h = 24, Bartlett's h - 1 lags and
    chi-squared reject half of true nulls; CALIBRATION.md has what this does.

    Raises UndefinedTest where a series does not vary, two vary as one, or there are fewer than B + 2 values.
    """
    n, q = moments[0].size, len(moments)
    terms = max(q + 1, min(int(0.41 * n ** (2 / 3)), n // (2 * horizon)))
    if n < terms + 2:
        raise UndefinedTest(f"moments: more than {terms + 1} times are needed (got {n}): use longer test spans")
    scaled = [series / (float(np.abs(series).max()) or 1.0) for series in moments]
    waves = [dct(series, type=2)[1 : terms + 1] / np.sqrt(2 * n) for series in scaled]
    means = [float(series.mean()) for series in scaled]
    covariance = [[float(np.sum(one * other)) / terms for other in waves] for one in waves]
    form = n * _form(means, covariance)
    free = terms - q + 1
    statistic = form * free / (terms * q)
    note = f"compared with F({q}, {free}), its variance from {terms} cosine terms, for overlapping forecasts"
    return MomentsTest(statistic, float(fdtrc(q, free, statistic)), terms, note)


def _form(means: Sequence[float], covariance: Sequence[Sequence[float]]) -> float:
    """Quadratic form m' S^-1 m of one or two means."""
    variances = [row[place] for place, row in enumerate(covariance)]
    if min(variances) <= SINGULAR**2:
        raise UndefinedTest("moments: expected series that vary (got a constant): nothing can be tested")
    ratios = [mean / float(np.sqrt(variance)) for mean, variance in zip(means, variances, strict=True)]
    if len(means) == 1:
        return ratios[0] ** 2
    correlation = covariance[0][1] / float(np.sqrt(variances[0] * variances[1]))
    if 1 - abs(correlation) <= SINGULAR:
        raise UndefinedTest("moments: expected two series (got two that vary as one): use longer test spans")
    sums = (ratios[0] + ratios[1]) ** 2 / (1 + correlation) + (ratios[0] - ratios[1]) ** 2 / (1 - correlation)
    return sums / 2
