"""Features of the calendar."""

from __future__ import annotations

import math
from datetime import timedelta

import polars as pl

from backtest.features.catalog import feature

WEEK = timedelta(weeks=1) // timedelta(microseconds=1)
MONDAY = timedelta(days=4) // timedelta(microseconds=1)  # 1970-01-05, the first Monday of the epoch


@feature(lookback=0)
def hour_of_week() -> dict[str, pl.Expr]:
    """Where in the week (UTC, from Monday 00:00) the bar opens: sine and cosine of the angle on a weekly circle."""
    angle = (pl.col("time").to_physical() - MONDAY) % WEEK * (2 * math.pi / WEEK)
    return {"sin": angle.sin(), "cos": angle.cos()}
