"""Recognises by its header how a table of bars is written, and by its file's name which instrument it holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from backtest.data.errors import WrongSchema

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write bars: the names of its column of open times, and further columns of which it has one."""

    name: str
    times: tuple[str, ...]
    marks: tuple[str, ...] = ()
    newest_first: bool = False


SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "symbol": ("symbol",),
        "volume": ("volume",),
        "quote_volume": ("quote_volume", "quote_asset_volume", "assetvolume"),
        "trades": ("trades", "trade_count", "tradecount", "number_of_trades", "count"),
        "taker_buy_volume": (
            *("taker_buy_volume", "taker_buy_base", "taker_buy_asset_volume"),
            *("taker_buy_base_asset_volume", "taker_buy_base_volume"),
        ),
        "close_time": ("close_time", "closetime", "close time"),
    }
)

FORMATS = (
    Format("CryptoDataDownload", times=("unix",), marks=("symbol",), newest_first=True),
    Format("Binance klines", times=("open_time", "opentime", "open time", "time", "ts"), marks=SYNONYMS["close_time"]),
    Format("bars", times=("time",)),
    Format("tidy bars", times=("ts", "timestamp", "datetime", "open_time", "unix")),
    Format("freqtrade", times=("date",)),
)

FUNDING = {"fundingrate", "funding_rate"}
QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "GBP", "BTC")


def recognise(file: str, columns: list[str]) -> tuple[Format, dict[str, str]]:
    """Return the format of a table with these lower-case `columns`, and which of them is which column of BARS.

    The second also maps `close_time` where there is one. Raises WrongSchema if the columns are not those of bars.
    """
    names = set(columns)
    if names & FUNDING:
        raise WrongSchema(
            f"{file}: expected bars (got funding rates, {_listed(columns)}): a funding rate is paid between traders of "
            "a perpetual future and is no price; load the bars of the instrument instead"
        )
    for form in FORMATS:
        time = next((name for name in form.times if name in names), None)
        if time and names.issuperset(PRICES) and (not form.marks or names & set(form.marks)):
            found = {"time": time} | {price: price for price in PRICES} | _synonyms(names)
            if form.newest_first:
                found |= _two_volumes(columns)
            if "volume" in found:
                return form, found
    raise WrongSchema(
        f"{file}: expected columns open, high, low, close, volume and the open times as time, ts, timestamp, date, "
        f"open_time or unix (got {_listed(columns)}): rename the columns"
    )


def _synonyms(names: set[str]) -> dict[str, str]:
    """Return which of `names` is which column of BARS, by its known names."""
    found = {ours: next((name for name in theirs if name in names), None) for ours, theirs in SYNONYMS.items()}
    return {ours: name for ours, name in found.items() if name is not None}


def _two_volumes(columns: list[str]) -> dict[str, str]:
    """Return CryptoDataDownload's volumes: first in the instrument's units, then in the quote currency.

    They are told by their order: `Volume BTC, Volume USDT`, but in some files `Volume BTC, Volume`.
    """
    volumes = [name for name in columns if name.startswith("volume")]
    return dict(zip(("volume", "quote_volume"), volumes, strict=False))


def _listed(columns: Iterable[str]) -> str:
    """Return the names, the first dozen of a wide table."""
    names = [name[:30] for name in columns if name != "row"]
    more = f", and {len(names) - 12} more" if len(names) > 12 else ""
    return f"columns {', '.join(names[:12])}{more}"


def symbol_of(file: str) -> str:
    """Return the instrument that a file's name tells: BTCUSDT of `btcusdt_spot_1h.parquet` or `BTC_USDT-1h.feather`.

    Without a pair of currencies in it, the name's first word counts: AAPL of `aapl-daily.csv`.
    """
    name = Path(file).name.upper()
    for quote in QUOTES:
        pair = re.search(rf"(?<![A-Z0-9])([A-Z0-9]{{2,}}?)[-_ ]?{quote}(?![A-Z0-9])", name)
        if pair:
            return pair[1] + quote
    word = re.search(r"[^\W_]+", name)
    return word[0] if word else name
