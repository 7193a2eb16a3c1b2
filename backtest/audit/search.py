"""The state of a search for leaks among the columns of a computation: what is open, what was found, what failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl

from backtest.audit.leak_types import READS_AHEAD, Kind
from backtest.audit.recompute import ROUNDING, Computation
from backtest.data.records.audit import Counterexample, Leak

PROOF = "noise in later bars"


@dataclass(slots=True)
class Search:
    """A search among the columns of `computation`: what each is (`noun`), and the kind of leak if it reads later bars.

    `open` are the columns without a leak so far, `leaks` what was found, by column, `notes` what a reader must know of
    the others. The last digits of `unstable` columns differ each time they are computed. `tried` counts computations,
    `computed` tells with what they succeeded, `unaudited` of which columns that proves nothing.
    """

    computation: Computation
    rng: np.random.Generator
    open: list[str]
    noun: str = "feature"
    ahead: Kind = READS_AHEAD
    unstable: set[str] = field(default_factory=set)
    leaks: dict[str, Leak] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    computed: set[str] = field(default_factory=set)
    unaudited: list[str] = field(default_factory=list)
    tried: int = 0

    @classmethod
    def of(cls, computation: Computation, seed: int = 0, *, noun: str = "feature", ahead: Kind = READS_AHEAD) -> Search:
        """Begin with every column."""
        return cls(computation, np.random.default_rng(seed), list(computation.columns), noun, ahead)

    def compute(self, bars: pl.DataFrame, what: str) -> pl.DataFrame | None:
        """Compute it from other bars; None, and a note, where that fails."""
        return self.attempt(lambda: self.computation.compute(bars), what)

    def attempt(self, compute: Callable[[], pl.DataFrame], what: str) -> pl.DataFrame | None:
        """Compute something once more; None, and a note, where it cannot be computed with `what`."""
        self.tried += 1
        try:
            table = compute()
        except Exception as error:  # a user's code may raise anything
            first = (str(error).splitlines() or [""])[0]
            self.note(f"could not be computed with {what}: {type(error).__name__}: {first}")
            return None
        self.computed.add(what)
        return table

    def moved(self, table: pl.DataFrame | None, until: datetime, *, allowed: float = 0.0) -> dict[str, pl.DataFrame]:
        """Rows up to `until` that moved, by open column; the last digits of what differs anyway do not count."""
        if table is None:
            return {}
        exact = self.computation.moved(table, until, allowed=allowed)
        beyond = self.computation.moved(table, until, allowed=ROUNDING) if self.unstable & exact.keys() else exact
        return {
            name: beyond.get(name, rows)
            for name, rows in exact.items()
            if name in self.open and (name not in self.unstable or name in beyond)
        }

    def accuse(self, column: str, kind: Kind, counterexample: Counterexample | None = None, **words: object) -> None:
        """Keep the leak of a column, which is looked at no more."""
        self.open.remove(column)
        self.leaks[column] = kind.leak(f"{self.noun} {column}", counterexample, **words)

    @property
    def proven(self) -> bool:
        """Whether all is known: what cannot be computed from other values, or reads something else, shows nothing."""
        return PROOF in self.computed and not self.unaudited

    def mark_unstable(self, column: str) -> None:
        """Keep in mind that the last digits of a column differ each time it is computed."""
        self.unstable.add(column)
        self.note(f"the last digits of {column} differ from one computation to the next: rounding, no leak")

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)
