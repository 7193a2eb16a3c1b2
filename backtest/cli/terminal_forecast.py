"""The next step in the terminal: a table for each symbol, with the interval around every model's close."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.markup import escape
from rich.table import Table

from backtest.cli.terminal import console, say
from backtest.data.records.verdict import Verdict
from backtest.forecast.intervals import held
from backtest.forecast.next_step import NextStep
from backtest.reports.formats import decimal, decimals, level, moment, plain, within


def show_steps(steps: Sequence[NextStep]) -> None:
    """Print the forecasts with the widest intervals of the run, and how often such intervals held so far."""
    widest = max(one.level for step in steps for one in step.intervals)
    by_symbol = sorted(steps, key=lambda step: step.symbol)
    for symbol, own in groupby(by_symbol, key=lambda step: step.symbol):
        first, *others = own
        due = f"the close at {first.target_time:%Y-%m-%d %H:%M} UTC" if first.target_time else "the next session"
        bar, close = moment(first.time, first.known_at - first.time), decimal(first.close, decimals(first.close))
        say(f"{symbol}: last close {close}, after the bar of {bar}; forecasts for {due}")
        _show([first, *others], widest)


def show_evidence(verdict: Verdict) -> None:
    """Print what the forecasts are worth: the headline, then the sentence on each candidate."""
    for line in (f"\n{verdict.headline}", *(candidate.sentence for candidate in verdict.candidates)):
        say(line)


def _show(steps: Sequence[NextStep], widest: float) -> None:
    table = Table(box=None, pad_edge=False)
    for head in ("model", "log return", "next close", plain(f"{level(widest)} interval"), "such intervals held"):
        table.add_column(head, justify="left" if head == "model" else "right")
    for step in steps:
        digits = decimals(step.close)
        numbers = decimal(step.log_return, 6, signed=True), decimal(step.next_close, digits)
        table.add_row(*(escape(plain(cell)) for cell in (step.model, *numbers, *_interval(step, widest, digits))))
    console.print(table)


def _interval(step: NextStep, widest: float, digits: int) -> tuple[str, str]:
    """The cells of an interval; a symbol that the walk never forecast has no errors to make one from."""
    found, ends = step.interval(widest), step.ends(widest)
    made = within(*ends, digits) if ends else "too few errors"
    return made, held(found).removesuffix(" outcomes") if found else "no outcome so far"
