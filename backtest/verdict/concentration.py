"""Where a few days hold much of a loss difference: which ones, and how much."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtest.data.records.verdict import Concentration
from backtest.significance.result import FloatArray

MOST_DAYS = 10
"""Neighbouring days that are named at most."""

MOST_OF_ALL = 0.02
"""They are at most this share of all days with forecasts: a tenth of the sum in a tenth of days is expected."""

NOTABLE = 0.2
"""Share of the sum of absolute loss differences from which on days are named."""


def concentration(difference: FloatArray, times: npt.NDArray[np.datetime64]) -> Concentration | None:
    """Return the fewest neighbouring days that hold NOTABLE or more of the sum of |loss difference|, if few days do.

    `difference` (t,) are loss differences at `times` (t,), ascending; days are those of UTC that have forecasts. Of as
    many days the ones with the largest share are taken, of equal ones the first. None where that takes more than
    MOST_DAYS days, or more than MOST_OF_ALL of them.
    """
    if not difference.any():
        return None
    days, place = np.unique(times.astype("datetime64[D]"), return_inverse=True)
    held = np.bincount(place, weights=np.abs(difference)) / np.abs(difference).sum()
    before = np.concatenate([[0.0], np.cumsum(held)])
    for length in range(1, min(MOST_DAYS, int(MOST_OF_ALL * days.size)) + 1):
        shares = before[length:] - before[:-length]
        start = int(shares.argmax())
        if shares[start] >= NOTABLE:
            first, last = days[start], days[start + length - 1]
            return Concentration(str(first), str(last), length, float(shares[start]))
    return None
