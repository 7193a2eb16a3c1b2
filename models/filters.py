"""Filters of variance forecasts: which of them are beyond all that was known, and what stands in their place."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from backtest.models.windows import Floats


class TargetRange(NamedTuple):
    """Smallest, mean and largest target that a fit has seen, each () or (H,): what filters of forecasts need."""

    low: Floats
    mean: Floats
    high: Floats


UNKNOWN_RANGE = TargetRange(np.array(np.nan), np.array(np.nan), np.array(np.nan))
"""Before a fit."""


def target_range(y: Floats) -> TargetRange:
    """Range and mean of targets y (n,) or (n, H), as variances."""
    rows = np.ascontiguousarray(y.T)  # so that the mean of a horizon is the same, to the last bit, among others
    return TargetRange(*(np.asarray(part) for part in (rows.min(axis=-1), rows.mean(axis=-1), rows.max(axis=-1))))


def insanity_filter(forecasts: Floats, targets: TargetRange) -> tuple[Floats, int]:
    """Forecasts (n,) or (n, H) with those outside the range of training targets, or NaN, replaced by their mean.

    Returns how many were replaced, too. Swanson and White (1997), Review of Economics and Statistics 79, 540-550,
    and Bollerslev, Patton and Quaedvlieg (2016).
    """
    inside: NDArray[np.bool_] = (targets.low <= forecasts) & (forecasts <= targets.high)
    return np.where(inside, forecasts, targets.mean), int(np.sum(~inside))


def known_range_filter(forecasts: Floats, targets: TargetRange, history: Floats, horizon: int = 1) -> Floats:
    """Forecasts (n,) of the variance of `horizon` bars together, held to what was known when each was made.

    Known is the `known_range` of the targets that the fit has seen and of the forecast's own window, a row of `history`
    (n, window). A forecast above its largest value becomes that one; one below its smallest, or not above zero, becomes
    the mean of its window. NaN stays.

    `insanity_filter`, its model, is fitted again for every forecast. Where a fit serves for a year, its range is out of
    date in a crisis, and the mean of calm years the worst substitute: on the S&P 500's realised variance, rolling 1,000
    days, fitted once a year, n = 3,096, it raises the QLIKE of a log-HAR from 0.127 to 0.405, while this one replaces
    nothing. docs/volatility.md has more.
    """
    low, mean, high = known_range(targets, history, horizon)
    below = (forecasts < low) | (forecasts <= 0)
    return np.where(below, mean, np.where(forecasts > high, high, forecasts))


def known_range(targets: TargetRange, history: Floats, horizon: int = 1) -> TargetRange:
    """Range (n,) of the targets and of the sums of `horizon` neighbours in each history (n, window).

    The mean is `horizon` times that of the history, or that of the targets where every variance of it is zero.
    """
    sums = sliding_window_view(history, horizon, axis=1).sum(axis=2)
    mean = horizon * history.mean(axis=1)
    low, high = np.minimum(targets.low, sums.min(axis=1)), np.maximum(targets.high, sums.max(axis=1))
    return TargetRange(low, np.where(mean > 0, mean, targets.mean), high)
