"""Grid perturbation: one bar in every period is perturbed, all along the series at once, so that every bar is tried.

A feature with a finite look-back must not move between the end of the look-back behind a tooth and the next tooth. What
moves there is looked at by itself, with the next tooth alone, so that a feature which remembers more is not accused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from backtest.audit.counterexample import counterexample_of, rows_moved
from backtest.audit.perturbations import Perturbed
from backtest.audit.recompute import ROUNDING, Computation
from backtest.audit.search import Search

LONGEST, SHORTEST = 400, 16
"""Bars from one tooth to the next; beyond, a comb would take too long."""

DOUBTS = 5
"""GridPerturbation that are looked at one by one before a column is given up."""

KINDS = ("tiny values", "huge values")
"""Each has a turn of its own: huge values leave their rounding in Polars' moving sums for ever, tiny ones do not."""


@dataclass(frozen=True, slots=True)
class GridPerturbation:
    """The perturbed bars: the places `offset`, `offset + period`, and so on; behind each, `lookback` bars may move."""

    offset: int
    period: int
    lookback: int

    def at(self, places: pl.Series) -> pl.Series:
        """Tell which places are grid."""
        return places % self.period == self.offset

    def next_after(self, place: int) -> int:
        """Place of the first tooth behind a place that is none itself."""
        return place + self.period - (place - self.offset) % self.period

    def clean(self, places: pl.Series, last: int) -> pl.Series:
        """Tell which places lie out of reach of the tooth before, with another one behind them."""
        behind = (places - self.offset) % self.period
        return ((behind > self.lookback) | (places < self.offset)) & (places + self.period - behind <= last)


def perturb_grid(search: Search, lookbacks: Mapping[str, int], count: int) -> set[str]:
    """Comb the columns with a look-back, with at most `count` offsets of the grid for each; return those combed."""
    combed: set[str] = set()
    for kind in KINDS:
        perturbed = Perturbed.of(search.computation.bars, kind, search.rng)
        doubts: Counter[str] = Counter()
        for lookback in sorted({lookbacks[name] for name in search.open if name in lookbacks}):
            period = max(2 * (lookback + 1), SHORTEST)
            offsets = search.rng.permutation(period)[:count].tolist() if period <= LONGEST else []
            for offset in sorted(offsets):
                columns = [name for name in search.open if lookbacks.get(name) == lookback and doubts[name] < DOUBTS]
                if columns:
                    doubts.update(
                        _perturb_grid_once(search, GridPerturbation(offset, period, lookback), perturbed, columns)
                    )
                    combed.update(columns)
        combed -= {name for name, times in doubts.items() if times >= DOUBTS}
    return combed


def _perturb_grid_once(
    search: Search, grid: GridPerturbation, perturbed: Perturbed, columns: list[str]
) -> Iterator[str]:
    """Perturbation the grid; of each column that moves between them, look at one tooth alone. Yield those in doubt."""
    computation = search.computation
    table = search.compute(perturbed.where(grid.at(computation.place)), f"{perturbed.kind} here and there")
    for column, tooth in _suspects(computation, table, columns, grid) if table is not None else ():
        rows = rows_moved(search, perturbed, tooth, tooth, until=tooth - 1).get(column)
        if rows is None:
            yield column
        else:
            search.accuse(column, search.ahead, counterexample_of(computation, column, rows, tooth, perturbed.kind))


def _suspects(
    computation: Computation, table: pl.DataFrame, columns: list[str], grid: GridPerturbation
) -> Iterator[tuple[str, int]]:
    """Columns that moved between the grid, each with the tooth that its nearest moved row precedes."""
    places = computation.times.search_sorted(computation.whole["time"]).cast(pl.Int64)
    rows = computation.whole.filter(grid.clean(places, len(computation.times) - 1))
    for column, moved in computation.differing(rows, table, dict.fromkeys(columns, ROUNDING)).items():
        places = computation.times.search_sorted(moved["time"]).cast(pl.Int64)
        gaps = pl.Series([grid.next_after(place) - place for place in places])
        yield column, grid.next_after(places[int(gaps.arg_min() or 0)])
