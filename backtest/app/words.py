"""The words of the app: badges, errors, seeds, times, options."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import polars as pl

from backtest.data.errors import BacktestError
from backtest.reports.blocks import Tone
from backtest.reports.formats import SPACE, counted, moment
from backtest.reports.run_folder import printable

T = TypeVar("T", bound=Hashable)

SIGNS: dict[Tone, tuple[Literal["green", "orange", "red", "gray"], str]] = {
    "good": ("green", ":material/check_circle:"),
    "care": ("orange", ":material/error:"),
    "open": ("orange", ":material/drag_handle:"),
    "bad": ("red", ":material/cancel:"),
    "mute": ("gray", ":material/help:"),
}
"""Colour and icon of a badge; the words beside them say the same."""

CONTROLS = {"--data: ": "Bars: "}
"""How errors of the command line begin that name an option of it, and the control that the app has instead."""


def shown(text: object) -> str:
    """Return a text with its line breaks and no other sign that cannot be seen."""
    return printable(str(text), keep=f"\n{SPACE}")


def refusal(problem: BacktestError) -> str:
    """Return what an error says, with the app's controls for options of the command line."""
    said = str(problem)
    option = next((option for option in CONTROLS if said.startswith(option)), "")
    return CONTROLS.get(option, "") + said.removeprefix(option)


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
