"""The variance of an outcome that was known when it was forecast: what weighted losses are divided by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from backtest.data.errors import UndefinedTest
from backtest.significance.result import FloatArray, check_horizon

DECAY = 0.94
"""Of the moving average, that of RiskMetrics (1996)."""

BEGINNING = 50
"""Both averages start at the mean of so many squares, which belong to the training span."""

SMOOTHING = 10
"""The factor of a time of day starts at 1, as if so many outcomes had shown it."""

LEAST_FACTOR = 0.25
"""No factor is smaller: an hour in which the price hardly moves would otherwise outweigh all others."""


def known_variance(
    y: npt.ArrayLike, *, horizon: int = 1, time_of_day: npt.ArrayLike | None = None, beginning: int = BEGINNING
) -> FloatArray:
    """Return the variance (n,) of each outcome of a series (n,), from outcomes that were known when it was forecast.

    Half an exponentially weighted mean of squares (decay 0.94), half the mean of all squares so far: the first follows
    turbulent times, the second keeps the weight of a calm day within bounds. Of outcomes over `horizon` steps, the last
    `horizon` - 1 before a forecast are not known yet. Both means start at the mean of the first `beginning` squares: of
    these rows, which should be those of a training span, alone the result is not what was known.

    With the `time_of_day` (n,) of each outcome as an integer, as for bars within a day, squares are divided by the
    factor of their time of day first, and the result is multiplied by it: an hour in which little is traded is calm
    every day. The factor is the mean ratio of earlier squares at that time of day to the mean of all until then, shrunk
    to 1 and at least LEAST_FACTOR (Andersen and Bollerslev 1997, Journal of Empirical Finance 4, 115-158, estimate such
    factors from all days).

    Missing outcomes are nan: they change nothing. Raises UndefinedTest for fewer outcomes than `beginning`, or without
    any other than zero in them.
    """
    check_horizon(horizon)
    outcomes = np.asarray(y, dtype=np.float64)
    there = np.flatnonzero(~np.isnan(outcomes))
    factors = np.ones(outcomes.size)
    if time_of_day is not None:
        factors = _factors(outcomes**2, np.asarray(time_of_day), horizon)
    squares = outcomes[there] ** 2 / factors[there]
    start = float(squares[:beginning].mean()) if squares.size >= beginning else 0.0
    if not start > 0:
        raise UndefinedTest(
            f"known variance: {beginning} outcomes that are not all zero are needed to start from (got {squares.size})"
        )
    known = _means_before(squares, start, beginning)
    places = np.searchsorted(there, np.arange(outcomes.size) - (horizon - 1))  # outcomes known at each row
    return np.asarray(known[places] * factors)


def moving_variance(y: npt.ArrayLike, *, horizon: int = 1) -> FloatArray:
    """Return the exponentially weighted mean (n,) of the squares of a series (n,) that were known at each outcome.

    It starts at the mean of all squares, and so is no forecast of its first rows: it tells when volatility was high.
    """
    check_horizon(horizon)
    squares = np.asarray(y, dtype=np.float64) ** 2
    smooth = _smooth(squares, float(squares.mean()))
    return np.asarray(smooth[np.maximum(0, np.arange(squares.size) - (horizon - 1))])


def _smooth(squares: FloatArray, start: float) -> FloatArray:
    """The exponentially weighted mean (m + 1,) before each of the squares (m,), and after all of them."""
    moving, _ = lfilter([1 - DECAY], [1, -DECAY], squares, zi=[DECAY * start])
    return np.concatenate([[start], moving])


def _means_before(squares: FloatArray, start: float, beginning: int) -> FloatArray:
    """The mixed mean (m + 1,) before each of the squares (m,), and after all of them."""
    smooth = _smooth(squares, start)
    counts = np.arange(1, squares.size + 1)
    plain = np.concatenate([[start], np.cumsum(squares) / counts])
    plain[: beginning + 1] = start
    return np.asarray((smooth + plain) / 2)


def _factors(squares: FloatArray, time_of_day: npt.NDArray[np.integer], horizon: int) -> FloatArray:
    """The factor (n,) of each row's time of day, from squares (n,) known before it."""
    there = ~np.isnan(squares)
    filled = np.nan_to_num(squares)
    totals, numbers = np.cumsum(filled), np.cumsum(there)
    ratios = np.divide(filled * numbers, totals, out=np.zeros_like(filled), where=totals > 0)
    factors = np.ones(squares.size)
    for time in np.unique(time_of_day):
        rows = np.flatnonzero(time_of_day == time)
        sums = np.concatenate([[0.0], np.cumsum(ratios[rows])])
        counts = np.concatenate([[0], np.cumsum(there[rows])])
        known = np.searchsorted(rows, rows - (horizon - 1))  # rows of this time of day that are known at each of them
        factors[rows] = (SMOOTHING + sums[known]) / (SMOOTHING + counts[known])
    return np.maximum(factors, LEAST_FACTOR)
