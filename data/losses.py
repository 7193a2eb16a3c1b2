"""Losses of a forecast, in one table: scores, tests, regimes and the paths of the report take them from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

Values = TypeVar("Values", pl.Expr, NDArray[np.float64])
"""Outcomes or forecasts: arrays (n,), or columns of a table."""


class Loss(Protocol):
    """The loss of each forecast, from outcomes and forecasts of one shape; smaller is better."""

    def __call__(self, y: Values, y_hat: Values, /) -> Values:
        """Return the losses, in the shape of `y`."""


def squared(y: Values, y_hat: Values, /) -> Values:
    """Squared error; the mean is its best forecast (Gneiting, 2011, JASA 106, 746-762)."""
    return (y - y_hat) ** 2


def absolute(y: Values, y_hat: Values, /) -> Values:
    """Absolute error; the median is its best forecast (Gneiting, 2011, JASA 106, 746-762)."""
    return abs(y - y_hat)


LOSSES: Mapping[str, Loss] = {"squared": squared, "absolute": absolute}
"""Every loss by the name that TESTS and PRIMARY know it by."""
