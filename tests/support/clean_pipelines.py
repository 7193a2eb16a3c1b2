"""Walks without a leak, odd ones among them: no audit may raise an alarm at any of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from backtest.audit.audited_walk import AuditedWalk
from backtest.data.schema import UTC_TIME
from tests.support.clean_features import FEATURES
from tests.support.clean_models import MODELS
from tests.support.odd_bars import of_sessions, plain, standing_still, with_holes, without_trade
from tests.support.planting import walk

Make = Callable[[Path], AuditedWalk]

LONG_AGO = datetime(1960, 1, 1, tzinfo=UTC)
NEW_YORK = ("09:30", "10:30", "11:30", "13:30", "14:30", "15:30")
RETURNS, VOLUMES = ["log_return", "rolling_std_6"], ["log_return", "volume_norm_6"]
PLACE, PRICES = pl.int_range(pl.len()), pl.col("open", "high", "low", "close")


def of(*bars: pl.DataFrame, **settings: Any) -> Make:
    """The usual walk with other bars or settings."""
    return lambda folder: walk(folder, *bars, **settings)


def monthly(n: int = 700) -> pl.DataFrame:
    """Bars of calendar months."""
    months = pl.datetime_range(LONG_AGO, LONG_AGO.replace(year=2026), "1mo", eager=True)
    return plain(n, interval="30d", start=LONG_AGO).with_columns(time=months[:n].cast(UTC_TIME))


SETTINGS: dict[str, Make] = {
    "the usual one": of(models=["ridge", "ar", "mean"], features=["log_return", "rolling_std_6"]),
    "every column of the bars": of(features=["range_3", "volume_norm_12", "taker_imbalance", "momentum_5"]),
    "calendar alone": of(features=["hour_of_week"]),
    "a look-back of 300 bars": of(features=["rolling_mean_300", "rolling_std_150"]),
    "five bars ahead": of(target={"horizon": 5}),
    "gap larger than the horizon": of(folds={"gap": 30}),
    "rolling training span": of(folds={"window": "rolling", "first_train": 250}),
    "fitted at every second fold": of(folds={"refit_every": 2, "test": 60}),
    "step longer than the test span": of(folds={"test": 50, "step": 90}),
    "last fold of a single bar": of(plain(613)),
    "a network": of(models=["lstm"], seeds=2),
    "a network that starts warm": of(models=["gru"], seeds=1, train={"start": "warm"}),
}
BARS: dict[str, Make] = {
    "holes": of(with_holes(plain(1100), range(30, 1080, 60))),
    "price stands still": of(standing_still(standing_still(plain(), 300, 360), 640, 660), features=RETURNS),
    "no trade now and then": of(without_trade(plain(), range(7, 700, 13)), features=VOLUMES),
    "no trade for days": of(without_trade(plain(), range(200, 260)), features=VOLUMES),
    "bursts of volume": of(
        plain().with_columns(volume=pl.when(PLACE % 97 == 50).then(1e12).otherwise("volume")), features=VOLUMES
    ),
    "prices of a millionth": of(plain().with_columns(PRICES * 1e-10), features=["rolling_mean_24", "range_6"]),
    "prices of a billion": of(plain().with_columns(PRICES * 1e5), features=["rolling_mean_24", "range_6"]),
    "three symbols at the same hours": of(plain(), plain(symbol="B", seed=1), plain(symbol="C", seed=2)),
    "symbols at other hours": of(
        plain(), plain(symbol="B", seed=1).with_columns(pl.col("time") + timedelta(minutes=30))
    ),
    "a symbol that starts later": of(plain(), plain(symbol="B", seed=1)[450:]),
    "a symbol that ends early": of(plain(), plain(symbol="B", seed=1)[:540]),
    "a symbol without volume": of(
        plain(), plain(symbol="B", seed=1).with_columns(volume=pl.lit(0.0)), features=VOLUMES
    ),
    "daily bars with weekends": of(of_sessions(1000, ["00:00"], "UTC", "1d"), features=VOLUMES),
    "sessions with a break and summer time": of(of_sessions(170, NEW_YORK, "America/New_York", "1h")),
    "bars of a minute": of(plain(interval="1m")),
    "weekly bars": of(plain(interval="7d", start=LONG_AGO)),
    "monthly bars": of(monthly()),
}

PIPELINES: dict[str, Make] = {**SETTINGS, **BARS, **FEATURES, **MODELS}
