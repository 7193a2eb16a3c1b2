"""Level 1: no feature reads a later bar. What lies behind a bar is replaced or cut off; nothing before may move.

Two searches complement each other. *Cuts* poison everything behind one bar, whatever the feature remembers: they find
any read, however far ahead, and are made where something odd happens and by lot. A *comb* (`comb.py`) tries every bar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from backtest.audit.comb import comb
from backtest.audit.cuts import cut_points
from backtest.audit.kinds import BY_LOT, FORESEES, STALE
from backtest.audit.poison import POISONS, mix, noise
from backtest.audit.probe import ROUNDING, Probe
from backtest.audit.search import Search
from backtest.audit.witness import of_cut, of_poison, rows_cut

LATE = 17
"""Bars by which a series starts later, to tell a calendar from a cache; prime to days and weeks."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How thorough to be: bars behind which everything is poisoned, and offsets of the comb."""

    cuts: int
    combs: int


def read_ahead(probe: Probe, lookbacks: Mapping[str, int], effort: Effort, seed: int = 0) -> Search:
    """Look for features that read later bars; `lookbacks` are those of features that forget everything older."""
    found = Search.of(probe, seed)
    _repeat(found)
    _stale(found)
    _cuts(found, effort.cuts, cut=True)
    comb(found, lookbacks, effort.combs)
    return found


def foresee(probe: Probe, cuts: int, seed: int = 0) -> Search:
    """Look for forecasts of a whole walk that move with later bars.

    Those are replaced but never taken away: a walk may count its folds from the end.
    """
    found = replace(Search.of(probe, seed), noun="forecast", ahead=FORESEES)
    _repeat(found)
    _stale(found)
    _cuts(found, cuts, cut=False)
    return found


def _repeat(found: Search) -> None:
    """Compute from the same bars again: without the same bits there is nothing to compare with."""
    again, last = found.compute(found.probe.bars, "the same bars again"), found.probe.times[-1]
    if again is None:
        return
    beyond = found.probe.moved(again, last, allowed=ROUNDING)
    for column in found.probe.moved(again, last):
        if column in beyond:
            found.found(column, BY_LOT)
        else:
            found.restless.add(column)
            found.note(f"the last digits of {column} differ each time it is computed: rounding, no leak")


def _stale(found: Search) -> None:
    """Compute from quite other bars: what does not move is a function of the times, or not of these bars at all."""
    probe = found.probe
    other = noise(probe.bars, found.rng)
    table = found.compute(other, "other values everywhere")
    if table is None:
        return
    moved = probe.moved(table, probe.times[-1])
    still = [name for name in found.open if name not in moved and probe.whole[name].drop_nulls().n_unique() > 1]
    if not still:
        return
    late = found.compute(other.filter(probe.place >= LATE), "a later start")
    for column in still:
        # what counts bars from the first one is the same place by place: that is for level 2
        if late is None or not (
            probe.agrees(column, late) or probe.whole[column].head(late.height).equals(late[column])
        ):
            found.found(column, STALE)


def _cuts(found: Search, count: int, *, cut: bool) -> None:
    """Poison, or cut off, everything behind each of some bars."""
    probe = found.probe
    poisoned = {kind: poison(probe.bars, found.rng) for kind, poison in POISONS.items()}
    for place in cut_points(probe, count, found.rng):
        for kind, bars in poisoned.items():
            if not found.open:
                return
            table = found.compute(mix(probe.bars, bars, probe.place > place), f"{kind} in later bars")
            moved = found.moved(table, probe.times[place]) if table is not None else {}
            for column in [name for name in moved if name in found.open]:
                found.found(column, found.ahead, of_poison(found, column, moved[column], place, (kind, bars)))
        if cut:
            _cut_off(found, place)


def _cut_off(found: Search, place: int) -> None:
    """Take away everything behind a bar; sums over another number of bars may round otherwise."""
    moved = rows_cut(found, place, place, allowed=0.0)
    beyond = rows_cut(found, place, place) if any(name in found.open for name in moved) else {}
    for column in [name for name in moved if name in found.open]:
        if column in beyond:
            found.found(column, found.ahead, of_cut(found, column, beyond[column], place))
        else:
            found.note(f"the last digits of {column} change with the number of later bars: rounding, no leak")
