"""Level 1: no feature reads a later bar. What lies behind a bar is replaced or cut off; nothing before may move.

Two searches complement each other. *Cuts* poison everything behind one bar, whatever the feature remembers: they find
any read, however far ahead, and are made where something odd happens and by lot. A *comb* (`comb.py`) tries every bar
of features with a short look-back at once; those of others are tried one by one, as far as there is time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from backtest.audit.counterexample import of_cut, of_perturbation, rows_cut, rows_moved
from backtest.audit.cut_points import cut_points
from backtest.audit.grid_perturbation import perturb_grid
from backtest.audit.leak_types import FORESEES, NONDETERMINISTIC, STALE
from backtest.audit.lookback import Lookback
from backtest.audit.perturbations import PERTURBATIONS, Perturbed, noise
from backtest.audit.recompute import ROUNDING, Computation
from backtest.audit.search import Search

CALENDAR_REPEATS = pl.duration(days=146_097)
"""Four hundred years, after which the calendar is the same again, weekdays too."""

LAST = 17
"""Bars taken off the end of a series, to tell a calendar from a cache."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How thorough to be: cut points, offsets of the grid, and bars tried one by one where no grid can be used."""

    cuts: int
    grids: int
    bars: int = 0


def check_features(
    computation: Computation, lookbacks: Mapping[str, Lookback], effort: Effort, seed: int = 0
) -> Search:
    """Look for features that read later bars; the comb looks at those that forget everything older entirely."""
    search = Search.of(computation, seed)
    _repeat(search)
    _stale(search)
    _beside_the_bars(search)
    _cuts(search, effort.cuts, cut=True)
    combed = perturb_grid(
        search,
        {name: lookback.lookback for name, lookback in lookbacks.items() if not lookback.tolerance},
        effort.grids,
    )
    _one_by_one(search, [name for name in search.open if name not in combed], effort.bars)
    return search


def check_walk(computation: Computation, cuts: int, seed: int = 0) -> Search:
    """Look for forecasts of a whole walk that move with later bars.

    Those are replaced but never taken away: a walk may count its folds from the end.
    """
    search = Search.of(computation, seed, noun="forecast", ahead=FORESEES)
    _repeat(search)
    for column in _still(search, noise(computation.bars, search.rng)):
        if computation.whole.schema[column].is_float():
            search.accuse(column, STALE)
    _cuts(search, cuts, cut=False)
    return search


def _repeat(search: Search) -> None:
    """Compute from the same bars again: without the same bits there is nothing to compare with."""
    again, last = search.compute(search.computation.bars, "the same bars again"), search.computation.times[-1]
    beyond = search.moved(again, last, allowed=ROUNDING)
    for column in list(search.open) if again is None else search.moved(again, last):
        if again is None or column in beyond:
            search.accuse(column, NONDETERMINISTIC)
        else:
            search.mark_unstable(column)


def _still(search: Search, other: pl.DataFrame) -> list[str]:
    """Columns that vary, and yet are the same for quite other bars."""
    computation = search.computation
    table = search.compute(other, "other values everywhere")
    if table is None:
        return []
    moved = search.moved(table, computation.times[-1])
    return [name for name in search.open if name not in moved and computation.whole[name].drop_nulls().n_unique() > 1]


def _stale(search: Search) -> None:
    """Compute from quite other bars: what does not move is a function of the times, or not of these bars at all."""
    computation = search.computation
    other = noise(computation.bars, search.rng)
    still = _still(search, other)
    if not still:
        return
    end = computation.times[max(0, len(computation.times) - 1 - LAST)]
    early = search.compute(other.filter(pl.col("time") <= end), "an earlier end")
    elsewhere = _at_other_times(search, other)
    for column in still:
        # what depends on times alone is the same up to there; a cache of another length, or of another end, is not
        of_times = early is not None and not (early["time"] > end).any() and computation.agrees(column, early)
        if not of_times or _remembered(column, elsewhere):
            search.accuse(column, STALE)


