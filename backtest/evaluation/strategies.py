"""A simple trading strategy on the forecasts, after costs: what each model would have earned, and holding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from backtest.data import result_tables, schema
from backtest.data.errors import UndefinedTest, UnpairedForecasts
from backtest.data.names import HOLDING
from backtest.evaluation.loss_panel import LossPanel
from backtest.significance.result import FloatArray
from backtest.significance.sharpe_ratio import minimum_track_record, probabilistic_sharpe, sharpe

Ints = NDArray[np.int64]

LARGEST_GROWTH = float(np.log(np.finfo(np.float64).max))
BASIS_POINT = 1e-4


class CostSettings(BaseModel):
    """What a trade costs, and how large a forecast must be to be traded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fee: float = Field(default=10.0, ge=0, allow_inf_nan=False, description="per trade, basis points of its amount")
    slippage: float = Field(default=2.0, ge=0, allow_inf_nan=False, description="loss on the price, basis points")
    threshold: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="trade forecasts beyond this many costs of a trade; 0: all"
    )

    @property
    def per_trade(self) -> float:
        """Fee and slippage as a share of the traded amount."""
        return (self.fee + self.slippage) * BASIS_POINT


@dataclass(frozen=True, slots=True)
class Market:
    """The bars to be earned with forecasts `horizon` bars ahead, one symbol after the other: m rows.

    They run from each symbol's first forecast to the end of its last one, bars without a forecast among them, and end
    with a row that is no bar (`live` is false) but the moment after it, to get out. `returns` (m,) are simple returns,
    0 after a hole; `instant` (m,) numbers the n closes of all symbols in the order of time; `first` (f,) is the bar
    that follows each forecast, in the order of symbol and time.
    """

    horizon: int
    returns: FloatArray
    live: NDArray[np.bool_]
    instant: Ints
    first: Ints
    n: int
    span: timedelta

    def per_year(self, *, always_open: bool, interval: timedelta) -> float:
        """Bars per year: those of 365 days where the market never closes, else the observed rate in 365.25 days."""
        return timedelta(days=365) / interval if always_open else self.n * (timedelta(days=365.25) / self.span)

    def pool(self, values: FloatArray) -> FloatArray:
        """Mean (n,) over all symbols of values (m,); a symbol without a bar at an instant adds 0 to it."""
        sums = np.bincount(self.instant, weights=values, minlength=self.n)
        return np.asarray(sums / np.count_nonzero(~self.live), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Account:
    """The positions of a strategy: `position` (m,) is the share of the capital invested in each bar of the market."""

    model: str
    market: Market
    position: FloatArray

    @property
    def gross(self) -> FloatArray:
        """Return of the capital (n,) before costs."""
        return self.market.pool(self.position * self.market.returns)

    @property
    def traded(self) -> FloatArray:
        """Traded amount (n,) as a share of the capital: to reach each bar's position, and to close the last one."""
        return self.market.pool(np.abs(np.diff(self.position, prepend=0.0)))


def trade(
    panels: Sequence[LossPanel],
    features: pl.DataFrame,
    settings: CostSettings,
    *,
    always_open: bool,
    interval: timedelta,
) -> pl.DataFrame:
    """STRATEGIES: what each model's mean over seeds would have earned at each horizon, and holding.

    See `accounts` for the positions. Returns are simple ones on the capital. A trade costs its amount times fee and
    slippage, in the bar that it is made for, and the last one in the last bar; keeping a position at its share of the
    capital, borrowing and lending cost nothing. A bar that loses the whole capital ends the account: its net return is
    -1, later ones are 0, `net_return` is -1 and `drawdown` 1. With several symbols each has an equal share of the
    capital throughout, uninvested where the symbol has no bar, and the account earns the mean over the symbols.

    `break_even` is the gross gain over the traded amount, both summed: the cost per trade at which the mean net return
    of these positions would be 0. It is negative where the positions lose before costs, so that no cost would do.
    Ratios are annualised by the root of `Market.per_year`, as if returns did not depend on each other.
    Raises as `accounts`.
    """
    rows = [
        {"model": account.model, "horizon": account.market.horizon, "n": account.market.n}
        | _statistics(account, settings, account.market.per_year(always_open=always_open, interval=interval))
        for account in accounts(panels, features, settings)
    ]
    return schema.check(pl.DataFrame(rows, schema=result_tables.STRATEGIES.dtypes), result_tables.STRATEGIES)


def accounts(panels: Sequence[LossPanel], features: pl.DataFrame, settings: CostSettings) -> Iterator[Account]:
    """Yield the positions of each model, and of holding, at each horizon.

    A forecast made at a bar's close decides on one position, long or short by its sign, or none if it is not beyond the
    threshold. That is held over the next h bars with 1/h of the capital, beside those of the h - 1 forecasts before
    (Jegadeesh and Titman, 1993, Journal of Finance 48, 65-91). So the position of a bar rests on forecasts that were
    made before it, and is closed where they end: at a hole in the bars, which no forecast reaches across, and at bars
    that are not forecast, to be opened again after them. Holding is long all the way, through holes too, and opens and
    closes once; no account earns the return across a hole.

    Raises UnpairedForecasts where the bars that a forecast is about are not in FEATURES.
    """
    rows = features.select("symbol", "time", "known_at", "segment", "bar_return").sort("symbol", "time")
    for panel in panels:
        forecasts = panel.rows.with_row_index("place").sort("symbol", "time")
        market, order = _market(rows, forecasts, panel.horizon), forecasts["place"].to_numpy()
        for model in panel.models:
            yield Account(model, market, _position(panel.y_hat[model][order], market, settings))
        yield Account(HOLDING, market, market.live.astype(np.float64))


def _market(rows: pl.DataFrame, forecasts: pl.DataFrame, horizon: int) -> Market:
    """The bars that forecasts, sorted by symbol and time, are about."""
    keys = ["symbol", "time"]
    found = forecasts.select(keys).join(rows.select(keys).with_row_index(), keys, "left", maintain_order="left")
    origin = found["index"].cast(pl.Int64).fill_null(rows.height).to_numpy()
    _refuse_unknown(rows, forecasts, origin, horizon)
    last = np.flatnonzero(np.diff(found["symbol"].rle_id().to_numpy(), append=-1))  # forecast of each symbol
    begin, end = origin[np.append(0, last[:-1] + 1)] + 1, origin[last] + horizon
    used = np.concatenate([np.append(np.arange(one, other + 1), other) for one, other in zip(begin, end, strict=True)])
    known_at = rows["known_at"].to_physical().to_numpy()
    instants, instant = np.unique(known_at[used], return_inverse=True)
    return Market(
        horizon=horizon,
        returns=np.expm1(rows["bar_return"].fill_null(0).to_numpy()[used]),
        live=np.diff(used, prepend=-1) != 0,
        instant=instant,
        first=np.searchsorted(used, origin + 1),
        n=instants.size,
        span=timedelta(microseconds=int(instants[-1] - known_at[begin - 1].min())),
    )


def _refuse_unknown(rows: pl.DataFrame, forecasts: pl.DataFrame, origin: Ints, horizon: int) -> None:
    """Raise UnpairedForecasts where a forecast has no row, or a hole among the `horizon` bars after it."""
    segment = np.append(rows["segment"].to_numpy(), np.full(horizon + 1, -1))
    unknown = np.flatnonzero((segment[origin] < 0) | (segment[origin] != segment[origin + horizon]))
    if unknown.size:
        first = forecasts.row(int(unknown[0]), named=True)
        raise UnpairedForecasts(
            f"forecasts: expected the {horizon} bars after each in FEATURES (not found for {first['symbol']}, "
            f"{first['time']:%Y-%m-%d %H:%M} UTC; rows in all: {unknown.size}): give the features they were made from"
        )


def _position(y_hat: FloatArray, market: Market, settings: CostSettings) -> FloatArray:
    """Share of the capital (m,) in each bar: the mean of the last h decisions, each -1, 0 or 1."""
    decision = np.where(np.abs(y_hat) > settings.threshold * settings.per_trade, np.sign(y_hat), 0.0)
    change = np.zeros_like(market.returns)
    change[market.first] += decision
    change[market.first + market.horizon] -= decision
    return np.asarray(np.cumsum(change) / market.horizon, dtype=np.float64)


def _statistics(account: Account, settings: CostSettings, per_year: float) -> dict[str, float | None]:
    """The columns of STRATEGIES that are computed from the account."""
    gross, traded = account.gross, account.traded
    net = gross - settings.per_trade * traded
    growth = _growth(net)
    net = np.where(np.append(0.0, growth[:-1]) == -np.inf, 0.0, np.maximum(net, -1.0))
    peak, amount = np.maximum.accumulate(np.maximum(growth, 0.0)), float(traded.sum())
    ratios: dict[str, float | None] = {}
    with suppress(UndefinedTest):  # where the returns do not vary
        found = sharpe(net)
        ratios |= {"sharpe": found.ratio * per_year**0.5, "sharpe_per_bar": found.ratio}
        ratios |= {"skewness": found.skewness, "kurtosis": found.kurtosis}
        ratios |= {"probabilistic": probabilistic_sharpe(found), "track_record": minimum_track_record(found)}
    return {
        "net_return": _compound(growth),
        "gross_return": _compound(_growth(gross)),
        "volatility": float(net.std(ddof=1)) * per_year**0.5 if net.size > 1 else None,
        **ratios,
        "drawdown": 1 - float(np.exp((growth - peak).min())),
        "turnover": amount * per_year / net.size,
        "break_even": float(gross.sum()) / amount / BASIS_POINT if amount else None,
        "bars_per_year": per_year,
    }


def _growth(returns: FloatArray) -> FloatArray:
    """Logarithm of the capital (n,) after each bar, 1 at first; minus infinity from the bar on that loses all of it."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.cumsum(np.log1p(np.maximum(returns, -1.0))), dtype=np.float64)


def _compound(growth: FloatArray) -> float:
    """Return over all bars, at most the largest float."""
    return float(np.expm1(min(growth[-1], LARGEST_GROWTH)))
