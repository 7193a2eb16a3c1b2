"""A search for leaks among the columns of a computation, and the smallest counterexample of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl

from backtest.audit.perturbations import Perturbed
from backtest.audit.recompute import ROUNDING, Computation
from backtest.data.records.audit import (
    Counterexample,
    Leak,
    LeakCode,
    Note,
    Numbers,
    Perturbation,
    Subject,
    SubjectKind,
    Trial,
)


@dataclass(slots=True)
class Search:
    """A search among the columns of a computation.

    `open` are the columns without a leak so far, `leaks` what was found, by column, `notes` what a reader must know of
    the others. The last digits of `unstable` columns differ each time they are computed. `tried` counts recomputations,
    `succeeded` on what they worked, `unaudited` the columns of which that proves nothing. `kind` is what a column is.
    """

    computation: Computation
    rng: np.random.Generator
    open: list[str]
    kind: SubjectKind = "feature"
    unstable: set[str] = field(default_factory=set)
    leaks: dict[str, Leak] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    succeeded: set[Trial] = field(default_factory=set)
    unaudited: list[str] = field(default_factory=list)
    tried: int = 0

    @classmethod
    def of(cls, computation: Computation, seed: int = 0, *, kind: SubjectKind = "feature") -> Search:
        """Begin with every column."""
        return cls(computation, np.random.default_rng(seed), list(computation.columns), kind)

    def compute(self, bars: pl.DataFrame, trial: Trial) -> pl.DataFrame | None:
        """Compute from other bars; None, and a note, where that fails."""
        return self.attempt(lambda: self.computation.compute(bars), trial)

    def attempt(self, compute: Callable[[], pl.DataFrame], trial: Trial, series: str = "") -> pl.DataFrame | None:
        """Compute something in a trial, in which an external series may be changed; None, and a note, if it fails."""
        self.tried += 1
        try:
            table = compute()
        except Exception as error:  # a user's code may raise anything
            names = (series,) if series else ()
            self.note(Note("not_computed", trial=trial, names=names, error=first_line(error)))
            return None
        self.succeeded.add(trial)
        return table

    def moved(self, table: pl.DataFrame | None, until: datetime, *, allowed: float = 0.0) -> dict[str, pl.DataFrame]:
        """Rows up to `until` that moved, by open column; of unstable columns the last digits do not count."""
        if table is None:
            return {}
        exact = self.computation.moved(table, until, allowed=allowed)
        beyond = self.computation.moved(table, until, allowed=ROUNDING) if self.unstable & exact.keys() else exact
        return {
            name: beyond.get(name, rows)
            for name, rows in exact.items()
            if name in self.open and (name not in self.unstable or name in beyond)
        }

    def rows_moved(self, perturbed: Perturbed, first: int, last: int, *, until: int) -> dict[str, pl.DataFrame]:
        """Rows up to the place `until` that move when the bars from `first` to `last` are perturbed, by column."""
        bars = perturbed.where(self.computation.place.is_between(first, last))
        return self.moved(self.compute(bars, perturbed.kind), self.computation.times[until])

    def rows_cut(self, end: int, *, until: int, allowed: float = ROUNDING) -> dict[str, pl.DataFrame]:
        """Rows up to the place `until` that move when the bars after the place `end` are removed, by column."""
        table = self.compute(self.computation.bars.filter(self.computation.place <= end), "removed")
        return self.moved(table, self.computation.times[until], allowed=allowed)

    def add_leak(
        self,
        column: str,
        code: LeakCode,
        counterexample: Counterexample | None = None,
        numbers: Numbers | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        """Record the leak of a column, which is not searched any more."""
        self.open.remove(column)
        self.leaks[column] = Leak(code, Subject(self.kind, column), counterexample, numbers or {}, names)

    def add_read(self, column: str, counterexample: Counterexample | None) -> None:
        """Record that a column reads later bars."""
        self.add_leak(column, "reads_later_bars" if self.kind == "feature" else "walk_reads_later_bars", counterexample)

    @property
    def conclusive(self) -> bool:
        """Whether all columns were computed from other later bars, and read nothing but bars."""
        return "noise" in self.succeeded and not self.unaudited

    def mark_unstable(self, column: str) -> None:
        """Note that the last digits of a column differ each time it is computed."""
        self.unstable.add(column)
        self.note(Note("unstable", names=(column,)))

    def note(self, note: Note) -> None:
        """Keep a note, once."""
        if note not in self.notes:
            self.notes.append(note)


def from_perturbation(
    search: Search, column: str, rows: pl.DataFrame, cut: int, perturbed: Perturbed
) -> Counterexample:
    """Smallest counterexample of a `column` whose `rows` up to the place `cut` move when all later bars are perturbed.

    The first later bar on which it depends is found by bisection.
    """

    def moves(place: int) -> bool:
        return column in search.rows_moved(perturbed, cut + 1, place, until=cut)

    reads = first_place(cut + 1, search.computation.last, moves)
    alone = search.rows_moved(perturbed, reads, reads, until=reads - 1)
    return latest(search.computation, column, alone.get(column, rows), reads, perturbed.kind)


def from_cut(search: Search, column: str, rows: pl.DataFrame, cut: int) -> Counterexample:
    """Smallest counterexample of a `column` whose `rows` up to the place `cut` move when all later bars are removed."""
    last = search.computation.last
    reads = first_place(cut + 1, last, lambda end: column not in search.rows_cut(end, until=cut))
    nearest = search.rows_cut(reads - 1, until=reads - 1)
    return latest(search.computation, column, nearest.get(column, rows), reads, "removed")


def latest(computation: Computation, column: str, rows: pl.DataFrame, reads: int, kind: Perturbation) -> Counterexample:
    """Counterexample of the latest of some rows that move, and of the bar at the place `reads`."""
    moved = rows.sort("time").row(-1, named=True)
    ahead = reads - int(computation.times.search_sorted(moved["time"]))
    symbol = str(moved.get("symbol", ""))
    return Counterexample(column, symbol, stamp(moved["time"]), stamp(computation.times[reads]), ahead, kind)


def stamp(time: datetime) -> str:
    """A time in ISO 8601, as counterexamples hold it."""
    return time.isoformat(timespec="microseconds" if time.microsecond else "seconds")


def first_line(error: Exception) -> str:
    """Type and first line of an error."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def first_place(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """First place from `low` to `high` at which a condition holds that holds at `high`, and from there on always."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
