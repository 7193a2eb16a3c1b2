"""Outside series in files as people have them, made up: each with the settings that read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from backtest.data.reading.synthetic import START

DAYS, HOUR, DAY = 40, timedelta(hours=1), timedelta(days=1)
RNG = np.random.default_rng(0)


def times(every: timedelta, start: timedelta = timedelta(0)) -> list[Any]:
    """Instants of the first forty days of the synthetic bars."""
    return [START + start + every * place for place in range(DAYS * DAY // every)]


def funding(folder: Path) -> dict[str, Any]:
    """A funding rate every eight hours, its stamps up to 47 ms late."""
    late = [time + timedelta(milliseconds=int(RNG.integers(48))) for time in times(8 * HOUR)]
    pl.DataFrame({"ts": late, "funding_rate": RNG.normal(1e-4, 1e-4, len(late))}).write_parquet(
        folder / "funding.parquet"
    )
    return {"file": str(folder / "funding.parquet"), "delay": "1m", "max_age": "9h"}


def order_flow(folder: Path) -> dict[str, Any]:
    """Volumes of takers by hour, stamped at the open of the hour."""
    opens = times(HOUR)
    share, volume = RNG.uniform(0, 1, len(opens)), RNG.lognormal(3, 1, len(opens))
    pl.DataFrame({"time": opens, "taker_buy": share * volume}).write_ipc(folder / "flow.feather")
    return {"file": str(folder / "flow.feather"), "delay": "1h"}


def sentiment(folder: Path) -> dict[str, Any]:
    """A daily index of fear and greed, a whole number and its name, as a table of a website has it."""
    days = [f"{time:%Y-%m-%d}" for time in times(DAY)]
    index = RNG.integers(5, 95, len(days))
    names = ["Fear" if one < 50 else "Greed" for one in index]
    table = pl.DataFrame({"date": days, "fng_value": index, "fng_classification": names})
    table.write_csv(folder / "fear_and_greed.csv")
    return {"file": str(folder / "fear_and_greed.csv"), "delay": "1d", "max_age": "3d"}


def vix(folder: Path) -> dict[str, Any]:
    """A daily figure as FRED writes it, a point where there is none."""
    days = [f"{time:%Y-%m-%d}" for time in times(DAY)]
    values = [f"{20 + one:.2f}" if place % 7 < 5 else "." for place, one in enumerate(RNG.normal(size=len(days)))]
    pl.DataFrame({"observation_date": days, "VIXCLS": values}).write_csv(folder / "VIXCLS.csv")
    return {"file": str(folder / "VIXCLS.csv"), "delay": "2d", "columns": ["VIXCLS"], "max_age": "7d"}


def order_book(folder: Path) -> dict[str, Any]:
    """The imbalance of an order book every ten minutes, with the instant at which it was received."""
    taken = times(HOUR / 6)
    received = [time + timedelta(milliseconds=int(RNG.integers(20, 900))) for time in taken]
    table = pl.DataFrame({"time": taken, "received": received, "imbalance": RNG.uniform(-1, 1, len(taken))})
    table.write_parquet(folder / "book.parquet")
    return {"file": str(folder / "book.parquet"), "known_at": "received", "max_age": "30m"}


CASES: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "funding": (funding, "funding_rate"),
    "flow": (order_flow, "taker_buy"),
    "sentiment": (sentiment, "fng_value"),
    "vix": (vix, "VIXCLS"),
    "book": (order_book, "imbalance"),
}
"""What writes each and returns its settings, and the column of its values."""


def settings_of(folder: Path, *names: str) -> dict[str, Any]:
    """Settings of a walk that reads some of the cases, each by its value and one by a change."""
    columns = {name: CASES[name][1] for name in names}
    return {
        "series": {name: CASES[name][0](folder) for name in names},
        "features": ["log_return", *(f"series.{name}.{column}" for name, column in columns.items())],
    }
