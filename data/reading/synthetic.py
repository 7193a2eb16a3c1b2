"""Synthetic bars with volatility clusters and fat tails, and optionally a signal of known strength in their returns.

With u_t = sigma_t e_t, where e_t is Student-t with unit variance and sigma_t^2 = omega + ALPHA u_{t-1}^2 + BETA
sigma_{t-1}^2 (Bollerslev 1986), the log return of bar t is

    r_t = mu_t + u_t,    mu_t = c m_{t-1},    m_t = DECAY m_{t-1} + u_t,    m_{-1} = 0

so mu_t is known at the close of bar t-1. Var(mu) / Var(r) = c^2 / (c^2 + 1 - DECAY^2) =: `signal`, which fixes c. Put
in terms of what can be seen, m_t = (DECAY - c) m_{t-1} + r_t: the best forecast of the next return is c times a sum of
past returns whose weights fall by the factor DECAY - c. `conditional_mean` computes it from the bars.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backtest.data.durations import parse_duration
from backtest.data.errors import ConfigError
from backtest.data.schema import UTC_TIME

Floats = NDArray[np.float64]

ALPHA, BETA, FREEDOM, DECAY = 0.06, 0.91, 5.0, 0.8
HOURLY_VOLATILITY = 0.006
FIRST_OPEN, MEAN_VOLUME, MEAN_TRADE = 10_000.0, 1_000.0, 0.05
STRONGEST = 0.5
START = datetime(2020, 1, 1, tzinfo=UTC)
BLOCK = 1024
MOST = 10_000_000
"""Bars that are made at once; they take about a gigabyte."""


def make_bars(
    n: int = 20_000,
    *,
    seed: int = 0,
    signal: float = 0.0,
    interval: str | timedelta = "1h",
    start: datetime = START,
    symbol: str = "SYNTH",
    taker: bool = True,
) -> pl.DataFrame:
    """Return `n` bars of an always open market, the same for the same arguments; fewer bars are the first of more.

    `signal` is the share of the next return's variance that is known at the close: the highest R2 out of sample. The
    volume swings over the day, follows volatility and has a memory. With `taker` there are also `quote_volume`,
    `trades` and `taker_buy_volume`, whose share of the volume leans towards the direction of the bar.
    Raises ConfigError for arguments outside their range.
    """
    step = parse_duration(interval) if isinstance(interval, str) else interval
    _check(n, seed, signal, step, start)
    draws = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(5)]
    scale = HOURLY_VOLATILITY * np.sqrt(step / timedelta(hours=1))
    shocks = draws[0].standard_t(FREEDOM, n) * np.sqrt((FREEDOM - 2) / FREEDOM)
    volatility = scale * np.sqrt(_relative_variance(shocks))
    innovations = volatility * shocks
    returns = innovations + _gain(signal) * _lag(_filter(innovations, DECAY))
    micros = (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    time = micros + np.arange(n) * (step // timedelta(microseconds=1))
    columns = _prices(returns, volatility, draws[1], draws[2])
    columns["volume"] = _volume(time, volatility / scale, draws[3])
    if taker:
        columns |= _trading(columns, returns / volatility, draws[4])
    frame = pl.DataFrame({"time": time, **columns})
    return frame.select(pl.lit(symbol).alias("symbol"), pl.col("time").cast(pl.Datetime("us")).cast(UTC_TIME), *columns)


def conditional_mean(bars: pl.DataFrame, signal: float) -> pl.Series:
    """Return E[log return of the next bar | all bars so far], per row of bars that `make_bars(signal=signal)` returned.

    No forecast can have a lower expected squared error; its R2 out of sample is `signal` but for chance.
    """
    previous = pl.col("close").shift().fill_null(pl.col("open"))
    returns = bars.select((pl.col("close") / previous).log()).to_series().to_numpy()
    gain = _gain(signal)
    return pl.Series("conditional_mean", gain * _filter(returns, DECAY - gain))


def _check(n: int, seed: int, signal: float, step: timedelta, start: datetime) -> None:
    """Raise ConfigError for arguments of `make_bars` outside their range."""
    if n < 1:
        raise ConfigError(f"synthetic: n: expected at least 1 bar (got {n})")
    if n > MOST:
        raise ConfigError(f"synthetic: n: expected at most {MOST:,} bars (got {n:,}): ask for fewer")
    if seed < 0:
        raise ConfigError(f"synthetic: seed: expected a whole number >= 0 (got {seed})")
    if not 0 <= signal <= STRONGEST:
        raise ConfigError(f"synthetic: signal: expected a share of the variance from 0 to {STRONGEST} (got {signal})")
    if step <= timedelta(0):
        raise ConfigError(f"synthetic: interval: expected a length above zero (got {step})")
    if start.tzinfo is None:
        raise ConfigError(f"synthetic: start: expected a time with a zone, such as UTC (got {start})")


def _gain(signal: float) -> float:
    """Return c of the module's formula."""
    return float(np.sqrt(signal / (1 - signal) * (1 - DECAY**2)))


