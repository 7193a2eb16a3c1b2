"""Variances of single bars from their prices, proxies each with its source, and what a variance is a year."""

from __future__ import annotations

import math

import polars as pl


def squared_return() -> pl.Expr:
    """Squared log return of a bar, from close to close: closed hours before it count.

    Unbiased for the variance and noisy: one number of one degree of freedom.
    """
    return (pl.col("close") / pl.col("close").shift(1)).log().pow(2)


def parkinson() -> pl.Expr:
    """Variance of a bar from its range, log(high / low)^2 / (4 log 2); closed hours before it are left out.

    Parkinson (1980), Journal of Business 53 (1), 61-65.
    """
    return (pl.col("high") / pl.col("low")).log().pow(2) / (4 * math.log(2))


def garman_klass() -> pl.Expr:
    """Variance of a bar from open, high, low and close; closed hours before it are left out.

    log(high / low)^2 / 2 - (2 log 2 - 1) log(close / open)^2. Garman and Klass (1980), Journal of Business 53 (1),
    67-78.
    """
    spread, body = (pl.col("high") / pl.col("low")).log(), (pl.col("close") / pl.col("open")).log()
    return spread.pow(2) / 2 - (2 * math.log(2) - 1) * body.pow(2)


def annual_volatility(variance: float, bars: int, bars_per_year: float) -> float:
    """Return the variance of so many `bars` together as volatility a year, the root; 0 for a negative one."""
    return math.sqrt(max(variance, 0.0) / bars * bars_per_year)
