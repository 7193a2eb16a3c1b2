"""Ibragimov and Müller's test: whether the gain repeats from fold to fold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtest.data.errors import UndefinedTest, UnpairedForecasts
from backtest.significance.mean import ROUNDING
from backtest.significance.result import Alternative, TestResult, paired, t_probability


def ibragimov_muller(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    folds: npt.ArrayLike,
    *,
    alternative: Alternative = "two-sided",
) -> TestResult:
    """Student's t test on the mean loss differences of the folds, from paired losses and numbers of folds (n,).

    A model that is fitted anew in each fold has luck of its own in each: rows of one fold share it, so that more rows
    of the same folds do not average it out, and no variance over neighbouring rows sees it. The means of q folds are q
    values whose spread holds it, compared with t(q - 1). For alpha <= 8 % the test keeps its size whatever the
    variances of the folds are. d = loss_model - loss_baseline, so a negative statistic favours the model; `n` counts
    folds.

    Raises UnpairedForecasts and NotFinite for what is no pair, UndefinedTest where there are fewer than two folds or
    their means do not vary.

    Source: Ibragimov and Müller (2010), Journal of Business & Economic Statistics 28, 453-468.
    """
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    if np.shape(folds) != model.shape:
        raise UnpairedForecasts(f"folds: one for each of {model.size} losses is needed (got shape {np.shape(folds)})")
    _, fold, counts = np.unique(np.asarray(folds), return_inverse=True, return_counts=True)
    q = counts.size
    if q < 2:
        raise UndefinedTest(f"ibragimov_muller: undefined, at least 2 folds are needed (got {q}): use shorter spans")
    means = np.bincount(fold, weights=model - baseline) / counts
    largest = float(np.abs([model, baseline]).max())
    if means.std() <= ROUNDING * largest:
        raise UndefinedTest(f"ibragimov_muller: undefined, all {q} folds have the same mean loss difference")
    scaled = means / float(np.abs(means).max())
    statistic = float(scaled.mean()) / float(scaled.std(ddof=1)) * q**0.5
    p_value = t_probability(statistic, q - 1, alternative)
    return TestResult("ibragimov_muller", statistic, p_value, q, 0, alternative)
