"""The state of a search for leaks among the columns of a computation: what is open, what was found, what failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl

from backtest.audit.kinds import READS_AHEAD, Kind
from backtest.audit.probe import ROUNDING, Probe
from data.audit import Leak, Witness


@dataclass(slots=True)
class Search:
    """A search among the columns of `probe`.

    `open` are those without a leak so far, `leaks` what was found, by column, `tried` counts computations, and `notes`
    say what a reader must know of the others. A column that reads later bars is a leak of the kind `ahead`; `noun` is
    what a column is. The last digits of `restless` columns differ each time they are computed.
    """

    probe: Probe
    rng: np.random.Generator
    open: list[str]
    noun: str = "feature"
    ahead: Kind = READS_AHEAD
    restless: set[str] = field(default_factory=set)
    leaks: dict[str, Leak] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tried: int = 0

    @classmethod
    def of(cls, probe: Probe, seed: int = 0) -> Search:
        """Begin with every column."""
        return cls(probe, np.random.default_rng(seed), list(probe.columns))

    def compute(self, bars: pl.DataFrame, what: str) -> pl.DataFrame | None:
        """Compute it once more; None, and a note, where it cannot be computed from such bars."""
        self.tried += 1
        try:
            return self.probe.compute(bars)
        except Exception as error:  # a user's code may raise anything
            first = (str(error).splitlines() or [""])[0]
            self.note(f"could not be computed with {what}: {type(error).__name__}: {first}")
            return None

    def moved(self, table: pl.DataFrame, until: datetime, *, allowed: float = 0.0) -> dict[str, pl.DataFrame]:
        """Rows up to `until` that moved, by column; the last digits of columns that differ anyway do not count."""
        found = self.probe.moved(table, until, allowed=allowed)
        if self.restless & found.keys():
            beyond = self.probe.moved(table, until, allowed=ROUNDING)
            found = {name: rows for name, rows in found.items() if name not in self.restless or name in beyond}
        return found

    def found(self, column: str, kind: Kind, witness: Witness | None = None, **words: object) -> None:
        """Keep the leak of a column, which is looked at no more."""
        self.open.remove(column)
        self.leaks[column] = kind.leak(f"{self.noun} {column}", witness, **words)

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)
