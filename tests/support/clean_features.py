"""Features without a leak, odd ones among them, and the innocent counterparts of leaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.recompute import Series
from backtest.features import external, feature
from backtest.models.windows import Floats
from tests.support.odd_bars import of_sessions, plain, published, without_trade
from tests.support.planting import CLOSE, RETURN, VOLUME, on_all, walk, with_features

Make = Callable[[Path], AuditedWalk]

TIME, RATE = pl.col("time"), pl.col("funding.rate")
DAY, SPAN = 24, 20.0
QUIET = without_trade(plain(), range(7, 700, 13))
TOKYO = of_sessions(220, ("09:00", "10:00", "12:30", "13:30", "14:30"), "Asia/Tokyo", "1h")
BOTH = plain(), plain(symbol="B", seed=1)
RATES = published(timedelta(hours=8), timedelta(hours=3), 90)
OF_EACH = pl.concat([RATES.with_columns(symbol=pl.lit("A")), RATES[40:].with_columns(pl.lit("B").alias("symbol"))])


def of(made: pl.Expr | Mapping[str, pl.Expr], *bars: pl.DataFrame, lookback: int = DAY, tolerance: float = 0.0) -> Make:
    """The usual walk with a custom feature next to the return."""

    def make_walk(folder: Path) -> AuditedWalk:
        feature(name="own", lookback=lookback, tolerance=tolerance)(lambda: made)
        return walk(folder, *bars, features=["log_return", "own"])

    return make_walk


def of_bars(compute: Callable[[pl.DataFrame], pl.Series], *bars: pl.DataFrame) -> Make:
    """The usual walk with a feature that is computed from the whole table of bars; the first two days are left out."""

    def make_walk(folder: Path) -> AuditedWalk:
        feature(name="own", lookback=2 * DAY)(lambda: CLOSE)
        usual = walk(folder, *bars, features=["log_return", "own"])
        warm = pl.int_range(pl.len()).over("symbol") >= 2 * DAY

        def features(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
            return usual.features(bars, series).with_columns(own=pl.when(warm).then(compute(bars)))

        return with_features(usual, features)

    return make_walk


def of_series(made: pl.Expr, frame: pl.DataFrame, *bars: pl.DataFrame, lookback: int = 0) -> Make:
    """The usual walk with a funding rate."""

    def make_walk(folder: Path) -> AuditedWalk:
        external(name="funding")(lambda: frame)
        feature(name="own", lookback=lookback, requires=("funding.rate",))(lambda: made)
        return walk(folder, *bars, features=["log_return", "own"])

    return make_walk


def trailing(x: Floats) -> Floats:
    """The share of the last day's values that lie below the newest."""
    if len(x) < DAY:
        return np.full(len(x), np.nan)
    days = sliding_window_view(x, DAY)
    return np.concatenate([np.full(DAY - 1, np.nan), (days < days[:, -1:]).mean(axis=1)])


def sober(x: Floats) -> Floats:
    """The logarithm of prices, if they can be believed."""
    if np.nanmax(x) > 1e9:
        raise ValueError("no such price")
    return np.log(x)


def of_time(column: pl.Series) -> pl.Series:
    """Noise that a time always gets again."""
    return (column.hash(7) % 1_000).cast(pl.Float64)


def day_before(bars: pl.DataFrame) -> pl.Series:
    """The mean close of the day before."""
    day = TIME.dt.date().alias("day")
    daily = bars.group_by(day).agg(mean=CLOSE.mean()).with_columns(pl.col("day").dt.offset_by("1d"))
    return bars.with_columns(day).join(daily, on="day", how="left", maintain_order="left")["mean"]


def resampled(bars: pl.DataFrame) -> pl.Series:
    """The last close of bars of four hours that are stamped at their end."""
    longer = bars.group_by_dynamic("time", every="4h").agg(four=CLOSE.last())
    ended = longer.select("four", known_at=TIME.dt.offset_by("4h"))
    return bars.with_columns(known_at=TIME.dt.offset_by("1h")).join_asof(ended, on="known_at")["four"]


def other_symbol(bars: pl.DataFrame) -> pl.Series:
    """The return of B over the same bar."""
    other = bars.filter(symbol="B").select("time", other=RETURN)
    return bars.join(other, on="time", how="left", maintain_order="left")["other"]


def cached() -> Callable[[pl.DataFrame], pl.Series]:
    """The range of a bar, kept for bars that were seen before."""
    kept: dict[object, pl.Series] = {}
    return lambda bars: kept.setdefault(int(bars.hash_rows().sum()), bars["high"] / bars["low"])


FEATURES: dict[str, Make] = {
    "positive shifts": of({"one": RETURN.shift(1), "day": CLOSE.shift(DAY) / CLOSE}, lookback=DAY + 1),
    "trailing counterparts of global statistics": of(
        {
            "z": (CLOSE - CLOSE.rolling_mean(DAY)) / CLOSE.rolling_std(DAY),
            "share": (CLOSE - CLOSE.rolling_min(DAY)) / (CLOSE.rolling_max(DAY) - CLOSE.rolling_min(DAY)),
            "clipped": RETURN.clip(
                RETURN.rolling_quantile(0.05, window_size=DAY), RETURN.rolling_quantile(0.95, window_size=DAY)
            ),
            "median": RETURN.rolling_median(DAY),
        }
    ),
    "forward fill": of(pl.when(VOLUME > 0).then(CLOSE).forward_fill() / CLOSE, QUIET, lookback=1),
    "mean of the day before": of_bars(day_before),
    "resampled bars stamped at their end": of_bars(resampled),
    "the same bar of another symbol": of_bars(other_symbol, *BOTH),
    "feature cached with the data among its keys": of_bars(cached()),
    "external series with a lag": of_series(RATE, RATES),
    "change of an external series": of_series(RATE - RATE.shift(DAY), RATES, lookback=DAY),
    "external series of each symbol": of_series(RATE, OF_EACH, *BOTH),
    "average with exponential weights": of(RETURN.ewm_mean(span=SPAN), lookback=200, tolerance=1e-6),
    "difference of running sums": of(RETURN.cum_sum() - RETURN.cum_sum().shift(DAY), lookback=DAY + 1),
    "mean of the same hour of the last five days": of(RETURN.rolling_mean(5).over(TIME.dt.hour()), lookback=5 * DAY),
    "rank within the last day": of(on_all(trailing)),
    "numpy over all rows": of(on_all(lambda x: np.tanh(100 * np.diff(np.log(x), prepend=np.nan))), lookback=1),
    "refuses prices beyond belief": of(on_all(sober), lookback=0),
    "noise seeded by the time": of(TIME.map_batches(of_time, return_dtype=pl.Float64), lookback=0),
    "trend in time": of(TIME.to_physical() * 1e-15, lookback=0),
    "time since the last bar": of(TIME.diff().dt.total_seconds().cast(pl.Float64), TOKYO, lookback=1),
    "missing for a long stretch": of(pl.when(~TIME.dt.ordinal_day().is_between(10, 14)).then(RETURN), lookback=1),
    "a constant": of(0 * CLOSE + 1.0, lookback=0),
}
