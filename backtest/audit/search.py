"""The state of a search for leaks among the columns of a computation: what is open, what was found, what failed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from backtest.audit.kinds import READS_AHEAD, Kind
from backtest.audit.probe import Probe
from data.audit import Leak, Witness


@dataclass(slots=True)
class Search:
    """A search among the columns of `probe`.

    `open` are those without a leak so far, `leaks` what was found, by column, `tried` counts computations, and `notes`
    say what a reader must know of the others. A column that reads later bars is a leak of the kind `ahead`; `noun` is
    what a column is.
    """

    probe: Probe
    rng: np.random.Generator
    open: list[str]
    noun: str = "feature"
    ahead: Kind = READS_AHEAD
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

    def found(self, column: str, kind: Kind, witness: Witness | None = None, **words: object) -> None:
        """Keep the leak of a column, which is looked at no more."""
        self.open.remove(column)
        self.leaks[column] = kind.leak(f"{self.noun} {column}", witness, **words)

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)
