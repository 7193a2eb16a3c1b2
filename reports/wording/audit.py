"""Puts the counterexample of a leak in words, the same in the report and in the terminal."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from backtest.data.records.audit import Counterexample, Leak
from backtest.reports.formats import counted, moment


def counterexample_words(counterexample: Counterexample) -> str:
    """Return the proof of a leak as a clause: which value of which bar reads what, and how that showed.

    Such as `x of BTC at 2024-01-05 13:00 reads the bar of 2024-01-05 14:00, 1 bar ahead (with noise there, the value
    changes)`; `x at 2024-01-05: known at 2024-01-07` where nothing else is read. Times that are none are shown as they
    are.
    """
    interval = interval_of(counterexample)
    symbol = f" of {counterexample.symbol}" if counterexample.symbol else ""
    where = f"{counterexample.column}{symbol} at {shown(counterexample.time, interval)}"
    if counterexample.reads is None:
        return f"{where}: {counterexample.poison}"
    read = (
        f"{'what stands at' if counterexample.ahead is None else 'the bar of'} {shown(counterexample.reads, interval)}"
    )
    proof = f" (with {counterexample.poison} there, the value changes)" if counterexample.poison else ""
    return f"{where} reads {read}{distance(counterexample.ahead)}{proof}"


def distance(ahead: int | None) -> str:
    """Return how many bars ahead something lies, or back where that is below zero."""
    return "" if ahead is None else f", {counted(abs(ahead), 'bar')} {'back' if ahead < 0 else 'ahead'}"


def interval_of(counterexample: Counterexample) -> timedelta:
    """Return the time from bar to bar, as far as a counterexample tells; a day where it does not."""
    with suppress(ValueError, TypeError):
        span = datetime.fromisoformat(counterexample.reads or "") - datetime.fromisoformat(counterexample.time)
        return span / (counterexample.ahead or 1)
    return timedelta(days=1)


def shown(time: str, interval: timedelta) -> str:
    """Return a time in ISO 8601 as a reader expects it."""
    with suppress(ValueError):
        return moment(datetime.fromisoformat(time), interval)
    return time


def leak_words(leak: Leak) -> str:
    """Return a leak in lines: what was seen, the counterexample, and what to do."""
    lines = [f"{leak.subject} {leak.seen}"]
    if leak.counterexample:
        lines.append(f"  {counterexample_words(leak.counterexample)}")
    return "\n".join([*lines, f"  what to do: {leak.remedy}"])
