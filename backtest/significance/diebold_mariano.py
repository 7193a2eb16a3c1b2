"""Diebold and Mariano's test of equal predictive accuracy."""

from __future__ import annotations

import numpy.typing as npt

from backtest.significance.mean import estimate_mean
from backtest.significance.result import Alternative, Estimator, TestResult, paired_losses, t_probability


def diebold_mariano(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    estimator: Estimator = "bartlett",
    alternative: Alternative = "two-sided",
) -> TestResult:
    """Diebold-Mariano test of whether model and baseline have the same expected loss.

    d = loss_model - loss_baseline, so a negative statistic favours the model and `alternative="less"` says that the
    model is better. The losses (n,) stand in the order of time and belong to forecasts `horizon` steps ahead; the
    variance of their mean counts `horizon - 1` autocovariances, is corrected for small samples by Harvey, Leybourne
    and Newbold (1997, eq. 9), and the statistic is compared with t(n - 1). Agrees with R's forecast::dm.test,
    whose fallback to h = 1 at a truncated variance that is not positive is kept and noted.

    Raises UnpairedForecasts and NotFinite for losses that are no pair, UndefinedTest where n <= horizon or the
    differences do not vary, ConfigError for a setting that does not exist.

    Source: Diebold and Mariano (1995), Journal of Business & Economic Statistics 13, 253-263.
    """
    model, baseline = paired_losses(loss_model, loss_baseline)
    magnitude = max(abs(model).max(initial=0.0), abs(baseline).max(initial=0.0))
    estimate = estimate_mean(model - baseline, horizon=horizon, estimator=estimator, magnitude=magnitude)
    statistic = estimate.mean / estimate.standard_error
    return TestResult(
        test="diebold_mariano",
        statistic=statistic,
        p_value=t_probability(statistic, estimate.n - 1, alternative),
        n=estimate.n,
        lags=estimate.lags,
        alternative=alternative,
        note=estimate.note,
        mean_difference=estimate.mean,
        standard_error=estimate.standard_error,
    )
