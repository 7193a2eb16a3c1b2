"""P-values of several tests, adjusted because several were made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtest.significance.result import FloatArray
from data.errors import DataError


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Adjust the p-values (m,) of a family so that one false rejection in the whole family has probability alpha.

    Holm's step-down method needs no assumption on how the tests depend on each other. Holm (1979), Scandinavian
    Journal of Statistics 6, 65-70. Raises DataError for a value outside [0, 1].
    """
    values = np.asarray(p_values, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise DataError(f"p-values: must lie between 0 and 1 (got {values.tolist()}): leave undefined tests out")
    # statsmodels' multipletests gives the same numbers, but collects all of Python's garbage at each call
    order = np.argsort(values)
    steps = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted
