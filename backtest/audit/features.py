"""Level 1: no feature reads a later bar. What comes after a bar is replaced or removed; nothing before it may move.

Two searches complement each other. *Cuts* perturb everything after one bar: they find any read, however far ahead, and
are made where something odd happens and at random. A *grid* perturbs one bar in every period, all along the series, so
that every bar is tried; it needs a short look-back. Other features are tried bar by bar, as far as effort allows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from backtest.audit.counterexample import Search, from_cut, from_perturbation, latest
from backtest.audit.lookback import Lookback
from backtest.audit.perturbations import PERTURBATIONS, Grid, Perturbed, cut_points, noise
from backtest.audit.recompute import ROUNDING, Computation
from backtest.data.records.audit import Note, Perturbation

CALENDAR_REPEATS = pl.duration(days=146_097)
"""Four hundred years, after which the calendar is the same again, weekdays too."""

REMOVED = 17
"""Bars removed from the end of a series, to tell a calendar from a cache."""

LONGEST, SHORTEST = 400, 16
"""Bars from one grid point to the next; a longer period would take too long."""

DOUBTS = 5
"""Grid points that are checked one by one before the grid is given up for a column."""

GRID_KINDS: tuple[Perturbation, ...] = ("tiny", "huge")
"""Used one after the other: huge values leave rounding in Polars' moving sums for ever, tiny ones do not."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How thorough to be: cut points, offsets of the grid, and bars tried one by one where no grid can be used."""

    cuts: int
    grids: int
    bars: int = 0


def check_features(
    computation: Computation, lookbacks: Mapping[str, Lookback], effort: Effort, seed: int = 0
) -> Search:
    """Find features that read later bars; the grid is used for those with a look-back and no tolerance."""
    search = Search.of(computation, seed)
    _check_repeat(search)
    _check_other_bars(search)
    _check_other_data(search)
    _check_cuts(search, effort.cuts, remove=True)
    exact = {name: lookback.bars for name, lookback in lookbacks.items() if not lookback.tolerance}
    tried = _check_grid(search, exact, effort.grids)
    _check_each_bar(search, [name for name in search.open if name not in tried], effort.bars)
    return search


def check_walk(computation: Computation, cuts: int, seed: int = 0) -> Search:
    """Find forecasts of a whole walk that move with later bars.

    Those are replaced but never removed, because a walk may count its folds from the end.
    """
    search = Search.of(computation, seed, kind="forecast")
    _check_repeat(search)
    for column in _unmoved(search, noise(computation.bars, search.rng)):
        if computation.whole.schema[column].is_float():
            search.add_leak(column, "ignores_bars")
    _check_cuts(search, cuts, remove=False)
    return search


def _check_repeat(search: Search) -> None:
    """Compute from the same bars again: without the same bits there is nothing to compare with."""
    again, last = search.compute(search.computation.bars, "same_bars"), search.computation.times[-1]
    beyond = search.moved(again, last, allowed=ROUNDING)
    for column in list(search.open) if again is None else search.moved(again, last):
        if again is None or column in beyond:
            search.add_leak(column, "nondeterministic")
        else:
            search.mark_unstable(column)


def _unmoved(search: Search, other: pl.DataFrame) -> list[str]:
    """Columns that vary, and yet are the same for other bars."""
    computation = search.computation
    table = search.compute(other, "other_bars")
    if table is None:
        return []
    moved = search.moved(table, computation.times[-1])
    return [name for name in search.open if name not in moved and computation.whole[name].drop_nulls().n_unique() > 1]


def _check_other_bars(search: Search) -> None:
    """Compute from other bars: what does not move is a function of the times, or ignores its bars."""
    computation = search.computation
    other = noise(computation.bars, search.rng)
    unmoved = _unmoved(search, other)
    if not unmoved:
        return
    end = computation.times[max(0, computation.last - REMOVED)]
    early = search.compute(other.filter(pl.col("time") <= end), "earlier_end")
    elsewhere = _at_other_times(search, other)
    for column in unmoved:
        # a function of times alone is the same up to there; a cache by length or by last time is not
        of_times = early is not None and not (early["time"] > end).any() and computation.agrees(column, early)
        if not of_times or _is_cached(column, elsewhere):
            search.add_leak(column, "ignores_bars")


def _at_other_times(search: Search, bars: pl.DataFrame) -> list[pl.DataFrame]:
    """Tables of bars at times never used before: with these values, with others, and with these again."""
    another = noise(bars, search.rng)
    shifted = (
        values.with_columns(pl.col("time") + number * CALENDAR_REPEATS)
        for number, values in enumerate((bars, another, bars), start=1)
    )
    tables = [search.compute(values, "other_times") for values in shifted]
    return [table for table in tables if table is not None]


def _is_cached(column: str, elsewhere: list[pl.DataFrame]) -> bool:
    """Whether a column that does not move at known times depends on values at new times: it caches the old ones.

    A function of times alone is the same in each of the tables, or different in each.
    """
    if len(elsewhere) < 3:
        return False
    first, second, third = (table[column] for table in elsewhere)
    return first.equals(third) and not first.equals(second)


