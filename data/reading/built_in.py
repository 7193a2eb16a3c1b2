"""Bars that need no file: two real daily indices that come with `arch`, and made-up bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import polars as pl

from backtest.data.errors import ConfigError
from backtest.data.reading import synthetic
from backtest.data.schema import BARS, UTC_TIME

# Name of a setting of `synthetic` in a source's name, and how its value is read.
SETTINGS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {"n": int, "seed": int, "signal": float, "interval": str, "symbol": str}
)
DEFAULT_LENGTH = 6_000


def sp500() -> pl.DataFrame:
    """The S&P 500 index, daily, 1999-01-04 to 2018-12-31; `time` is midnight UTC of the session's date."""
    from arch.data import sp500 as dataset  # deferred: it takes seconds to import

    return _from_arch("SP500", dataset.load())


def nasdaq() -> pl.DataFrame:
    """The NASDAQ Composite index, daily, 1999-01-04 to 2018-12-31; on two of the days it has no volume."""
    from arch.data import nasdaq as dataset  # deferred: it takes seconds to import

    return _from_arch("NASDAQ", dataset.load())


def made_up(**settings: Any) -> pl.DataFrame:
    """Made-up bars, seeded: synthetic:n=20000,seed=3,signal=0.02 says how many, which and with what signal."""
    return synthetic.make_bars(**{"n": DEFAULT_LENGTH, **settings})


BUILT_IN: Mapping[str, Callable[..., pl.DataFrame]] = MappingProxyType(
    {"sp500": sp500, "nasdaq": nasdaq, "synthetic": made_up}
)


def built_in_bars(source: str) -> pl.DataFrame | None:
    """Return the bars of a built-in name such as `sp500` or `synthetic:n=20000,seed=3,signal=0.02`, else None.

    Raises ConfigError for a setting that is unknown or cannot be read.
    """
    name, _, settings = source.partition(":")
    if name not in BUILT_IN:
        return None
    if settings and name != "synthetic":
        raise ConfigError(f"{source}: expected {name} alone (got settings {settings!r}): only synthetic takes settings")
    given: dict[str, Any] = {}
    for pair in filter(None, (part.strip() for part in settings.split(","))):
        key, _, value = (piece.strip() for piece in pair.partition("="))
        if key not in SETTINGS or not value or key in given:
            raise ConfigError(
                f"{source}: expected settings such as n=20000, once each, of {', '.join(SETTINGS)} (got {pair!r})"
            )
        try:
            given[key] = SETTINGS[key](value)
        except ValueError:
            kind = "a whole number" if SETTINGS[key] is int else "a number"
            raise ConfigError(f"{source}: {key}: expected {kind} (got {value!r})") from None
    return BUILT_IN[name](**given)


def _from_arch(symbol: str, table: Any) -> pl.DataFrame:
    """Take the columns of a pandas table of daily bars over as numpy arrays; the adjusted close equals the close."""
    columns = {name: table[name.capitalize()].to_numpy() for name in BARS.names[2:]}
    frame = pl.DataFrame({"symbol": [symbol] * len(table), "time": table.index.to_numpy(), **columns})
    time = pl.col("time").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return frame.select("symbol", time.cast(UTC_TIME), pl.col(BARS.names[2:]).cast(pl.Float64))
