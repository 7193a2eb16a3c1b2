"""Level 2: a feature depends on no more than its declared look-back: started later, it gives the same values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from backtest.audit.counterexample import Search, first_place, stamp
from backtest.audit.perturbations import cut_points
from backtest.audit.recompute import ROUNDING, Computation
from backtest.data.records.audit import Counterexample


@dataclass(frozen=True, slots=True)
class Lookback:
    """What a feature declares: how many earlier bars a value reads, and how far still older ones may move it."""

    bars: int
    tolerance: float = 0.0

    @property
    def allowed(self) -> float:
        """Largest difference, in standard deviations of the feature; at least that of rounding."""
        return max(self.tolerance, ROUNDING)


def check_lookback(computation: Computation, lookbacks: Mapping[str, Lookback], starts: int, seed: int = 0) -> Search:
    """Find columns that depend on bars before their look-back; columns without one are not checked."""
    search = Search.of(computation, seed)
    search.open = [name for name in search.open if name in lookbacks]
    for start in cut_points(computation, starts, search.rng):
        late = _started_at(search, start) if start and search.open else None
        for column in list(search.open) if late is not None else ():
            lookback = lookbacks[column]
            rows = _moved(computation, column, lookback, late)
            if rows is not None:
                shown = _counterexample(search, column, lookback, start, rows)
                search.add_leak(column, "exceeds_lookback", shown, {"lookback": lookback.bars})
    return search


def _started_at(search: Search, start: int) -> pl.DataFrame | None:
    """The table computed from the bars from the place `start` on."""
    return search.compute(search.computation.bars.filter(search.computation.place >= start), "later_start")


def _moved(computation: Computation, column: str, lookback: Lookback, late: pl.DataFrame | None) -> pl.DataFrame | None:
    """Rows of a late start that have their whole look-back and yet another value."""
    if late is None:
        return None
    keys, place = computation.keys(late), pl.int_range(pl.len())
    position = late.select(place.over("symbol") if "symbol" in late.columns else place).to_series()
    warm = late.select(*keys, column).filter(position >= lookback.bars)
    rows = warm.select(keys).join(computation.whole, on=keys, how="left", maintain_order="left", nulls_equal=True)
    return computation.differing(rows, warm, {column: lookback.allowed}).get(column)


def _counterexample(search: Search, column: str, lookback: Lookback, start: int, rows: pl.DataFrame) -> Counterexample:
    """The first row that moves, and the latest bar before its look-back without which it moves."""
    computation = search.computation
    row = rows.sort("time").row(0, named=True)

    def moves(place: int) -> bool:
        """Whether the row moves when the bars begin at a place."""
        moved = _moved(computation, column, lookback, _started_at(search, place))
        return moved is not None and not moved.filter(time=row["time"]).is_empty()

    missing = first_place(1, start, moves) - 1
    ahead = missing - int(computation.times.search_sorted(row["time"]))
    symbol, reads = str(row.get("symbol", "")), stamp(computation.times[missing])
    return Counterexample(column, symbol, stamp(row["time"]), reads, ahead, "removed")
