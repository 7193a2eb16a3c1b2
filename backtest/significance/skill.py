"""How much better, not only whether: the skill of a model with its confidence interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt
from scipy.special import stdtrit

from backtest.significance.mean import estimate_mean
from backtest.significance.result import paired_losses
from data.errors import UndefinedTest


@dataclass(frozen=True, slots=True)
class Skill:
    """1 - mean loss of the model / mean loss of the baseline, with the interval from `low` to `high`."""

    value: float
    low: float
    high: float


def skill_interval(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    level: float = 0.95,
) -> Skill:
    """Skill of the model over the baseline and its two-sided interval, from paired losses (n,) in the order of time.

    Delta method on the ratio r of the mean losses: r has the variance of the mean of
    (loss_model - r loss_baseline) / mean(loss_baseline). Away from r = 1 that series holds a share of the baseline's
    loss, whose volatility clusters, so its variance is Newey and West's with max(h - 1, 1.3 sqrt(n)) lags, the
    rule of Lazarus, Lewis, Stock and Watson (2018, Journal of Business & Economic Statistics 36, 541-559), corrected
    for small samples and compared with t(n - 1) as Diebold-Mariano's difference is. Where the test's own variance, with
    h - 1 lags, is the larger one it is taken: the interval is never narrower than the test beside it.

    Raises UndefinedTest where the baseline's mean loss is zero, n <= horizon or the ratio does not vary; otherwise
    as `diebold_mariano`.
    """
    model, baseline = paired_losses(loss_model, loss_baseline)
    scale = float(baseline.mean()) if baseline.size else 0.0
    if not scale > 0:
        raise UndefinedTest("skill: the baseline's mean loss must be positive (got 0): it made no error to improve on")
    ratio = float(model.mean()) / scale
    magnitude = max(model.max(), ratio * baseline.max()) / scale
    _check_length(model.size, horizon)
    bandwidth = max(horizon, min(1 + int(1.3 * model.size**0.5), model.size // 2))
    series = (model - ratio * baseline) / scale
    estimates = [
        estimate_mean(series, horizon=horizon, estimator="truncated", magnitude=magnitude),
        estimate_mean(series, horizon=bandwidth, magnitude=magnitude),
    ]
    estimate = max(estimates, key=lambda one: one.standard_error)
    reach = float(stdtrit(estimate.n - 1, (1 + level) / 2)) * estimate.standard_error
    return Skill(1 - ratio, 1 - ratio - reach, 1 - ratio + reach)


def _check_length(n: int, horizon: int) -> None:
    if n <= horizon:
        raise UndefinedTest(f"skill: more than the horizon, {horizon}, losses are needed (got {n}): lengthen the spans")
