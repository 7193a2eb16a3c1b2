"""Mincer and Zarnowitz's regression, of outcomes and of their logs: whether forecasts are right in level and size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtest.data.errors import ConfigError, UndefinedTest, UnpairedForecasts
from backtest.data.threads import one_thread
from backtest.significance.mean_tests import ROUNDING, MomentsTest, moments_test
from backtest.significance.result import FloatArray, TestResult, check_horizon, paired

EXACT = 1e-12
"""Residuals below this share of the outcomes, or 1 - r^2 of the coefficients below it, are rounding."""


def mincer_zarnowitz(
    y: npt.ArrayLike,
    y_hat: npt.ArrayLike,
    *,
    horizon: int = 1,
    lags: int | None = None,
    times: npt.ArrayLike | None = None,
) -> TestResult:
    """Joint Wald test of intercept 0 and slope 1 in y = a + b y_hat, for outcomes and forecasts (n,) in order of time.

    At h = 1, and wherever `lags` are given, the covariance of the coefficients is Newey and West's (1987), Bartlett's
    weights 1 - k / (lags + 1), no correction for degrees of freedom; the statistic is compared with chi-squared(2). At
    h > 1 h - 1 lags would miss part of the overlap; there the same null is tested in the form that the errors
    y - y_hat, and their products with y_hat, have mean zero, by `moments_test`. `note` holds the fitted a and b: a
    slope below 1 says that the forecasts are too large. The test has no side.

    With `times` (n,), rows of one time, of several symbols, depend on each other: their scores are summed before their
    autocovariances are taken (Driscoll and Kraay, 1998, Review of Economics and Statistics 80, 549-560). n then counts
    the times.

    Raises UnpairedForecasts and NotFinite for what is no pair, UndefinedTest where the forecasts are constant, the fit
    leaves no residual, or there are no more than max(lags, 2) times, ConfigError for a setting that cannot be.

    Source: Mincer and Zarnowitz (1969), in Economic Forecasts and Expectations, NBER, 3-46.
    """
    outcome, forecast = paired(y=y, y_hat=y_hat)
    return _regression("mincer_zarnowitz", outcome, forecast, horizon, lags, times)


def mincer_zarnowitz_logs(
    y: npt.ArrayLike,
    y_hat: npt.ArrayLike,
    *,
    horizon: int = 1,
    lags: int | None = None,
    times: npt.ArrayLike | None = None,
) -> TestResult:
    """Wald test of slope 1 in log y = a + b log y_hat, for variances and their forecasts (n,) in the order of time.

    Variances have a long tail, and a few large ones decide `mincer_zarnowitz`; in logs all count alike. The intercept
    is free: with y = y_hat u, where u has mean 1 and does not depend on y_hat, the right forecast has slope 1 and
    intercept E log u, which is below 0 (Jensen), and the further below, the noisier the measure of the variance. Slope
    and intercept together would reject it always. A slope below 1 says that forecasts move too much.

    The covariance, the form at h > 1, `times`, `note` and what is raised are those of `mincer_zarnowitz`, compared with
    chi-squared(1); UndefinedTest also where an outcome or a forecast is not above 0.

    Source: Mincer and Zarnowitz (1969), as `mincer_zarnowitz`; in logs Andersen, Bollerslev, Diebold and Labys (2003),
    Econometrica 71, 579-625.
    """
    outcome, forecast = paired(y=y, y_hat=y_hat)
    none = int(np.count_nonzero(np.minimum(outcome, forecast) <= 0))
    if none:
        raise UndefinedTest(
            f"mincer_zarnowitz_logs: undefined, {none} of {outcome.size} outcomes or forecasts are not above 0 and "
            "have no logarithm: use variances of finer returns"
        )
    return _regression("mincer_zarnowitz_logs", np.log(outcome), np.log(forecast), horizon, lags, times, level=False)


def _regression(
    name: str,
    outcome: FloatArray,
    forecast: FloatArray,
    horizon: int,
    lags: int | None,
    times: npt.ArrayLike | None,
    *,
    level: bool = True,
) -> TestResult:
    """Test of slope 1, and with `level` of intercept 0, in the regression of outcomes on forecasts."""
    check_horizon(horizon)
    if lags is not None and lags < 0:
        raise ConfigError(f"lags: must be at least 0 (got {lags}): leave them out for horizon - 1")
    used = horizon - 1 if lags is None else lags
    codes = _codes(times, outcome.size)
    n = int(codes.max(initial=-1)) + 1
    if n <= max(used, 2):
        raise UndefinedTest(
            f"{name}: undefined, more than {max(used, 2)} times are needed with {used} lags (got {n}): use "
            "longer test spans"
        )
    statistic, p_value, intercept, slope = _wald(name, outcome, forecast, codes, used, level=level)
    note = f"intercept {intercept:.6g}, slope {slope:.6g}"
    if horizon == 1 or lags is not None:
        return TestResult(name, statistic, p_value, n, used, "two-sided", note)
    found = _scores_test(outcome, forecast, codes, horizon, level=level)
    noted = f"{note}; {found.note}"
    return TestResult(name, found.statistic, found.p_value, n, found.terms, "two-sided", noted)


def _scores_test(
    outcome: FloatArray, forecast: FloatArray, codes: npt.NDArray[np.intp], horizon: int, *, level: bool
) -> MomentsTest:
    """Test of errors, and of their products with standardised forecasts, having mean zero.

    Without `level` of the products alone, the errors less their mean.
    """
    error = outcome - forecast
    error = error / float(np.abs(error).max())
    centred = forecast / float(np.abs(forecast).max())
    centred = centred - centred.mean()
    parts = (error, error * centred) if level else ((error - error.mean()) * centred,)
    scores = [np.bincount(codes, weights=values).astype(np.float64) for values in parts]
    return moments_test(scores, horizon=horizon)


def _codes(times: npt.ArrayLike | None, n: int) -> npt.NDArray[np.intp]:
    """Number of each row's time, from 0, in the order of time (n,)."""
    if times is None:
        return np.arange(n)
    if np.shape(times) != (n,):
        raise UnpairedForecasts(f"times: one for each of {n} rows is needed (got shape {np.shape(times)})")
    return np.unique(np.asarray(times), return_inverse=True)[1]


