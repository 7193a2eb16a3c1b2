"""The four default features in Polars against the same in pandas."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pandas as pd
import polars as pl

from backtest.bench.rows import Row, ratio, seconds
from data import synthetic
from features import pipeline

FEATURES = ("log_return", "rolling_mean_24", "rolling_std_24", "volume_norm")
BARS = 10_000_000


def measure() -> Iterator[Row]:
    """One row: pandas time over Polars time."""
    bars = synthetic.make(BARS, seed=0)
    frame = pd.DataFrame({name: bars[name].to_numpy() for name in ("close", "volume")})
    pandas = _pandas(frame.head(10_000))
    polars = pipeline.build(bars.head(10_000), FEATURES)
    for name in FEATURES:
        np.testing.assert_allclose(polars[name].to_numpy()[30:], pandas[name].to_numpy()[30:], rtol=1e-6, atol=1e-12)
    found = ratio(lambda: seconds(lambda: _pandas(frame)), lambda: seconds(lambda: _polars(bars)), pairs=3)
    note = f"{BARS:,} bars, {os.cpu_count()} cores; pandas has no target and no check for holes to compute"
    yield Row("four features: pandas time over Polars time", found, "x", 3.0, True, note)


def _polars(bars: pl.DataFrame) -> pl.DataFrame:
    return pipeline.build(bars, FEATURES)


def _pandas(bars: pd.DataFrame) -> pd.DataFrame:
    log_return = np.log(bars["close"]).diff()
    return pd.DataFrame(
        {
            "log_return": log_return,
            "rolling_mean_24": log_return.rolling(24).mean(),
            "rolling_std_24": log_return.rolling(24).std(),
            "volume_norm": bars["volume"] / bars["volume"].rolling(24).mean() - 1,
        }
    )
