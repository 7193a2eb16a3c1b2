"""Which bars an audit takes for the last known one: those around anything odd, and others by lot."""

from __future__ import annotations

import numpy as np
import polars as pl

from backtest.audit.recompute import Computation

RARE = 0.05
"""Share of the steps from bar to bar below which one is odd, as a closure that nobody could check_walk is."""

PER_EVENT = 3
"""Bars of each kind of oddity; a leak that waits for one, as a backward fill does, shows nowhere else."""


def cut_points(computation: Computation, count: int, rng: np.random.Generator) -> list[int]:
    """Places of about `count` bars among `computation.times`, ascending: from the first value on, never the last."""
    first, last = int(computation.times.search_sorted(computation.whole["time"].sort()[0])), len(computation.times) - 1
    events = [place for kind in _events(computation, first) for place in _some(kind, rng)]
    at_random = rng.integers(first, max(last, first + 1), max(count - len(events), count // 2))
    return sorted({int(place) for place in (*events, *at_random) if first <= place < last})


def _events(computation: Computation, first: int) -> list[pl.Series]:
    """Places before or at something odd: a hole, a new day, no trade, no movement, a jump, a missing value."""
    times, place = computation.times, computation.place
    steps = times.diff().dt.total_seconds()
    odd = steps != steps.median(), times.dt.date() != times.dt.date().shift()
    kinds = [where.arg_true().cast(pl.Int64) - 1 for where in odd]
    bars = computation.bars
    lengths = steps.drop_nulls().value_counts().filter(pl.col("count") < RARE * len(times)).sort("count", steps.name)
    kinds += [(steps == length).arg_true().cast(pl.Int64) - 1 for length in lengths[steps.name].head(PER_EVENT)]
    incomplete = bars.select(pl.any_horizontal(pl.all().is_null())).to_series()
    kinds += [place.filter(incomplete), place.filter(incomplete) - 1]
    if "volume" in bars.columns:
        kinds += [place.filter(bars["volume"] == 0), place.filter(bars["volume"] == 0) - 1]
    if "close" in bars.columns:
        moves = bars["close"].pct_change().abs().fill_null(0).fill_nan(0)
        kinds += [place.filter(moves == 0), place.gather(moves.arg_sort(descending=True)[:PER_EVENT]) - 1]
    whole = computation.whole
    if whole.height == bars.height:
        missing = whole.select(pl.any_horizontal(pl.col(computation.columns).is_null())).to_series()
        kinds.append(place.filter(missing))
    ends = pl.Series([first, first + 1, len(times) // 2, len(times) - 3, len(times) - 2])
    return [*kinds, ends]


def _some(places: pl.Series, rng: np.random.Generator) -> list[int]:
    """At most a few of the places, the first among them."""
    if len(places) <= PER_EVENT:
        return [int(place) for place in places]
    chosen = rng.choice(len(places) - 1, PER_EVENT - 1, replace=False) + 1
    return [int(places[0]), *(int(places[int(one)]) for one in chosen)]
