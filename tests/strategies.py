"""Hypothesis strategies for the tables of the library, drawn as a few numbers and filled by numpy."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.schema import UTC_TIME

HOUR = timedelta(hours=1)


def prices(rng: np.random.Generator, n: int, volatility: float) -> dict[str, NDArray[np.float64]]:
    """Open, high, low, close and volume of `n` consistent bars whose log returns have `volatility`."""
    close = rng.uniform(0.01, 100_000) * np.exp(np.cumsum(rng.standard_t(4, n) * volatility))
    opened = np.concatenate([close[:1], close[:-1]]) * np.exp(rng.normal(0, volatility / 10, n))
    spread = np.exp(np.abs(rng.normal(0, volatility, (2, n))))
    return {
        "open": opened,
        "high": np.maximum(opened, close) * spread[0],
        "low": np.minimum(opened, close) / spread[1],
        "close": close,
        "volume": rng.lognormal(3, 1, n) * (rng.random(n) > 0.02),
    }


@st.composite
def bars(
    draw: st.DrawFn,
    min_size: int = 2,
    max_size: int = 200,
    interval: timedelta = HOUR,
    holes: bool = False,
    symbols: int = 1,
) -> pl.DataFrame:
    """Draw valid BARS on the grid of `interval`: `min_size` to `max_size` rows for each of `symbols` instruments.

    With `holes` about one step in twenty is longer, but never one of the first three, so that the interval is plain.
    Prices move by fat-tailed returns; about one bar in fifty has no volume.
    """
    frames = []
    for number in range(symbols):
        n = draw(st.integers(min_size, max_size))
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        start = draw(st.integers(4_000, 20_000)) * 86_400_000_000
        skipped = rng.geometric(0.5, n) * (rng.random(n) < 0.05) * (np.arange(n) > 3) * holes
        time = start + (np.arange(n) + np.cumsum(skipped)) * (interval // timedelta(microseconds=1))
        columns = {"symbol": [f"S{number}"] * n, "time": time, **prices(rng, n, draw(st.floats(1e-4, 0.05)))}
        frames.append(pl.DataFrame(columns).with_columns(pl.col("time").cast(pl.Datetime("us")).cast(UTC_TIME)))
    return pl.concat(frames)
