"""Level 2: a feature depends on no more than its declared look-back: started later, it gives the same values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from backtest.audit.counterexample import first_place, stamp
from backtest.audit.cut_points import cut_points
from backtest.audit.leak_types import REMEMBERS
from backtest.audit.perturbations import CUT
from backtest.audit.recompute import ROUNDING, Computation
from backtest.audit.search import Search
from backtest.data.records.audit import Counterexample


@dataclass(frozen=True, slots=True)
class Lookback:
    """What a feature declares: the earlier bars that a value reads, and how far older ones may move it."""

    lookback: int
    tolerance: float = 0.0

    @property
    def allowed(self) -> float:
        """Largest difference, in standard deviations of the feature; rounding is none."""
        return max(self.tolerance, ROUNDING)


def check_lookback(computation: Computation, lookbacks: Mapping[str, Lookback], starts: int, seed: int = 0) -> Search:
    """Look for columns that depend on bars before their look-back; of those without a lookback nothing is asked."""
    search = Search.of(computation, seed)
    search.open = [name for name in search.open if name in lookbacks]
    for start in cut_points(computation, starts, search.rng):
        late = _started_at(search, start) if start and search.open else None
        for column in list(search.open) if late is not None else ():
            rows = _moved(computation, column, lookbacks[column], late)
            if rows is not None:
                counterexample = _counterexample(search, column, lookbacks[column], start, rows)
                search.accuse(column, REMEMBERS, counterexample, lookback=lookbacks[column].lookback)
    return search


def _started_at(search: Search, start: int) -> pl.DataFrame | None:
    """The table of the bars from the place `start` on."""
    return search.compute(search.computation.bars.filter(search.computation.place >= start), "a later start")


def _moved(computation: Computation, column: str, lookback: Lookback, late: pl.DataFrame | None) -> pl.DataFrame | None:
    """Rows of a late start that have their whole look-back and yet another value."""
    if late is None:
        return None
    keys = computation.keys(late)
    warm = late.select(*keys, column).filter(_position(late) >= lookback.lookback)
    rows = warm.select(keys).join(computation.whole, on=keys, how="left", maintain_order="left", nulls_equal=True)
    return computation.differing(rows, warm, {column: lookback.allowed}).get(column)


def _position(table: pl.DataFrame) -> pl.Series:
    """Number of each row within its series."""
    place = pl.int_range(pl.len())
    return table.select(place.over("symbol") if "symbol" in table.columns else place).to_series()


def _counterexample(search: Search, column: str, lookback: Lookback, start: int, rows: pl.DataFrame) -> Counterexample:
    """The first row that moves, and the bar nearest to it, before its look-back, without which it moves."""
    computation = search.computation
    row = rows.sort("time").row(0, named=True)

    def moves(place: int) -> bool:
        """Whether the row moves when the bars begin at a place."""
        moved = _moved(computation, column, lookback, _started_at(search, place))
        return moved is not None and not moved.filter(time=row["time"]).is_empty()

    missing = first_place(1, start, moves) - 1
    ahead = missing - int(computation.times.search_sorted(row["time"]))
    symbol = str(row.get("symbol", ""))
    return Counterexample(column, symbol, stamp(row["time"]), stamp(computation.times[missing]), ahead, CUT)
