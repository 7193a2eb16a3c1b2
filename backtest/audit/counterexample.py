"""The smallest counterexample of a leak: one value, the one later bar that it reads, and how far ahead that is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import polars as pl

from backtest.audit.perturbations import CUT, Perturbed
from backtest.audit.recompute import ROUNDING, Computation
from backtest.audit.search import Search
from backtest.data.records.audit import Counterexample


def of_perturbation(search: Search, column: str, rows: pl.DataFrame, cut: int, perturbed: Perturbed) -> Counterexample:
    """Counterexample of a `column` whose `rows` up to the place `cut` move when all bars after it are perturbed."""
    last = len(search.computation.times) - 1
    reads = first_place(cut + 1, last, lambda place: column in rows_moved(search, perturbed, cut + 1, place, until=cut))
    alone = rows_moved(search, perturbed, reads, reads, until=reads - 1)
    return counterexample_of(search.computation, column, alone.get(column, rows), reads, perturbed.kind)


def of_cut(search: Search, column: str, rows: pl.DataFrame, cut: int) -> Counterexample:
    """Counterexample of a `column` whose `rows` move at or before the place `cut` when nothing stands behind it."""
    last = len(search.computation.times) - 1
    reads = first_place(cut + 1, last, lambda end: column not in rows_cut(search, end, until=cut))
    nearest = rows_cut(search, reads - 1, until=reads - 1)
    return counterexample_of(search.computation, column, nearest.get(column, rows), reads, CUT)


def rows_moved(search: Search, perturbed: Perturbed, first: int, last: int, *, until: int) -> dict[str, pl.DataFrame]:
    """Rows up to the place `until` that move when the bars from `first` to `last` are perturbed, by column."""
    computation = search.computation
    bars = perturbed.where(computation.place.is_between(first, last))
    return search.moved(search.compute(bars, f"{perturbed.kind} in later bars"), computation.times[until])


def rows_cut(search: Search, end: int, *, until: int, allowed: float = ROUNDING) -> dict[str, pl.DataFrame]:
    """Rows up to the place `until` that move when the bars behind the place `end` are cut off, by column."""
    computation = search.computation
    table = search.compute(computation.bars.filter(computation.place <= end), f"{CUT} behind a bar")
    return search.moved(table, computation.times[until], allowed=allowed)


def counterexample_of(
    computation: Computation, column: str, rows: pl.DataFrame, reads: int, kind: str
) -> Counterexample:
    """Counterexample of the latest of some rows that move, and of the bar at the place `reads`."""
    moved = rows.sort("time").row(-1, named=True)
    ahead = reads - int(computation.times.search_sorted(moved["time"]))
    return Counterexample(
        column, str(moved.get("symbol", "")), stamp(moved["time"]), stamp(computation.times[reads]), ahead, kind
    )


def stamp(time: datetime) -> str:
    """A time as a counterexample has it."""
    return time.isoformat(timespec="microseconds" if time.microsecond else "seconds")


def first_place(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """First place from `low` to `high` at which something holds, given that it holds at `high` and goes on holding."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
