"""Hypothesis strategies for bars, folds and losses, drawn as a few numbers and filled by numpy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing.parametric import dataframes

from backtest.data.schema import UTC_TIME
from backtest.significance.result import FloatArray
from backtest.walk.folds import Fold, FoldSettings, roll

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
Pair = tuple[FloatArray, FloatArray]
SEEDS = st.integers(0, 2**32 - 1)
NUMBERS = (pl.Int8, pl.UInt16, pl.Int64, pl.Float32, pl.Float64)


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
        rng = np.random.default_rng(draw(SEEDS))
        start = draw(st.integers(4_000, 20_000)) * 86_400_000_000
        skipped = rng.geometric(0.5, n) * (rng.random(n) < 0.05) * (np.arange(n) > 3) * holes
        time = start + (np.arange(n) + np.cumsum(skipped)) * (interval // timedelta(microseconds=1))
        columns = {"symbol": [f"S{number}"] * n, "time": time, **prices(rng, n, draw(st.floats(1e-4, 0.05)))}
        frames.append(pl.DataFrame(columns).with_columns(pl.col("time").cast(pl.Datetime("us")).cast(UTC_TIME)))
    return pl.concat(frames)


def columns_of_users(n: int) -> st.SearchStrategy[pl.DataFrame]:
    """Draw one to three columns (n,) as users have them beside the usual ones: numbers, flags, texts, dates.

    Numbers are of any type; values may be missing, NaN, or as large as their type allows.
    """
    types = [*NUMBERS, pl.Boolean, pl.String, pl.Date]
    return dataframes(min_cols=1, max_cols=3, min_size=n, max_size=n, allowed_dtypes=types, allow_null=True)


def opens(n: int, interval: timedelta = DAY, *, weekends: bool = True, start: datetime | None = None) -> pl.Series:
    """The opens of `n` bars from 2024-01-01, a Monday, on; without `weekends` the market closes then."""
    first = start or datetime(2024, 1, 1, tzinfo=UTC)
    times = (first + k * interval for k in range(3 * n + 3))
    return pl.Series([time for time in times if weekends or time.weekday() < 5][:n], dtype=UTC_TIME)


@dataclass(frozen=True, slots=True)
class Walk:
    """Opens of bars, settings that cut them into at least one fold, a horizon, and the interval of the bars."""

    times: pl.Series
    settings: FoldSettings
    horizon: int
    interval: timedelta

    def cut(self) -> list[Fold]:
        """Its folds."""
        return list(roll(self.times, self.settings, horizon=self.horizon, interval=self.interval))


@st.composite
def fold_settings(draw: st.DrawFn, horizon: int, interval: timedelta = HOUR) -> FoldSettings:
    """Draw settings whose spans are 1 to 12 bars, or as many intervals of calendar time."""
    unit = draw(st.sampled_from(["", "d" if interval == DAY else "h"]))
    sizes = {name: draw(st.integers(1, 12)) for name in ("first_train", "validation", "test")}
    sizes["step"] = sizes["test"] + draw(st.integers(0, 3))
    spans = {name: f"{size}{unit}" if unit else size for name, size in sizes.items()}
    kept = spans if draw(st.booleans()) else {**spans, "step": None}
    window, gap = draw(st.sampled_from(["expanding", "rolling"])), draw(st.sampled_from([None, horizon + 2]))
    others = {"window": window, "gap": gap, "refit_every": draw(st.integers(1, 3))}
    return FoldSettings.model_validate({**kept, **others})


@st.composite
def walks(draw: st.DrawFn) -> Walk:
    """Draw the bars of an always open or closing market, perhaps with holes, and settings that fit them."""
    interval, weekends = draw(st.sampled_from([(DAY, True), (DAY, False), (HOUR, True), (HOUR, False)]))
    times = opens(draw(st.integers(60, 200)), interval, weekends=weekends)
    if draw(st.booleans()):
        missing = draw(st.sets(st.integers(1, len(times) - 2), max_size=10))
        times = times.filter(~pl.int_range(len(times), eager=True).is_in(list(missing)))
    horizon = draw(st.integers(1, 4))
    return Walk(times, draw(fold_settings(horizon, interval)), horizon, interval)


def paired_losses(seed: int, n: int) -> Pair:
    """Losses (n,) of a model and of a baseline, autocorrelated and of the size of squared hourly returns."""
    noise = np.random.default_rng(seed).standard_normal((2, n + 2))
    model, baseline = (noise[:, 2:] + 0.6 * noise[:, 1:-1] + 0.3 * noise[:, :-2]) ** 2 * 1e-5
    return model, baseline


def losses(min_size: int = 30, max_size: int = 300) -> st.SearchStrategy[Pair]:
    """Draw losses of a model and of a baseline that neither is better."""
    return st.builds(paired_losses, SEEDS, st.integers(min_size, max_size))
