"""Leaks of features, for levels 1 and 2: values that read later bars, or more than they declare."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from scipy.signal import detrend, savgol_filter
from statsmodels.tsa.filters.hp_filter import hpfilter

from backtest.models.windows import Floats
from tests.support.odd_bars import plain, standing_still, with_holes, without_trade
from tests.support.planting import CLOSE, RETURN, VOLUME, of_bars, of_expression, on_all

TIME, NEXT, TRADED = pl.col("time"), CLOSE.shift(-1), VOLUME > 0
QUIET = without_trade(plain(), (100, 233, 400, 401, 555))
HOLES = with_holes(plain(), (150, 380, 500, 610))
MONTH_ENDS = TIME.dt.month() != TIME.dt.offset_by("1h").dt.month()
HOLE_FOLLOWS = TIME.shift(-1) - TIME > pl.duration(hours=1)
SPAN = 20.0


def low_pass(x: Floats) -> Floats:
    """The slow tenth of the Fourier transform."""
    spectrum = np.fft.rfft(x)
    spectrum[len(spectrum) // 10 :] = 0
    return np.fft.irfft(spectrum, len(x))


def where(condition: pl.Expr, there: pl.Expr, elsewhere: pl.Expr = CLOSE) -> pl.Expr:
    """One value where a condition holds, another elsewhere."""
    return pl.when(condition).then(there).otherwise(elsewhere)


def sorted_by_volume(bars: pl.DataFrame) -> pl.Series:
    """The change from the row before, in a table sorted by volume."""
    return bars.sort("volume").with_columns(change=CLOSE / CLOSE.shift()).sort("symbol", "time")["change"]


def day_mean(bars: pl.DataFrame) -> pl.Series:
    """The mean close of the day, at each of its bars."""
    day = TIME.dt.date().alias("day")
    daily = bars.group_by(day).agg(mean=CLOSE.mean())
    return bars.with_columns(day).join(daily, on="day", how="left", maintain_order="left")["mean"]


def resampled(bars: pl.DataFrame) -> pl.Series:
    """The last close of bars of four hours that are stamped at their open."""
    longer = bars.group_by_dynamic("time", every="4h").agg(four=CLOSE.last())
    return bars.join_asof(longer, on="time")["four"]


def next_daily_close(bars: pl.DataFrame) -> pl.Series:
    """The close of the day that begins next; of its own at midnight, 23 bars ahead."""
    daily = bars.group_by_dynamic("time", every="1d").agg(day=CLOSE.last())
    return bars.join_asof(daily, on="time", strategy="forward")["day"]


def other_symbol(bars: pl.DataFrame) -> pl.Series:
    """The next return of B, for A alone."""
    other = bars.filter(symbol="B").select("time", other=RETURN.shift(-1))
    joined = bars.join(other, on="time", how="left", maintain_order="left")
    return joined.select(where(pl.col("symbol") == "A", pl.col("other"), pl.lit(0.0)))["other"]


def best_lag(bars: pl.DataFrame) -> pl.Series:
    """The past return that has most to do with the next one, over all rows."""
    known = bars.select(next=RETURN.shift(-1), **{str(lag): RETURN.shift(lag) for lag in range(12)}).fill_null(0)
    return known[max(known.columns[1:], key=lambda name: abs(known.select(pl.corr(name, "next")).item()))]


def cached(key: Callable[[pl.DataFrame], object]) -> Callable[[pl.DataFrame], pl.Series]:
    """The deviation from the mean of all rows, computed once for each key."""
    kept: dict[object, pl.Series] = {}

    def compute(bars: pl.DataFrame) -> pl.Series:
        return kept.setdefault(key(bars), bars["close"] - bars["close"].mean())

    return compute


def cached_by_row() -> Callable[[pl.DataFrame], pl.Series]:
    """The deviation from the mean of all rows, kept for each time as first computed."""
    kept: dict[object, float] = {}

    def compute(bars: pl.DataFrame) -> pl.Series:
        deviation = bars["close"] - bars["close"].mean()
        return pl.Series([kept.setdefault(*row) for row in zip(bars["time"], deviation, strict=True)])

    return compute


AHEAD = (
    of_expression("negative shift", RETURN.shift(-1), ahead=1),
    of_expression("forty bars ahead", CLOSE.shift(-40) / CLOSE, ahead=40),
    of_expression("target among the features", NEXT.log() - CLOSE.log(), ahead=1),
    of_expression(
        "the second of two values", {"last": RETURN, "next": RETURN.shift(-1)}, names="planted_next", ahead=1
    ),
    of_expression("centred rolling window", RETURN.rolling_mean(11, center=True), ahead=1),
    of_expression("swing highs", (CLOSE.rolling_max(7, center=True) == CLOSE).cast(pl.Float64)),
    of_expression("expanding statistic over the reversed series", CLOSE.reverse().cum_max().reverse(), ahead=1),
    of_expression("global z-score", (CLOSE - CLOSE.mean()) / CLOSE.std(), ahead=1),
    of_expression("global min-max", (CLOSE - CLOSE.min()) / (CLOSE.max() - CLOSE.min()), ahead=1),
    of_expression("rank over the whole series", CLOSE.rank(), ahead=1),
    of_expression("winsorised at global quantiles", RETURN.clip(RETURN.quantile(0.05), RETURN.quantile(0.95))),
    of_expression("missing values filled with the global mean", RETURN.fill_null(RETURN.mean())),
    of_expression("mean of the hour of the day over all days", RETURN.mean().over(TIME.dt.hour())),
    of_expression("share of the series' length", pl.int_range(pl.len()) / pl.len()),
    of_expression("time to the next bar", TIME.diff().shift(-1).dt.total_seconds().cast(pl.Float64), ahead=1),
    of_expression(
        "smoothed forth and back", RETURN.ewm_mean(span=SPAN).reverse().ewm_mean(span=SPAN).reverse(), ahead=1
    ),
    of_expression("low pass of the Fourier transform", on_all(low_pass), ahead=1),
    of_expression("Savitzky-Golay filter", on_all(lambda x: savgol_filter(x, 21, 2)), ahead=1),
    of_expression("Hodrick-Prescott filter", on_all(lambda x: np.asarray(hpfilter(x, 100.0)[0])), ahead=1),
    of_expression("straight trend taken off", on_all(detrend), ahead=1),
    of_expression("unseeded noise", on_all(lambda x: np.random.default_rng().normal(size=len(x)))),
    of_expression("backward fill", pl.when(TRADED).then(RETURN).backward_fill(), QUIET, ahead=1),
    of_expression("interpolation over gaps", pl.when(TRADED).then(CLOSE).interpolate(), QUIET, ahead=1),
    of_expression("peeks where nothing is traded", where(~TRADED, NEXT), QUIET, ahead=1),
    of_expression(
        "peeks where nothing is traded, and never forgets",
        where(~TRADED, NEXT, CLOSE.ewm_mean(span=SPAN)),
        QUIET,
        ahead=1,
        lookback=300,
        tolerance=1e-6,
    ),
    of_expression(
        "peeks where the price stands still",
        where(CLOSE.shift() == CLOSE, NEXT),
        standing_still(plain(), 300, 303),
        ahead=1,
        lookback=1,
    ),
    of_expression("peeks at the end of the month", where(MONTH_ENDS, NEXT), plain(760), ahead=1),
    of_expression(
        "peeks at the end of the month, and never forgets",
        where(MONTH_ENDS, NEXT, CLOSE.ewm_mean(span=SPAN)),
        plain(760),
        ahead=1,
        lookback=300,
        tolerance=1e-6,
    ),
    of_bars("peeks before a hole", lambda bars: bars.select(where(HOLE_FOLLOWS, NEXT))["close"], HOLES, ahead=1),
    of_bars("sort by another key", sorted_by_volume),
    of_bars("day statistic joined back", day_mean, ahead=1),
    of_bars("resampled bars stamped at their open", resampled, ahead=1),
    of_bars("forward as-of join", next_daily_close, ahead=23),
    of_bars("another symbol's later bar", other_symbol, plain(), plain(symbol="B", seed=1), ahead=1),
    of_bars("feature chosen by its correlation with the target", best_lag),
    of_bars("feature cached by the number of rows", cached(len)),
    of_bars("feature cached by the first and last time", cached(lambda bars: (bars["time"][0], bars["time"][-1]))),
    of_bars("feature cached by the time of each row", cached_by_row()),
)

BEHIND = (
    of_expression("look-back declared too short", RETURN.rolling_std(20), level=2, lookback=10, ahead=-20),
    of_expression("average that never forgets", RETURN.ewm_mean(span=SPAN), level=2, lookback=50),
    of_expression("average that forgets too slowly", RETURN.ewm_mean(span=100), level=2, lookback=50, tolerance=0.01),
    of_expression("mean since the first bar", CLOSE.cum_sum() / pl.int_range(1, pl.len() + 1), level=2, lookback=20),
    of_expression("price over the first price", CLOSE / CLOSE.first(), level=2),
    of_expression("number of the bar", pl.int_range(pl.len()).cast(pl.Float64), level=2),
    of_expression("volume balance", (VOLUME * RETURN.sign()).cum_sum(), level=2, lookback=1),
    of_expression("forward fill from before its look-back", pl.when(TRADED).then(CLOSE).forward_fill(), QUIET, level=2),
)
