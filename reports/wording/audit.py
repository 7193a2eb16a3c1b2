"""Puts the witness of a leak in words, the same in the report and in the terminal."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from backtest.data.records.audit import Leak, Witness
from backtest.reports.formats import counted, moment


def witness_words(witness: Witness) -> str:
    """Return the proof of a leak as a clause: which value of which bar reads what, and how that showed.

    Such as `x of BTC at 2024-01-05 13:00 reads the bar of 2024-01-05 14:00, 1 bar ahead (with noise there, the value
    changes)`; `x at 2024-01-05: known at 2024-01-07` where nothing else is read. Times that are none are shown as they
    are.
    """
    interval = interval_of(witness)
    symbol = f" of {witness.symbol}" if witness.symbol else ""
    where = f"{witness.column}{symbol} at {shown(witness.time, interval)}"
    if witness.reads is None:
        return f"{where}: {witness.poison}"
    read = f"{'what stands at' if witness.ahead is None else 'the bar of'} {shown(witness.reads, interval)}"
    proof = f" (with {witness.poison} there, the value changes)" if witness.poison else ""
    return f"{where} reads {read}{distance(witness.ahead)}{proof}"


def distance(ahead: int | None) -> str:
    """Return how many bars ahead something lies, or back where that is below zero."""
    return "" if ahead is None else f", {counted(abs(ahead), 'bar')} {'back' if ahead < 0 else 'ahead'}"


def interval_of(witness: Witness) -> timedelta:
    """Return the time from bar to bar, as far as a witness tells; a day where it does not."""
    with suppress(ValueError, TypeError):
        span = datetime.fromisoformat(witness.reads or "") - datetime.fromisoformat(witness.time)
        return span / (witness.ahead or 1)
    return timedelta(days=1)


def shown(time: str, interval: timedelta) -> str:
    """Return a time in ISO 8601 as a reader expects it."""
    with suppress(ValueError):
        return moment(datetime.fromisoformat(time), interval)
    return time


def leak_words(leak: Leak) -> str:
    """Return a leak in lines: what was seen, the witness, and what to do."""
    lines = [f"{leak.subject} {leak.seen}"]
    if leak.witness:
        lines.append(f"  {witness_words(leak.witness)}")
    return "\n".join([*lines, f"  what to do: {leak.remedy}"])