def _filter(values: Floats, decay: float) -> Floats:
    """Return m_t = decay m_{t-1} + values_t, for 0 <= decay < 1."""
    inputs = values / (1 - decay)
    inputs[0] = values[0]
    return pl.Series(inputs).ewm_mean(alpha=1 - decay, adjust=False).to_numpy()


def _lag(values: Floats) -> Floats:
    return np.concatenate([[0.0], values[:-1]])


def _relative_variance(shocks: Floats) -> Floats:
    """Return the GARCH(1,1) variance of each bar, 1 on average.

    h_t = (1 - ALPHA - BETA) + a_t h_{t-1} with a_t = ALPHA shock_{t-1}^2 + BETA is solved block by block: within one,
    h_t = P_t (h_start + omega sum_{j<=t} 1 / P_j) with P_t the product of the a_j, which a thousand factors cannot
    underflow.
    """
    omega = 1 - ALPHA - BETA
    factors = ALPHA * _lag(shocks) ** 2 + BETA
    factors[0] = ALPHA + BETA
    variance = np.empty_like(factors)
    last = 1.0
    for first in range(0, len(factors), BLOCK):
        product = np.cumprod(factors[first : first + BLOCK])
        variance[first : first + BLOCK] = product * (last + omega * np.cumsum(1 / product))
        last = variance[min(first + BLOCK, len(factors)) - 1]
    return variance


def _prices(
    returns: Floats, volatility: Floats, up: np.random.Generator, down: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """Return open, high, low and close: each bar opens at the last close.

    The extremes are those of a Brownian bridge from open to close (Karatzas and Shreve 1991, 4.3.40):
    high = (r + sqrt(r^2 - 2 sigma^2 log U)) / 2 in logs, and the low by symmetry.
    """
    close = FIRST_OPEN * np.exp(np.cumsum(returns))
    opened = np.concatenate([[FIRST_OPEN], close[:-1]])
    reach = [np.sqrt(returns**2 + 2 * volatility**2 * draw.exponential(size=len(returns))) for draw in (up, down)]
    high = opened * np.exp((returns + reach[0]) / 2)
    low = opened * np.exp((returns - reach[1]) / 2)
    # Rounding may put a high or a low slightly inside the bar's open and close.
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    return {"open": opened, "high": np.maximum(high, top), "low": np.minimum(low, bottom), "close": close}


def _volume(time: NDArray[np.int64], relative_volatility: Floats, rng: np.random.Generator) -> Floats:
    """Return volumes: most at 15:00 UTC and least at 03:00, more when volatility is high, with a lognormal memory."""
    hour = time % 86_400_000_000 / 3_600_000_000
    pattern = 1 + 0.5 * np.cos((hour - 15) / 24 * 2 * np.pi)
    memory = _filter(0.3 * rng.standard_normal(len(time)), 0.8)
    return MEAN_VOLUME * pattern * relative_volatility * np.exp(memory)


def _trading(columns: dict[str, NDArray[Any]], strength: Floats, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Return quote volume, trades and the takers' buys; their share is 1/2 on average and rises with the return."""
    volume = columns["volume"]
    share = 1 / (1 + np.exp(-0.3 * strength - 0.2 * rng.standard_normal(len(volume))))
    quote = volume * (columns["open"] + columns["close"]) / 2
    return {
        "quote_volume": quote,
        "trades": np.rint(volume / MEAN_TRADE).astype(np.int64),
        "taker_buy_volume": volume * share,
    }
