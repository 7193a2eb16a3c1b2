"""The built-in features: of prices, of the traded volume, of the calendar; your own go into a plug-in."""

from __future__ import annotations

import math
from datetime import timedelta

import polars as pl

from backtest.features.catalog import at_least, feature
from backtest.features.windowed import window_excess, window_std, window_sum

WEEK = timedelta(weeks=1) // timedelta(microseconds=1)
MONDAY = timedelta(days=4) // timedelta(microseconds=1)  # 1970-01-05, the first Monday of the epoch


@feature(lookback=lambda k: k)
def momentum(k: int = 24) -> pl.Expr:
    """Log return over the last k bars: log(close / close of k bars before)."""
    at_least(1, k=k)
    return (pl.col("close") / pl.col("close").shift(k)).log()


@feature(lookback=1)
def log_return() -> pl.Expr:
    """Log return of the bar: log(close / close of the bar before)."""
    return momentum(1)


@feature(lookback=lambda window: window)
def rolling_mean(window: int = 24) -> pl.Expr:
    """Mean of the last `window` log returns.

    Their sum telescopes to the log return over the window, which takes one logarithm and one rounding.
    """
    at_least(1, window=window)
    return momentum(window) * (1 / window)  # dividing by a number, Polars rounds single rows unlike whole columns


@feature(lookback=lambda window: window)
def rolling_std(window: int = 24) -> pl.Expr:
    """Sample standard deviation (ddof = 1) of the last `window` log returns."""
    return window_std(log_return(), window)


@feature(lookback=lambda window: window)
def scaled_return(window: int = 24) -> pl.Expr:
    """Log return over the standard deviation of the last `window` log returns, its own included.

    The same size in calm and in wild times; at most about sqrt(window) where the mean is near zero. Null where prices
    stood still.
    """
    return log_return() / rolling_std(window)


@feature(lookback=lambda window: window)
def scaled_mean(window: int = 24) -> pl.Expr:
    """Mean over standard deviation of the last `window` log returns: a trend in units of its noise.

    Times sqrt(window) it is Student's t. Null where prices stood still.
    """
    return rolling_mean(window) / rolling_std(window)


@feature(lookback=lambda short, long: long)
def std_ratio(short: int = 24, long: int = 250) -> pl.Expr:
    """Logarithm of the standard deviation of the last `short` log returns over that of the last `long`.

    Whether the market is calmer or wilder than it has been, whatever its level. Null where prices stood still.
    """
    at_least(short + 1, long=long)
    return (rolling_std(short) / rolling_std(long)).log()


@feature(lookback=lambda window: window, logarithm=True)
def log_variance(window: int = 22) -> pl.Expr:
    """Logarithm of the mean of the last `window` squared log returns; minus infinity where no close moved."""
    return (window_sum(log_return().pow(2), window) * (1 / window)).log()


@feature(lookback=lambda window, column: window - 1, requires=lambda window, column: (column,), logarithm=True)
def log_mean(window: int = 22, column: str = "volume") -> pl.Expr:
    """Logarithm of the mean of the last `window` values of a column, such as variances; null if that is below 0."""
    return (window_sum(pl.col(column), window) * (1 / window)).log()


@feature(lookback=lambda bars, column: bars, requires=lambda bars, column: (column,))
def change(bars: int = 1, column: str = "close") -> pl.Expr:
    """Value of a column less that of `bars` bars before: of series whose level can be negative, such as a spread."""
    at_least(1, bars=bars)
    return pl.col(column) - pl.col(column).shift(bars)


@feature(lookback=lambda window, column: window - 1, requires=lambda window, column: (column,))
def level(window: int = 1, column: str = "close") -> pl.Expr:
    """Mean of the last `window` values of a column: by it a series is forecast that returns to its mean."""
    return window_sum(pl.col(column), window) * (1 / window)


@feature(lookback=lambda column: 0, requires=lambda column: (column,))
def series(column: str = "close") -> pl.Expr:
    """Value of a column: `series.funding.rate` is the column `rate` of the outside series `funding`."""
    return pl.col(column)


@feature(lookback=lambda window, column: window - 1, requires=lambda window, column: (column,))
def zscore(window: int = 24, column: str = "close") -> pl.Expr:
    """Value of a column less the mean of its last `window` values, its own included, over their standard deviation.

    Null where they are all the same.
    """
    mean = window_sum(pl.col(column), window) * (1 / window)
    return (pl.col(column) - mean) / window_std(pl.col(column), window)


