"""The words of the app and of `backtest forecast`: prices, intervals, how often they held, seeds, times."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import polars as pl

from backtest.intervals import Interval
from reports.blocks import Tone
from reports.folder import printable
from reports.formats import SPACE, counted, decimal, moment, percent

T = TypeVar("T", bound=Hashable)

SIGNS: dict[Tone, tuple[Literal["green", "orange", "red", "gray"], str]] = {
    "good": ("green", ":material/check_circle:"),
    "care": ("orange", ":material/error:"),
    "open": ("orange", ":material/drag_handle:"),
    "bad": ("red", ":material/cancel:"),
    "mute": ("gray", ":material/help:"),
}
"""Colour and icon of a badge; the words beside them say the same."""

DIGITS = 6
"""Significant digits of a price, of which two at least are decimals."""

USUAL = 0.95
"""Level of the intervals that are shown where nobody asked for another."""


def shown(text: object) -> str:
    """Return a text with its line breaks and no other sign that cannot be seen."""
    return printable(str(text), keep=f"\n{SPACE}")


def decimals(close: float) -> int:
    """Return how many decimals prices like this one need: 2 for 2,506.85, 10 for 0.0000123400."""
    return max(2, DIGITS - 1 - math.floor(math.log10(close)))


def within(low: float, high: float, digits: int) -> str:
    """Return two prices as an interval."""
    return f"{decimal(low, digits)} to {decimal(high, digits)}"


def level(share: float) -> str:
    """Return the level of an interval: 95 %."""
    return percent(share, 1, signed=False).replace(".0", "")


def held(interval: Interval) -> str:
    """Return how often intervals of a level held what came: 94.3 % of 1,234 outcomes."""
    if interval.share is None:
        return "no outcome so far"
    return f"{percent(interval.share, 1, signed=False)} of {counted(interval.n, 'outcome')}"


def of_seed(seed: int | None, seeds: int) -> str:
    """Return whose forecasts these are: those of one seed, or their mean."""
    return f"seed {seed}" if seed is not None else f"mean over {counted(seeds, 'seed')}" if seeds else "one fit"


def times(column: str, interval: timedelta) -> pl.Expr:
    """Return a column of times in words, as `formats.moment` writes one."""
    words = pl.col(column).dt.strftime("%Y-%m-%d %H:%M")
    return words.str.strip_suffix(" 00:00") if interval >= timedelta(days=1) else words


def due(target_time: datetime | None, horizon: int, interval: timedelta) -> str:
    """Return for which close a forecast is."""
    if target_time is not None:
        return f"the close at {moment(target_time, interval)}{SPACE}UTC"
    bar = "session" if interval >= timedelta(days=1) else "bar"
    return f"the close of the next {bar}" if horizon == 1 else f"the close {counted(horizon, bar)} ahead"


def told_apart(options: Sequence[T], short: Callable[[T], str]) -> dict[T, str]:
    """Return a text for each option: its short one, or all of it where two would read the same."""
    texts = [short(option) for option in options]
    return {
        option: shown(text if texts.count(text) == 1 else option) for option, text in zip(options, texts, strict=True)
    }
