"""Diebold and Mariano's test of equal predictive accuracy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtest.significance.mean import Estimator, mean_test
from backtest.significance.result import Alternative, TestResult, paired


def diebold_mariano(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    estimator: Estimator = "fixed-b",
    alternative: Alternative = "two-sided",
) -> TestResult:
    """Diebold-Mariano test of whether model and baseline have the same expected loss.

    d = loss_model - loss_baseline, so a negative statistic favours the model and `alternative="less"` says that the
    model is better. The losses (n,) stand in the order of time and belong to forecasts `horizon` steps ahead;
    `mean_test` tells what the estimators are. "truncated" and "bartlett" agree with R's forecast::dm.test, fallback
    included; "fixed-b", which keeps its size at long horizons and in short samples (CALIBRATION.md), is the default.

    Raises UnpairedForecasts and NotFinite for losses that are no pair, UndefinedTest where n <= horizon or the
    differences do not vary, ConfigError for a setting that does not exist.

    Source: Diebold and Mariano (1995), Journal of Business & Economic Statistics 13, 253-263.
    """
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    magnitude = float(np.abs([model, baseline]).max(initial=0.0))

    tested = mean_test(
        model - baseline, horizon=horizon, estimator=estimator, alternative=alternative, magnitude=magnitude
    )
    return TestResult(
        "diebold_mariano", tested.statistic, tested.p_value, tested.n, tested.lags, alternative, tested.note
    )
