"""Level 3: everything is used when it is known, and not before: bars, external series, labels, windows.

Labels are checked like features: those that claim to be known at an instant may not move when what becomes known later
is replaced. The windows and labels of each fit are traced through the walk's own code, see `window_tracer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.counterexample import Search, first_place, stamp
from backtest.audit.perturbations import Perturbed, cut_points, sample
from backtest.audit.recompute import ROUNDING, Computation, Series
from backtest.audit.window_tracer import trace_windows
from backtest.data.records.audit import Counterexample, Leak, Note, Subject, Trial
from backtest.data.target_columns import target_time


@dataclass(frozen=True, slots=True)
class Availability:
    """What is used before it is known; `features` are the leaking ones."""

    leaks: tuple[Leak, ...]
    notes: tuple[Note, ...]
    features: tuple[str, ...]


def check_availability(walk: AuditedWalk, computation: Computation, instants: int, seed: int = 0) -> Availability:
    """Check `known_at` of rows and series, and labels and windows of every fit, against when they are used."""
    reads = SeriesReads(computation, walk.external, lambda series: walk.table(computation.bars, series), walk.interval)
    early = check_publication(reads, instants, seed)
    whole = Computation(lambda bars: walk.features(bars, walk.external), walk.bars, walk.plan.features)
    late = Search.of(whole, seed)
    traced = [trace_windows(walk, task) for task in walk.tasks(walk.config.all_models[0])]
    leaks = [
        *check_closes(walk),
        *check_stamps(walk.external),
        *early.leaks.values(),
        *check_labels(walk, late, instants),
        *(leak for leaks in traced for leak in leaks or ()),
    ]
    notes = (Note("windows_not_traced"),) if None in traced else ()
    return Availability(tuple(leaks), (*early.notes, *late.notes, *notes), tuple(early.leaks))


def check_closes(walk: AuditedWalk) -> Iterator[Leak]:
    """A leak where rows claim to be known before their bar has closed."""
    close = pl.col("time") + walk.interval
    early = walk.features(walk.bars, walk.external).filter(pl.col("known_at") < close)
    if early.height:
        row = early.with_columns(close=close).row(0, named=True)
        time, known_at, limit = (stamp(row[name]) for name in ("time", "known_at", "close"))
        shown = Counterexample("known_at", row["symbol"], time, known_at=known_at, limit=limit)
        yield Leak("known_before_close", Subject("features"), shown, {"count": early.height})


def check_labels(walk: AuditedWalk, search: Search, instants: int) -> Iterator[Leak]:
    """A leak where a label moves with bars that close after the instant at which it claims to be known."""
    computation = search.computation
    features = computation.compute(computation.bars)
    labels = {name: features.with_columns(target_time(horizon)) for horizon, name in walk.targets.items()}
    labels[walk.targets[walk.config.target.longest]] = features
    perturbed = Perturbed.of(computation.bars, "noise", search.rng)
    for place in cut_points(computation, instants, search.rng):
        close = computation.times[place] + walk.interval
        table = search.compute(perturbed.where(computation.place > place), "noise")
        if table is None:
            continue
        for name, claims in labels.items():
            known = claims.filter(pl.col("target_time") <= close)
            moved = computation.differing(known, table, {name: 0.0})
            if moved:
                row = moved[name].sort("time").row(0, named=True)
                symbol, time = row["symbol"], row["time"]
                claimed = stamp(known.filter(symbol=symbol, time=time)["target_time"][0])
                shown = Counterexample(
                    name, symbol, stamp(time), perturbation="noise", known_at=claimed, limit=stamp(close)
                )
                yield Leak("label_known_early", Subject("labels"), shown)
                return


def check_stamps(series: Series) -> Iterator[Leak]:
    """Leaks of series with values that claim to be known before the end of the period that they cover."""
    for name, frame in series.items():
        early = frame.filter(pl.col("known_at") < pl.col("time"))
        if early.height:
            row = early.row(0, named=True)
            symbol, time = str(row.get("symbol", "")), stamp(row["time"])
            shown = Counterexample(f"{name}.known_at", symbol, time, known_at=stamp(row["known_at"]), limit=time)
            yield Leak("stamped_early", Subject("series", name), shown, {"count": early.height})


@dataclass(frozen=True, slots=True)
class SeriesReads:
    """A computation from external series, the bars being the same; a bar is known an `interval` after its time."""

    computation: Computation
    series: Series
    compute: Callable[[Series], pl.DataFrame]
    interval: timedelta


def check_publication(reads: SeriesReads, count: int, seed: int = 0) -> Search:
    """Find columns that move when values published after a bar's close are replaced by noise, or removed.

    Asked of `count` bars, and of some of each series that close last before a publication: a value that is read a
    little too early is read there alone.
    """
    search = Search.of(reads.computation, seed)
    every = {name: Perturbed.of(frame, "noise", search.rng) for name, frame in reads.series.items()}
    places = cut_points(reads.computation, count, search.rng) if every else []
    for frame in reads.series.values():
        places += sample(_before_publication(reads, frame), search.rng)
    for place in sorted({*places}):
        close = reads.computation.times[place] + reads.interval
        for name, perturbed in every.items():
            for column, rows in _moved(search, reads, name, perturbed, close).items():
                shown = _first_read(search, reads, name, perturbed, close, column, rows)
                search.add_leak(column, "read_before_publication", shown, names=(name,))
    return search


def _before_publication(reads: SeriesReads, series: pl.DataFrame) -> pl.Series:
    """Places of the bars that close last before something of a series was published."""
    closes, published = reads.computation.times + reads.interval, series["known_at"].unique()
    places = closes.search_sorted(published, side="left").cast(pl.Int64) - 1
    return places.filter(places.is_between(0, reads.computation.last - 1)).unique().sort()


def _moved(
    search: Search,
    reads: SeriesReads,
    name: str,
    perturbed: Perturbed,
    close: datetime,
    until: datetime | None = None,
) -> dict[str, pl.DataFrame]:
    """Rows known by a close that move when what was published after it, up to an instant, is replaced or removed."""
    late = perturbed.bars["known_at"] > close
    if until is not None:
        late &= perturbed.bars["known_at"] <= until
    moved: dict[str, pl.DataFrame] = {}
    trials: dict[Trial, pl.DataFrame] = {
        "series_noise": perturbed.where(late),
        "series_removed": perturbed.bars.filter(~late),
    }
    for trial, changed in trials.items():
        series = {**reads.series, name: changed}
        table = search.attempt(lambda series=series: reads.compute(series), trial, name)  # type: ignore[misc]
        moved = search.moved(table, close - reads.interval, allowed=ROUNDING) | moved
    return moved


def _first_read(
    search: Search,
    reads: SeriesReads,
    name: str,
    perturbed: Perturbed,
    close: datetime,
    column: str,
    rows: pl.DataFrame,
) -> Counterexample:
    """The latest row that moves, and when the first value that it reads too early was published."""
    published = perturbed.bars["known_at"]
    later = published.filter(published > close).unique().sort()
    first = first_place(
        0, len(later) - 1, lambda one: column in _moved(search, reads, name, perturbed, close, later[one])
    )
    row = rows.sort("time").row(-1, named=True)
    symbol = str(row.get("symbol", ""))
    return Counterexample(column, symbol, stamp(row["time"]), stamp(later[first]), perturbation="noise")
