"""Test of several means at once where rows overlap, with an exact distribution instead of chi-squared's promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import dct
from scipy.special import fdtrc

from backtest.data.errors import UndefinedTest
from backtest.significance.result import FloatArray

SINGULAR = 1e-10
"""A correlation this close to 1, or a spread this share of the mean square, leaves too few digits to divide by."""


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