def _wald(
    name: str, outcome: FloatArray, forecast: FloatArray, codes: npt.NDArray[np.intp], lags: int, *, level: bool
) -> tuple[float, float, float, float]:
    """Statistic, p-value, intercept and slope.

    Outcomes are taken in units of the largest and regressed on standardised forecasts: the statistic is the same in
    any units, its digits are not.
    """
    from statsmodels.regression.linear_model import OLS  # takes a second, which no command without tests should wait

    unit, size = float(np.abs(outcome).max()) or 1.0, float(np.abs(forecast).max()) or 1.0
    scaled = forecast / size
    mean, deviation = float(scaled.mean()), float(scaled.std())
    if deviation <= ROUNDING:
        raise UndefinedTest(f"{name}: undefined, the forecasts are constant: no slope can be fitted")
    regressors = np.column_stack([np.ones(scaled.size), (scaled - mean) / deviation])
    settings = {"time": codes, "maxlags": lags, "use_correction": False}
    with one_thread():  # the last digits of LAPACK depend on its number of threads
        fit = OLS(outcome / unit, regressors).fit(cov_type="hac-groupsum", cov_kwds=settings, use_t=False)
        _check_fit(name, fit.resid, fit.cov_params())
        null, tested = np.array([mean, deviation]) * (size / unit), slice(0 if level else 1, 2)
        test = fit.wald_test((np.eye(2)[tested], null[tested]), use_f=False, scalar=True)
    slope = float(fit.params[1]) / deviation * (unit / size)
    return float(test.statistic), float(test.pvalue), float(fit.params[0]) * unit - slope * mean * size, slope


def _check_fit(name: str, residuals: FloatArray, covariance: FloatArray) -> None:
    """Refuse a fit without residuals, of outcomes in units of the largest, and coefficients that vary as one."""
    if residuals.std() <= EXACT:
        raise UndefinedTest(
            f"{name}: undefined, the forecasts fit the outcomes without residuals: their coefficients have no variance"
        )
    variances = covariance[0, 0] * covariance[1, 1]
    if variances - covariance[0, 1] ** 2 <= EXACT * variances:
        raise UndefinedTest(
            f"{name}: undefined, the covariance of intercept and slope is singular: use longer test spans or fewer lags"
        )
