"""Lengths of time as people write them: `1h`, `15m`, `365d`."""

from __future__ import annotations

import re
from datetime import timedelta

from backtest.data.errors import ConfigError

UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
WEEK = timedelta(weeks=1)  # read, never written: a length of 14 days is spelt 14d


def parse_duration(text: str) -> timedelta:
    """Return the length that `text` spells: a whole number > 0 and one of w, d, h, m, s. Raises ConfigError."""
    found = re.fullmatch(r"\s*(\d+)\s*([wdhms])\s*", text)
    if not found or int(found[1]) == 0:
        raise ConfigError(f"duration: expected a number and d, h, m or s, such as 1h or 365d (got {text!r})")
    try:
        return int(found[1]) * (WEEK if found[2] == "w" else UNITS[found[2]])
    except OverflowError:
        raise ConfigError(f"duration: {text} is longer than any data (at most 999999999d)") from None


def parse_delay(text: str) -> timedelta:
    """Return the length that `text` spells, which may be zero: `0s`. Raises ConfigError."""
    return timedelta(0) if re.fullmatch(r"\s*0\s*[wdhms]\s*", text) else parse_duration(text)


def format_duration(length: timedelta) -> str:
    """Return `length` in the largest unit that divides it: `1h`, `90m`, `1d`; what lies below a second as decimals."""
    for letter, unit in UNITS.items():
        if length and length % unit == timedelta(0):
            return f"{length // unit}{letter}"
    return f"{length.total_seconds():g}s"
