"""From a leak to its smallest witness: one value, the one later bar that it reads, and how far ahead that lies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import polars as pl

from backtest.audit.perturbations import CUT, Poisoned
from backtest.audit.recompute import ROUNDING, Probe
from backtest.audit.search import Search
from backtest.data.records.audit import Witness


def of_poison(search: Search, column: str, rows: pl.DataFrame, cut: int, poisoned: Poisoned) -> Witness:
    """Witness of a `column` whose `rows` move at or before the place `cut` when all bars behind it are poisoned."""
    last = len(search.probe.times) - 1
    reads = first_place(cut + 1, last, lambda place: column in rows_moved(search, poisoned, cut + 1, place, until=cut))
    alone = rows_moved(search, poisoned, reads, reads, until=reads - 1)
    return witness_of(search.probe, column, alone.get(column, rows), reads, poisoned.kind)


def of_cut(search: Search, column: str, rows: pl.DataFrame, cut: int) -> Witness:
    """Witness of a `column` whose `rows` move at or before the place `cut` when nothing stands behind it."""
    last = len(search.probe.times) - 1
    reads = first_place(cut + 1, last, lambda end: column not in rows_cut(search, end, until=cut))
    nearest = rows_cut(search, reads - 1, until=reads - 1)
    return witness_of(search.probe, column, nearest.get(column, rows), reads, CUT)


def rows_moved(search: Search, poisoned: Poisoned, first: int, last: int, *, until: int) -> dict[str, pl.DataFrame]:
    """Rows up to the place `until` that move when the bars from `first` to `last` are poisoned, by column."""
    probe = search.probe
    bars = poisoned.where(probe.place.is_between(first, last))
    return search.moved(search.compute(bars, f"{poisoned.kind} in later bars"), probe.times[until])


def rows_cut(search: Search, end: int, *, until: int, allowed: float = ROUNDING) -> dict[str, pl.DataFrame]:
    """Rows up to the place `until` that move when the bars behind the place `end` are cut off, by column."""
    probe = search.probe
    table = search.compute(probe.bars.filter(probe.place <= end), f"{CUT} behind a bar")
    return search.moved(table, probe.times[until], allowed=allowed)


def witness_of(probe: Probe, column: str, rows: pl.DataFrame, reads: int, kind: str) -> Witness:
    """Witness of the latest of some rows that move, and of the bar at the place `reads`."""
    moved = rows.sort("time").row(-1, named=True)
    ahead = reads - int(probe.times.search_sorted(moved["time"]))
    return Witness(column, str(moved.get("symbol", "")), stamp(moved["time"]), stamp(probe.times[reads]), ahead, kind)


def stamp(time: datetime) -> str:
    """A time as a witness has it."""
    return time.isoformat(timespec="microseconds" if time.microsecond else "seconds")


def first_place(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """First place from `low` to `high` at which something holds, given that it holds at `high` and goes on holding."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