@feature(lookback=lambda window: window - 1, name="range")
def parkinson_range(window: int = 1) -> pl.Expr:
    """Volatility of a bar by its range: sqrt(mean of log(high / low)^2 / (4 log 2) over the last `window` bars).

    Parkinson (1980), The Extreme Value Method for Estimating the Variance of the Rate of Return, Journal of Business
    53(1), 61-65. The default, one bar, leaves the averaging to the model.
    """
    squared = (pl.col("high") / pl.col("low")).log().pow(2)
    return (window_sum(squared, window) * (1 / (4 * math.log(2) * window))).sqrt()


@feature(lookback=lambda window: window - 1)
def volume_norm(window: int = 24) -> pl.Expr:
    """Volume over its mean of the last `window` bars, the bar's own included, minus 1; 0/0 if all of them are zero."""
    return window_excess(pl.col("volume"), window)


@feature(lookback=0, requires=("taker_buy_volume",))
def taker_imbalance() -> pl.Expr:
    """Buying minus selling takers as a share of the volume, -1 to 1; 0 for a bar without trades: neither side led."""
    share = 2 * pl.col("taker_buy_volume") / pl.col("volume") - 1
    return pl.when(pl.col("volume") > 0).then(share).otherwise(0.0)


@feature(lookback=lambda window, of: window, requires=lambda window, of: (f"{of}.close",))
def relative_strength(window: int = 24, *, of: str) -> pl.Expr:
    """Log return over the last `window` bars less that of another asset of the context."""
    at_least(1, window=window)
    return momentum(window) - _return_of(of, window)


@feature(lookback=lambda window, of: window, requires=lambda window, of: (f"{of}.close",))
def rolling_beta(window: int = 24, *, of: str) -> pl.Expr:
    """Slope of the last `window` log returns on those of another asset; null where its prices stood still."""
    other = _return_of(of)
    return _covariance(log_return(), other, window) / window_std(other, window).pow(2)


@feature(lookback=lambda window, of: window, requires=lambda window, of: (f"{of}.close",))
def rolling_correlation(window: int = 24, *, of: str) -> pl.Expr:
    """Correlation of the last `window` log returns with those of another asset; null where prices stood still."""
    return _correlation(log_return(), _return_of(of), window)


@feature(lookback=lambda window, lag, of: window + lag, requires=lambda window, lag, of: (f"{of}.close",))
def lead_lag(window: int = 24, lag: int = 1, *, of: str) -> pl.Expr:
    """Whether another asset leads, above 0, or follows, below, by its last `window` log returns.

    The correlation with its return `lag` bars before, less that of its return with the own return `lag` bars before:
    the asymmetry of Lo and MacKinlay (1990), When Are Contrarian Profits Due to Stock Market Overreaction?, Review of
    Financial Studies 3(2), 175-205.
    """
    at_least(1, lag=lag)
    own, other = log_return(), _return_of(of)
    return _correlation(own, other.shift(lag), window) - _correlation(own.shift(lag), other, window)


def _return_of(asset: str, bars: int = 1) -> pl.Expr:
    """Log return of another asset over the last bars."""
    close = pl.col(f"{asset}.close")
    return (close / close.shift(bars)).log()


def _covariance(x: pl.Expr, y: pl.Expr, window: int) -> pl.Expr:
    """Sample covariance of the last `window` values, from the variances of sum and difference."""
    return (window_std(x + y, window).pow(2) - window_std(x - y, window).pow(2)) / 4


def _correlation(x: pl.Expr, y: pl.Expr, window: int) -> pl.Expr:
    """Correlation of the last `window` values."""
    return (_covariance(x, y, window) / (window_std(x, window) * window_std(y, window))).clip(-1, 1)


@feature(lookback=0)
def hour_of_week() -> dict[str, pl.Expr]:
    """Where in the week (UTC, from Monday 00:00) the bar opens: sine and cosine of the angle on a weekly circle."""
    angle = (pl.col("time").to_physical() - MONDAY) % WEEK * (2 * math.pi / WEEK)
    return {"sin": angle.sin(), "cos": angle.cos()}