def _check_other_data(search: Search) -> None:
    """Compute from the same bars at other times of the same calendar, and note what then loses its values.

    It reads something by time, such as a file, that cannot be replaced here. A declared series is no such thing: it has
    a level of its own.
    """
    computation = search.computation
    elsewhere = search.compute(computation.bars.with_columns(pl.col("time") + CALENDAR_REPEATS), "other_times")
    if elsewhere is None or elsewhere.height != computation.whole.height:
        return
    for column in [name for name in search.open if name not in computation.outside]:
        if _count_missing(elsewhere[column]) > _count_missing(computation.whole[column]):
            search.unaudited.append(column)
            search.note(Note("reads_other_data", names=(column,)))


def _count_missing(values: pl.Series) -> int:
    """How many values are null or NaN."""
    return values.null_count() + (int(values.is_nan().sum()) if values.dtype.is_float() else 0)


def _check_cuts(search: Search, count: int, *, remove: bool) -> None:
    """Perturb everything after each of some bars, and remove it too if `remove`."""
    computation = search.computation
    every = [Perturbed.of(computation.bars, kind, search.rng) for kind in PERTURBATIONS]
    for place in cut_points(computation, count, search.rng):
        for perturbed in every:
            if not search.open:
                return
            _check_after(search, perturbed, place)
        if remove:
            _check_removed(search, place)


def _check_after(search: Search, perturbed: Perturbed, place: int) -> None:
    """Perturb everything after a bar; what moves up to it is computed twice more, because rounding may vary."""
    last = search.computation.last
    moved = search.rows_moved(perturbed, place + 1, last, until=place)
    again = [search.rows_moved(perturbed, place + 1, last, until=place) for _ in range(2)] if moved else []
    for column, rows in moved.items():
        if all(column in table for table in again):
            search.add_read(column, from_perturbation(search, column, rows, place, perturbed))
        else:
            search.mark_unstable(column)


def _check_removed(search: Search, place: int) -> None:
    """Remove everything after a bar; sums over another number of bars may round differently."""
    moved = search.rows_cut(place, until=place, allowed=0.0)
    beyond = search.rows_cut(place, until=place) if moved else {}
    for column in moved:
        if column in beyond:
            search.add_read(column, from_cut(search, column, beyond[column], place))
        else:
            search.note(Note("rounding", names=(column,)))


def _check_grid(search: Search, lookbacks: Mapping[str, int], count: int) -> set[str]:
    """Perturb the bars of grids, `count` offsets at most for each look-back; return the columns that were checked.

    A column must not move between the end of the look-back after a grid point and the next grid point. Where it does,
    the next point is perturbed alone, so that a column that remembers more than it declares is not taken for a leak.
    """
    tried: set[str] = set()
    for kind in GRID_KINDS:
        perturbed = Perturbed.of(search.computation.bars, kind, search.rng)
        doubts: Counter[str] = Counter()
        for lookback in sorted({lookbacks[name] for name in search.open if name in lookbacks}):
            period = max(2 * (lookback + 1), SHORTEST)
            offsets = search.rng.permutation(period)[:count].tolist() if period <= LONGEST else []
            for offset in sorted(offsets):
                columns = [name for name in search.open if lookbacks.get(name) == lookback and doubts[name] < DOUBTS]
                if columns:
                    doubts.update(_check_one_grid(search, Grid(offset, period, lookback), perturbed, columns))
                    tried.update(columns)
        tried -= {name for name, times in doubts.items() if times >= DOUBTS}
    return tried


def _check_one_grid(search: Search, grid: Grid, perturbed: Perturbed, columns: list[str]) -> Iterator[str]:
    """Perturb the bars of one grid, and one bar alone for each column that moves; yield columns that then do not."""
    computation = search.computation
    table = search.compute(perturbed.where(grid.at(computation.place)), "grid")
    for column, point in _moved_off_grid(computation, table, columns, grid) if table is not None else ():
        rows = search.rows_moved(perturbed, point, point, until=point - 1).get(column)
        if rows is None:
            yield column
        else:
            search.add_read(column, latest(computation, column, rows, point, perturbed.kind))


def _moved_off_grid(
    computation: Computation, table: pl.DataFrame, columns: list[str], grid: Grid
) -> Iterator[tuple[str, int]]:
    """Columns that moved between grid points, each with the point that follows its nearest moved row."""
    places = computation.times.search_sorted(computation.whole["time"]).cast(pl.Int64)
    rows = computation.whole.filter(grid.unaffected(places, computation.last))
    for column, moved in computation.differing(rows, table, dict.fromkeys(columns, ROUNDING)).items():
        places = computation.times.search_sorted(moved["time"]).cast(pl.Int64)
        gaps = pl.Series([grid.next_after(place) - place for place in places])
        yield column, grid.next_after(places[int(gaps.arg_min() or 0)])


def _check_each_bar(search: Search, columns: list[str], count: int) -> None:
    """Perturb everything after each bar, or after `count` of them, for columns that no grid can check."""
    last = search.computation.last
    places = list(range(last)) if last <= count else sorted(search.rng.choice(last, count, replace=False).tolist())
    if columns and 0 < count < last:
        search.note(Note("sampled_bars", names=tuple(columns), numbers={"bars": count, "total": last}))
    perturbed = Perturbed.of(search.computation.bars, "noise", search.rng)
    for place in places:
        if not any(name in search.open for name in columns):
            return
        _check_after(search, perturbed, place)
