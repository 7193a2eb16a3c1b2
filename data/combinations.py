"""Forecasts made of those of several models, at no cost of fitting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Combination:
    """An entry of COMBINATIONS: what makes forecasts (n,) of those of m models (m, n), and the `fewest` it needs."""

    of: Callable[[Floats], Floats]
    fewest: int

    @property
    def doc(self) -> str:
        """What it does, in one line."""
        return (self.of.__doc__ or "").strip().partition("\n")[0]


def average(forecasts: Floats) -> Floats:
    """The mean of the candidates' forecasts: equal weights, which estimated ones rarely beat.

    Timmermann (2006), Handbook of Economic Forecasting 1, 135-196.
    """
    return np.asarray(forecasts.mean(axis=0))


def trimmed_average(forecasts: Floats) -> Floats:
    """The mean of the candidates' forecasts without the smallest and the largest one."""
    return np.asarray(np.sort(forecasts, axis=0)[1:-1].mean(axis=0))


COMBINATIONS: dict[str, Combination] = {
    "average": Combination(average, fewest=2),
    "trimmed_average": Combination(trimmed_average, fewest=3),
}
"""By the names that `combine` of the settings may list."""
