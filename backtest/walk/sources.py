"""Where settings say that bars, bars of other assets and outside series are."""

from __future__ import annotations

from datetime import timedelta
from functools import cache, partial
from pathlib import Path

import polars as pl

from backtest.data.durations import format_duration
from backtest.data.errors import ConfigError
from backtest.data.reading.bars import letters_and_digits, load_bars
from backtest.data.reading.outside import read_series
from backtest.data.reading.tables import FRAME
from backtest.data.sessions import interval_of
from backtest.features.external import Source
from backtest.walk.config import Config


def located(source: str, config_dir: Path | None) -> str | Path:
    """Return a file, folder or glob that settings name: relative to `config_dir` if it is there, else as it is."""
    beside = config_dir and source and not Path(source).is_absolute() and any(config_dir.glob(source))
    return config_dir / source if config_dir and beside else source


def outside_series(config: Config, config_dir: Path | None, interval: timedelta) -> dict[str, Source]:
    """Return what reads each series of the settings, and the bars of each other asset, of the `interval` too."""
    context = config.context
    sources = [located(source, config_dir) for source in context.sources or [config.data.source]]
    read = cache(load_bars)

    def bars_of(symbol: str) -> pl.DataFrame:
        """Bars of an asset as a series; each is known at its close, and counts until the next one is due."""
        if FRAME in sources:
            raise ConfigError(
                f"context.sources: expected a source of {symbol} (got a data frame of bars): name its file"
            )
        bars = pl.concat([_of(read(source), symbol) for source in sources], how="diagonal")
        if bars.is_empty():
            known = sorted({name for source in sources for name in read(source)["symbol"].unique()})
            raise ConfigError(
                f"context.symbols: expected bars of {symbol} (got bars of {', '.join(known)}): correct the name, or "
                "name its file in context.sources"
            )
        if (found := interval_of(bars)) != interval:
            raise ConfigError(
                f"context.symbols: expected bars of {format_duration(interval)}, as in data.source (got {symbol} every "
                f"{format_duration(found)}): take bars of that interval, or name the file as a series"
            )
        close = pl.col("time") + interval
        return bars.drop("symbol").with_columns(
            time=close, known_at=close, expires=close + interval - timedelta(microseconds=1)
        )

    files = {
        name: partial(read_series, located(one.file, config_dir), one.layout) for name, one in config.series.items()
    }
    return {**files, **{symbol: partial(bars_of, symbol) for symbol in context.symbols}}


def _of(bars: pl.DataFrame, symbol: str) -> pl.DataFrame:
    """Return the bars of a symbol, however it is written."""
    names = [name for name in bars["symbol"].unique() if letters_and_digits(name) == letters_and_digits(symbol)]
    return bars.filter(pl.col("symbol").is_in(names))
