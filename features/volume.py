"""Features of the traded volume."""

from __future__ import annotations

import polars as pl

from backtest.features.catalog import feature
from backtest.features.windowed import window_excess


@feature(lookback=lambda window: window - 1)
def volume_norm(window: int = 24) -> pl.Expr:
    """Volume over its mean of the last `window` bars, the bar's own included, minus 1; 0/0 if all of them are zero."""
    return window_excess(pl.col("volume"), window)


@feature(lookback=0, requires=("taker_buy_volume",))
def taker_imbalance() -> pl.Expr:
    """Buying minus selling takers as a share of the volume, -1 to 1; 0 for a bar without trades: neither side led."""
    share = 2 * pl.col("taker_buy_volume") / pl.col("volume") - 1
    return pl.when(pl.col("volume") > 0).then(share).otherwise(0.0)
