"""The comb: one bar in every so many is poisoned, all along the series at once, so that every bar is tried as the last.

A feature with a finite look-back must not move between the end of the look-back behind a tooth and the next tooth. What
moves there is looked at by itself, with the next tooth alone, so that a feature which remembers more is not accused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from backtest.audit.counterexample import rows_moved, witness_of
from backtest.audit.perturbations import Poisoned
from backtest.audit.recompute import ROUNDING, Probe
from backtest.audit.search import Search

LONGEST, SHORTEST = 400, 16
"""Bars from one tooth to the next; beyond, a comb would take too long."""

DOUBTS = 5
"""Teeth that are looked at one by one before a column is given up."""

KINDS = ("tiny values", "huge values")
"""Each has a turn of its own: huge values leave their rounding in Polars' moving sums for ever, tiny ones do not."""


@dataclass(frozen=True, slots=True)
class Teeth:
    """The poisoned bars: the places `offset`, `offset + period`, and so on; behind each, `lookback` bars may move."""

    offset: int
    period: int
    lookback: int

    def at(self, places: pl.Series) -> pl.Series:
        """Tell which places are teeth."""
        return places % self.period == self.offset

    def next_after(self, place: int) -> int:
        """Place of the first tooth behind a place that is none itself."""
        return place + self.period - (place - self.offset) % self.period

    def clean(self, places: pl.Series, last: int) -> pl.Series:
        """Tell which places lie out of reach of the tooth before, with another one behind them."""
        behind = (places - self.offset) % self.period
        return ((behind > self.lookback) | (places < self.offset)) & (places + self.period - behind <= last)


def comb(search: Search, lookbacks: Mapping[str, int], count: int) -> set[str]:
    """Comb the columns with a look-back, with at most `count` offsets of the teeth for each; return those combed."""
    combed: set[str] = set()
    for kind in KINDS:
        poisoned = Poisoned.of(search.probe.bars, kind, search.rng)
        doubts: Counter[str] = Counter()
        for lookback in sorted({lookbacks[name] for name in search.open if name in lookbacks}):
            period = max(2 * (lookback + 1), SHORTEST)
            offsets = search.rng.permutation(period)[:count].tolist() if period <= LONGEST else []
            for offset in sorted(offsets):
                columns = [name for name in search.open if lookbacks.get(name) == lookback and doubts[name] < DOUBTS]
                if columns:
                    doubts.update(_comb_once(search, Teeth(offset, period, lookback), poisoned, columns))
                    combed.update(columns)
        combed -= {name for name, times in doubts.items() if times >= DOUBTS}
    return combed


def _comb_once(search: Search, teeth: Teeth, poisoned: Poisoned, columns: list[str]) -> Iterator[str]:
    """Poison the teeth; of each column that moves between them, look at one tooth alone. Yield those in doubt."""
    probe = search.probe
    table = search.compute(poisoned.where(teeth.at(probe.place)), f"{poisoned.kind} here and there")
    for column, tooth in _suspects(probe, table, columns, teeth) if table is not None else ():
        rows = rows_moved(search, poisoned, tooth, tooth, until=tooth - 1).get(column)
        if rows is None:
            yield column
        else:
            search.accuse(column, search.ahead, witness_of(probe, column, rows, tooth, poisoned.kind))


def _suspects(probe: Probe, table: pl.DataFrame, columns: list[str], teeth: Teeth) -> Iterator[tuple[str, int]]:
    """Columns that moved between the teeth, each with the tooth that its nearest moved row precedes."""
    places = probe.times.search_sorted(probe.whole["time"]).cast(pl.Int64)
    rows = probe.whole.filter(teeth.clean(places, len(probe.times) - 1))
    for column, moved in probe.differing(rows, table, dict.fromkeys(columns, ROUNDING)).items():
        places = probe.times.search_sorted(moved["time"]).cast(pl.Int64)
        gaps = pl.Series([teeth.next_after(place) - place for place in places])
        yield column, teeth.next_after(places[int(gaps.arg_min() or 0)])
