"""Giacomini and White's test: whether the better forecast could have been told in advance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from backtest.data.errors import ConfigError, UndefinedTest
from backtest.significance.mean import ROUNDING, long_run_variance
from backtest.significance.moments import moments_test
from backtest.significance.result import FloatArray, TestResult, check_horizon, paired

SINGULAR = 1e-10
"""A standard deviation below this, of numbers of the size of one, leaves too few digits to divide by."""


def giacomini_white(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    conditional: bool = True,
    lags: int | None = None,
) -> TestResult:
    """Giacomini-White test of equal predictive ability of paired losses (n,) in the order of time.

    With d = loss_model - loss_baseline and q instruments, known when the forecast is made, the q moments
    z_t = (d_t, d_{t-h} d_t) have mean zero under the null: neither forecast is the better one on average, nor after it
    was the better one h steps ago. Not `conditional` tests the first moment alone. The test has no side. With
    T = n - h (n, if not conditional):

    h = 1       T zbar' S^-1 zbar, S = sum z z' / T not centred, against chi-squared(q): T times the uncentred R2 of 1
                on z;
    h > 1       `moments_test`, an F statistic that keeps its size where forecasts overlap;
    with lags   T zbar' S^-1 zbar against chi-squared(q), S the long-run variance of the centred z, Bartlett's weights
                1 - k / (lags + 1): the paper's, for h > 1 with h - 1 lags, which miss part of the overlap however long
                the sample is.

    Unlike Diebold-Mariano's, its null is about forecasts as they were made, estimated parameters included, so it holds
    for nested models too, if they are fitted on windows of bounded length.

    Raises UnpairedForecasts and NotFinite for losses that are no pair, UndefinedTest where the differences are too few,
    do not vary, or make the moments collinear, ConfigError for a horizon below 1.

    Source: Giacomini and White (2006), Econometrica 74, 1545-1578.
    """
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    _check_length(model.size, horizon, conditional)
    if lags is not None and not 0 <= lags < model.size:
        raise ConfigError(f"lags: must be at least 0 and below the number of losses, {model.size} (got {lags})")
    difference = _difference(model, baseline)
    moments = [difference]
    if conditional:
        moments = [difference[horizon:], difference[horizon:] * difference[:-horizon]]
    if horizon > 1 and lags is None:
        found = moments_test(moments, horizon=horizon)
        outcome = (found.statistic, found.p_value, moments[0].size, found.terms)
        return TestResult("giacomini_white", *outcome, "two-sided", found.note)
    statistic = _quadratic_form(moments, lags or 0)
    p_value = float(chdtrc(len(moments), statistic))
    return TestResult("giacomini_white", statistic, p_value, moments[0].size, lags or 0, "two-sided")


def _check_length(n: int, horizon: int, conditional: bool) -> None:
    """Refuse samples whose moments are as many as their values or their lags."""
    check_horizon(horizon)
    needed = max(2 * horizon, horizon + 2) if conditional else horizon
    if n <= needed:
        raise UndefinedTest(
            f"Giacomini-White: more than {needed} loss differences are needed at h = {horizon} (got {n}): use longer "
            "test spans"
        )


def _difference(model: FloatArray, baseline: FloatArray) -> FloatArray:
    """Loss differences (n,) in units of the largest, so that their products keep their digits in any unit."""
    difference = model - baseline
    largest = float(np.abs(difference).max())
    if largest == 0:
        raise UndefinedTest(
            f"Giacomini-White: all {model.size} loss differences are zero: the two are equally good in every row"
        )
    magnitude = max(float(np.abs(model).max()), float(np.abs(baseline).max()))
    scaled = difference / largest
    if scaled.std() <= ROUNDING * (magnitude / largest):
        raise UndefinedTest(
            f"Giacomini-White: the variance of the loss differences is zero, all {model.size} are equal: nothing can "
            "be tested"
        )
    return scaled


def _quadratic_form(moments: list[FloatArray], lags: int) -> float:
    """T zbar' S^-1 zbar for one or two moments (T,).

    Two standardised series are as variable as each other, so that their sum and their difference are uncorrelated
    whatever S is: the form is the sum of two squared ratios of a mean to its standard error.
    """
    parts = [_standardised(moment, lags) for moment in moments]
    if len(parts) == 2:
        parts = [_standardised(part, lags) for part in (parts[0] + parts[1], parts[0] - parts[1])]
    return sum(part.size * float(part.mean()) ** 2 for part in parts)


def _standardised(series: FloatArray, lags: int) -> FloatArray:
    """A series (T,) over the root of its mean square, or with lags of its long-run variance."""
    deviation = float(np.sqrt(long_run_variance(series, lags + 1) if lags else np.mean(series**2)))
    if deviation <= SINGULAR:
        raise UndefinedTest(
            "Giacomini-White: the covariance matrix of the moments, the loss difference and its product with an "
            "earlier one, is singular: test without the condition, or on longer test spans"
        )
    return series / deviation
