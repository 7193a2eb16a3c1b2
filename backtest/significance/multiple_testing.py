"""P-values adjusted for multiple testing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from backtest.data.errors import DataError
from backtest.data.names import MAX_T
from backtest.significance.result import FloatArray


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """P-values (m,) adjusted to control the familywise error rate, whatever their dependence.

    Holm (1979), Scandinavian Journal of Statistics 6, 65-70. Raises DataError for a value outside [0, 1].
    """
    return _adjust(p_values, lambda p: np.maximum.accumulate(p * np.arange(p.size, 0, -1)))


def benjamini_hochberg(p_values: npt.ArrayLike) -> FloatArray:
    """P-values (m,) adjusted to control the false discovery rate, where they are independent or rise together.

    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300; "rise together" is the
    positive dependence of Benjamini and Yekutieli (2001). Raises DataError for a value outside [0, 1].
    """
    return _adjust(p_values, _step_up)


def benjamini_yekutieli(p_values: npt.ArrayLike) -> FloatArray:
    """P-values (m,) adjusted to control the false discovery rate, whatever their dependence.

    Benjamini and Yekutieli (2001), Annals of Statistics 29, 1165-1188. Raises DataError for a value outside [0, 1].
    """
    return _adjust(p_values, lambda p: _step_up(p) * np.sum(1 / np.arange(1, p.size + 1)))


ADJUSTMENTS: dict[str, Callable[[npt.ArrayLike], FloatArray]] = {
    "holm": holm,
    "benjamini-hochberg": benjamini_hochberg,
    "benjamini-yekutieli": benjamini_yekutieli,
}
"""Adjustments by the names that settings know; each keeps the order of the family, and an empty one empty."""


MULTIPLICITY = (MAX_T, *ADJUSTMENTS)
"""Every way in which settings can ask p-values of the verdict to be adjusted; the first is the usual one."""


def adjustment_of(name: str) -> Callable[[npt.ArrayLike], FloatArray]:
    """Return the adjustment of p-values of which nothing more is known: Holm's where MAX_T is asked for."""
    return ADJUSTMENTS["holm" if name == MAX_T else name]


def _adjust(p_values: npt.ArrayLike, steps: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Apply `steps` to the sorted p-values, cut them at 1 and put them back in the order in which they came."""
    values = np.asarray(p_values, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise DataError(f"p-values: must lie between 0 and 1 (got {values.tolist()}): leave undefined tests out")
    # statsmodels' multipletests gives the same numbers, but collects all of Python's garbage at each call
    order = np.argsort(values)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps(values[order]), 1)
    return adjusted


def _step_up(ascending: FloatArray) -> FloatArray:
    """Each p-value times m / its rank, or less where a larger one gives less."""
    shares = ascending * (ascending.size / np.arange(1, ascending.size + 1))
    return np.minimum.accumulate(shares[::-1])[::-1]
