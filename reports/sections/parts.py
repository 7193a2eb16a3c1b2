"""What several sections share: how models are drawn, and tables kept short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from backtest.reports.figures.canvas import DASHES, MUTED, SERIES, Pen
from backtest.reports.formats import whole
from backtest.reports.result import Result

T = TypeVar("T")

MOST_ROWS = 40
"""Rows of an unfolding table beyond which it is binned."""


def pens(result: Result) -> dict[str, Pen]:
    """Return how every model is drawn: candidates by colour and dashes of their own, baselines thin and grey."""
    found = {score.model: Pen(MUTED, width=0.9) for score in result.scores}
    for number, score in enumerate(result.candidates):
        cycle, place = divmod(number, len(SERIES))
        found[score.model] = Pen(SERIES[place], DASHES[(place + cycle) % len(DASHES)])
    return found


def colours(result: Result) -> dict[str, str]:
    """Return a colour for every model: candidates have one each as long as there are enough, baselines are grey."""
    return {model: pen.colour for model, pen in pens(result).items()}


def binned(items: Sequence[T], most: int = MOST_ROWS) -> tuple[T, ...]:
    """Return all items, or the last of each of `most` equal stretches where there are more."""
    if len(items) <= most:
        return tuple(items)
    return tuple(items[(number + 1) * len(items) // most - 1] for number in range(most))


def binned_note(items: Sequence[T], what: str = "folds", most: int = MOST_ROWS) -> str:
    """Return a sentence that says so if `binned` leaves items out; `what` names them."""
    shown = f" The table shows {whole(most)} of {whole(len(items))} {what}, evenly spaced."
    return "" if len(items) <= most else shown
