"""Histories and direct targets of a series of variances, for HAR models of daily values."""

from __future__ import annotations

from numpy.lib.stride_tricks import sliding_window_view

from backtest.models.windows import Floats

MONTH = 22


def before(values: Floats) -> Floats:
    """History (rows - 22, 22) before each row from the 22nd on."""
    return sliding_window_view(values, MONTH)[:-1]


def future_mean(values: Floats, horizon: int) -> Floats:
    """Mean of the values of each row from the 22nd on and the `horizon` - 1 rows after it."""
    means: Floats = sliding_window_view(values[MONTH:], horizon).mean(axis=1)
    return means
