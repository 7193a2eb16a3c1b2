"""A walk from Python that takes a second, for the tests of the public functions."""

from __future__ import annotations

from typing import Unpack

import backtest as bt
from backtest.arguments import Bars, Settings

SOURCE = "synthetic:n=700,signal=0.1"
SETTINGS: Settings = {
    "name": "small",
    "models": ["ridge"],
    "features": ["log_return", "rolling_std_6"],
    "executor": "serial",
    "folds": {"first_train": 300, "validation": 60, "test": 90},
    "net": {"window": 8},
}


def walk(bars: Bars = SOURCE, **changes: Unpack[Settings]) -> bt.Run:
    """Walk forward without an audit and without progress."""
    settings: Settings = {**SETTINGS, **changes}
    return bt.walk_forward(bars, audit="off", progress=False, **settings)
