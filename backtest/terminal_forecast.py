"""The next step in the terminal: a table for each symbol, with the interval around every model's close."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.markup import escape
from rich.table import Table

from backtest.app.words import USUAL, decimals, held, level, within
from backtest.forecast import NextStep
from backtest.terminal import console, say
from reports.formats import decimal, plain


def show_steps(steps: Sequence[NextStep]) -> None:
    """Print the forecasts; with intervals, and how often such intervals held so far, where the run has them."""
    by_symbol = sorted(steps, key=lambda step: step.symbol)
    for symbol, own in groupby(by_symbol, key=lambda step: step.symbol):
        first, *others = own
        due = f"the close at {first.target_time:%Y-%m-%d %H:%M} UTC" if first.target_time else "the next session"
        say(f"{symbol}: last close {decimal(first.close, decimals(first.close))}, forecasts for {due}")
        _show([first, *others])


def _show(steps: Sequence[NextStep]) -> None:
    table = Table(box=None, pad_edge=False)
    more = (plain(f"{level(USUAL)} interval"), "such intervals held") if any(step.intervals for step in steps) else ()
    for head in ("model", "log return", "next close", *more):
        table.add_column(head, justify="left" if head == "model" else "right")
    for step in steps:
        digits = decimals(step.close)
        numbers = decimal(step.log_return, 6, signed=True), decimal(step.next_close, digits)
        table.add_row(*(escape(plain(cell)) for cell in (step.model, *numbers, *_interval(step, digits))))
    console.print(table)


def _interval(step: NextStep, digits: int) -> tuple[str, ...]:
    found, ends = step.interval(USUAL), step.ends(USUAL)
    if found is None:
        return ()
    return within(*ends, digits) if ends else "too few errors", held(found).removesuffix(" outcomes")
