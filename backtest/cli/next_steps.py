"""The next forecasts as the terminal shows them: a table of models for each symbol and horizon."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from rich.markup import escape
from rich.table import Table

from backtest.cli.terminal import console, tell
from backtest.data.names import label
from backtest.forecast.step import NextStep
from backtest.forecast_view import last_value, subject, table_of, value_digits
from backtest.reports.formats import counted, level, moment, percent, plain, within


def show_next_steps(steps: Sequence[NextStep]) -> None:
    """Print the forecasts for each symbol and horizon, with the widest intervals of the run and their coverage so far.

    Where a target has no intervals, the table has no columns for them.
    """
    widest = max((interval.level for step in steps for interval in step.intervals), default=None)
    by_horizon = attrgetter("symbol", "horizon")
    for _, group in groupby(sorted(steps, key=by_horizon), key=by_horizon):
        own = [*group]
        tell(_heading(own))
        table = Table(box=None, pad_edge=False)
        columns = {"model": [label(step.model) for step in own], **table_of(own), **_intervals(own, widest)}
        for head in columns:
            table.add_column(escape(plain(head)), justify="left" if head == "model" else "right")
        for cells in zip(*columns.values(), strict=True):
            table.add_row(*(escape(plain(cell)) for cell in cells))
        console.print(table, highlight=False)
        console.print()


def _heading(steps: Sequence[NextStep]) -> str:
    """Return what is known, up to when, and what is forecast from it."""
    step = steps[0]
    session = "close of the next session" if step.horizon == 1 else f"close {counted(step.horizon, 'session')} ahead"
    due = f"close at {step.target_time:%Y-%m-%d %H:%M} UTC" if step.target_time else session
    known = f"bar of {moment(step.time, step.known_at - step.time)}"
    last = last_value(steps)
    return f"{step.symbol}: {f'{last}, {known}' if last else known}. Forecast of {subject(step, f'the {due}')}:"


def _intervals(steps: Sequence[NextStep], widest: float | None) -> dict[str, list[str]]:
    """Return the columns of the intervals of a level and their coverage; none without a level."""
    if widest is None:
        return {}
    digits, within_them, covered = value_digits(steps), list[str](), list[str]()
    for step in steps:
        ends, interval = step.ends(widest), step.interval(widest)
        share = percent(interval.share if interval else None, 1, signed=False)
        within_them.append(within(*ends, digits) if ends else "too few errors")
        covered.append(f"{share} of {interval.n:,}" if interval and interval.n else "none yet")
    return {f"{level(widest)} interval": within_them, "coverage so far": covered}
