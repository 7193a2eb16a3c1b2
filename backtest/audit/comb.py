"""The comb: one bar in every so many is poisoned, all along the series at once, so that every bar is tried as the last.

A feature with a finite look-back must not move between the end of the look-back behind a tooth and the next tooth. What
moves there is looked at by itself, with the next tooth alone, so that a feature which remembers more is not accused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from backtest.audit.poison import POISONS, mix
from backtest.audit.probe import Probe
from backtest.audit.search import Search
from backtest.audit.witness import rows_moved, witness_of

LONGEST, SHORTEST = 400, 16
"""Bars from one tooth to the next; beyond, a comb would take too long, and the cuts have to do."""

DOUBTS = 5
"""Teeth that are looked at one by one before a column is left to the cuts."""

KINDS = ("huge values", "tiny values")


@dataclass(frozen=True, slots=True)
class Teeth:
    """The poisoned bars: the places `offset`, `offset + period`, and so on; behind each, `lookback` bars may move."""

    offset: int
    period: int
    lookback: int

    def next_after(self, place: int) -> int:
        """Place of the first tooth behind a place that is none itself."""
        return place + self.period - (place - self.offset) % self.period

    def clean(self, places: pl.Series, last: int) -> pl.Series:
        """Tell which places lie out of reach of the tooth before, with another one behind them."""
        behind = (places - self.offset) % self.period
        return ((behind > self.lookback) | (places < self.offset)) & (places + self.period - behind <= last)


def comb(found: Search, lookbacks: Mapping[str, int], count: int) -> None:
    """Comb the columns with a look-back, with at most `count` offsets of the teeth for each look-back."""
    poisoned = [(kind, POISONS[kind](found.probe.bars, found.rng)) for kind in KINDS]
    doubts = dict.fromkeys(found.open, 0)
    for lookback in sorted({lookbacks[name] for name in found.open if name in lookbacks}):
        period = max(2 * (lookback + 1), SHORTEST)
        if period > LONGEST:
            found.note(f"with a look-back of {lookback} bars, bars were tried as the last one by lot")
            continue
        for number, offset in enumerate(sorted(found.rng.permutation(period)[:count].tolist())):
            columns = [name for name in found.open if lookbacks.get(name) == lookback and doubts[name] < DOUBTS]
            _comb_once(found, Teeth(offset, period, lookback), *poisoned[number % 2], columns, doubts)


def _comb_once(
    found: Search, teeth: Teeth, kind: str, poisoned: pl.DataFrame, columns: list[str], doubts: dict[str, int]
) -> None:
    """Poison the teeth; of each column that moves between them, look at one tooth alone."""
    probe = found.probe
    where = (probe.place % teeth.period == teeth.offset) & (probe.place >= teeth.offset)
    table = found.compute(mix(probe.bars, poisoned, where), f"{kind} here and there") if columns else None
    if table is None:
        return
    for column, tooth in _suspects(probe, table, columns, teeth):
        rows = rows_moved(found, column, (kind, poisoned), (tooth, tooth), tooth - 1)
        if rows is None:
            doubts[column] += 1
        else:
            found.found(column, found.ahead, witness_of(probe, column, rows, tooth, kind))


def _suspects(probe: Probe, table: pl.DataFrame, columns: list[str], teeth: Teeth) -> Iterator[tuple[str, int]]:
    """Columns that moved between the teeth, each with the tooth that its nearest moved row precedes."""
    places = probe.times.search_sorted(probe.whole["time"]).cast(pl.Int64)
    rows = probe.whole.filter(teeth.clean(places, len(probe.times) - 1))
    for column, moved in probe.differing(rows, table, dict.fromkeys(columns, 0.0)).items():
        places = probe.times.search_sorted(moved["time"]).cast(pl.Int64)
        gaps = pl.Series([teeth.next_after(place) - place for place in places])
        nearest = int(gaps.arg_min() or 0)
        yield column, teeth.next_after(places[nearest])
