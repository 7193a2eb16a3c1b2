"""Bars with something odd in them, for audits: holes, no trade, no movement, several symbols, sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from backtest.data.reading.synthetic import START, make_bars
from backtest.data.schema import UTC_TIME

PRICES = ("open", "high", "low", "close")


def plain(n: int = 720, symbol: str = "A", seed: int = 0, signal: float = 0.1, **settings: object) -> pl.DataFrame:
    """Hourly bars of a market that never closes."""
    return make_bars(n, seed=seed, signal=signal, symbol=symbol, taker=False, **settings)  # type: ignore[arg-type]


def without_trade(bars: pl.DataFrame, places: Sequence[int]) -> pl.DataFrame:
    """Bars of which some have no volume."""
    return bars.with_columns(volume=pl.when(pl.int_range(pl.len()).is_in(places)).then(0.0).otherwise("volume"))


def with_holes(bars: pl.DataFrame, places: Sequence[int], width: int = 3) -> pl.DataFrame:
    """Bars of which `width` are missing from each of some places on."""
    missing = {place + step for place in places for step in range(width)}
    return bars.filter(~pl.int_range(pl.len()).is_in(sorted(missing)))


def standing_still(bars: pl.DataFrame, start: int, end: int) -> pl.DataFrame:
    """Bars whose price does not move from one place to another."""
    inside, price = pl.int_range(pl.len()).is_between(start, end), bars["close"][start]
    return bars.with_columns(pl.when(inside).then(price).otherwise(name).alias(name) for name in PRICES)


def of_sessions(days: int, opens: Sequence[str], zone: str, interval: str, seed: int = 0) -> pl.DataFrame:
    """Bars of an exchange that trades on weekdays at the local times `opens`."""
    first = datetime(2020, 1, 6, tzinfo=ZoneInfo(zone))
    dates = [first + timedelta(days=day) for day in range(days)]
    clock = [(int(time[:2]), int(time[3:])) for time in opens]
    local = [date.replace(hour=hour, minute=minute) for date in dates if date.weekday() < 5 for hour, minute in clock]
    bars = plain(len(local), seed=seed, interval=interval)
    return bars.with_columns(time=pl.Series(local).dt.convert_time_zone("UTC").cast(UTC_TIME))


def stored(folder: Path, *bars: pl.DataFrame) -> str:
    """Write bars to a file, and return its name; nothing is written without bars."""
    if not bars:
        return ""
    path = folder / "bars.parquet"
    pl.concat(bars).write_parquet(path)
    return str(path)


def published(every: timedelta, lag: timedelta, n: int, seed: int = 0) -> pl.DataFrame:
    """A series of noise about every so often, each value published with a lag."""
    about = [START + every * number for number in range(n)]
    values = np.random.default_rng(seed).normal(size=n)
    frame = pl.DataFrame({"time": about, "known_at": [time + lag for time in about], "rate": values})
    return frame.with_columns(pl.col("time", "known_at").cast(UTC_TIME))