def _beside_the_bars(search: Search) -> None:
    """Compute from the same bars at other times of the same calendar, and note what then loses its values.

    It reads something by its time, a file perhaps, that nobody can replace here.
    """
    computation = search.computation
    elsewhere = search.compute(computation.bars.with_columns(pl.col("time") + CALENDAR_REPEATS), "other times")
    if elsewhere is None or elsewhere.height != computation.whole.height:
        return
    for column in search.open:
        if _missing(elsewhere[column]) > _missing(computation.whole[column]):
            search.unaudited.append(column)
            search.note(f"{column} reads by its time what is not among the bars: that was not audited (see @external)")


def _missing(values: pl.Series) -> int:
    """How many values are none, or no number."""
    return values.null_count() + (int(values.is_nan().sum()) if values.dtype.is_float() else 0)


def _at_other_times(search: Search, bars: pl.DataFrame) -> list[pl.DataFrame]:
    """Tables of bars at times never asked for: of these values, of others, of these again."""
    another = noise(bars, search.rng)
    shifted = (
        values.with_columns(pl.col("time") + number * CALENDAR_REPEATS)
        for number, values in enumerate((bars, another, bars), start=1)
    )
    tables = [search.compute(values, "other times") for values in shifted]
    return [table for table in tables if table is not None]


def _remembered(column: str, elsewhere: list[pl.DataFrame]) -> bool:
    """Whether a column that stands still at known times depends on values at new ones: it remembers the old ones.

    What depends on times alone is the same for each of the tables, or different for each.
    """
    if len(elsewhere) < 3:
        return False
    first, second, third = (table[column] for table in elsewhere)
    return first.equals(third) and not first.equals(second)


def _cuts(search: Search, count: int, *, cut: bool) -> None:
    """Perturbation, or cut off, everything behind each of some bars."""
    computation = search.computation
    perturbations = [Perturbed.of(computation.bars, kind, search.rng) for kind in PERTURBATIONS]
    for place in cut_points(computation, count, search.rng):
        for perturbed in perturbations:
            if not search.open:
                return
            _behind(search, perturbed, place)
        if cut:
            _cut_off(search, place)


def _one_by_one(search: Search, columns: list[str], count: int) -> None:
    """Perturbation everything behind each bar, or behind `count` of them: for columns that no comb can look at."""
    computation, last = search.computation, len(search.computation.times) - 1
    places = list(range(last)) if last <= count else sorted(search.rng.choice(last, count, replace=False).tolist())
    if columns and 0 < count < last:
        search.note(f"{', '.join(columns)}: tried {count:,} of {last:,} bars as the last one")
    perturbed = Perturbed.of(computation.bars, "noise", search.rng)
    for place in places:
        if not any(name in search.open for name in columns):
            return
        _behind(search, perturbed, place)


def _behind(search: Search, perturbed: Perturbed, place: int) -> None:
    """Perturb everything after a bar; what moves up to it is computed twice more, because rounding may vary."""
    last = len(search.computation.times) - 1
    moved = rows_moved(search, perturbed, place + 1, last, until=place)
    again = [rows_moved(search, perturbed, place + 1, last, until=place) for _ in range(2)] if moved else []
    for column, rows in moved.items():
        if all(column in table for table in again):
            search.accuse(column, search.ahead, of_perturbation(search, column, rows, place, perturbed))
        else:
            search.mark_unstable(column)


def _cut_off(search: Search, place: int) -> None:
    """Take away everything behind a bar; sums over another number of bars may round otherwise."""
    moved = rows_cut(search, place, until=place, allowed=0.0)
    beyond = rows_cut(search, place, until=place) if moved else {}
    for column in moved:
        if column in beyond:
            search.accuse(column, search.ahead, of_cut(search, column, beyond[column], place))
        else:
            search.note(f"the last digits of {column} change with the number of later bars: rounding, no leak")
