"""From a leak to its smallest witness: one value, the one later bar that it reads, and how far ahead that lies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import polars as pl

from backtest.audit.poison import CUT, mix
from backtest.audit.probe import ROUNDING, Probe
from backtest.audit.search import Search
from data.audit import Witness


def of_poison(found: Search, column: str, rows: pl.DataFrame, cut: int, poison: tuple[str, pl.DataFrame]) -> Witness:
    """Witness of a `column` whose `rows` move at or before the place `cut` when all bars behind it are poisoned."""
    last = len(found.probe.times) - 1
    reads = first_place(
        cut + 1, last, lambda place: rows_moved(found, column, poison, (cut + 1, place), cut) is not None
    )
    alone = rows_moved(found, column, poison, (reads, reads), reads - 1)
    return witness_of(found.probe, column, rows if alone is None else alone, reads, poison[0])


def of_cut(found: Search, column: str, rows: pl.DataFrame, cut: int) -> Witness:
    """Witness of a `column` whose `rows` move at or before the place `cut` when nothing stands behind it."""
    last = len(found.probe.times) - 1
    reads = first_place(cut + 1, last, lambda end: rows_cut(found, end, cut).get(column) is None)
    nearest = rows_cut(found, reads - 1, reads - 1).get(column)
    return witness_of(found.probe, column, rows if nearest is None else nearest, reads, CUT)


def rows_moved(
    found: Search, column: str, poison: tuple[str, pl.DataFrame], places: tuple[int, int], until: int
) -> pl.DataFrame | None:
    """Rows up to the place `until` whose `column` moves when the bars at `places`, both ends counted, are poisoned."""
    kind, poisoned = poison
    probe = found.probe
    table = found.compute(mix(probe.bars, poisoned, probe.place.is_between(*places)), f"{kind} in later bars")
    return None if table is None else found.moved(table, probe.times[until]).get(column)


def rows_cut(found: Search, end: int, until: int, allowed: float = ROUNDING) -> dict[str, pl.DataFrame]:
    """Rows up to the place `until` that move when the bars behind the place `end` are cut off, by column."""
    probe = found.probe
    table = found.compute(probe.bars.filter(probe.place <= end), f"{CUT} behind a bar")
    return {} if table is None else found.moved(table, probe.times[until], allowed=allowed)


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
