"""Level 3, external series: no value is stamped before what it is about, and none is read before it was published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from backtest.audit.counterexample import first_place, stamp
from backtest.audit.cut_points import cut_points
from backtest.audit.leak_types import STAMPED_EARLY, UNPUBLISHED
from backtest.audit.perturbations import Perturbed
from backtest.audit.rebuild import Series
from backtest.audit.recompute import ROUNDING, Computation
from backtest.audit.search import Search
from backtest.data.records.audit import Counterexample, Leak
from backtest.reports.formats import counted


@dataclass(frozen=True, slots=True)
class Reading:
    """What is computed from external series, the bars being the same; a bar is known an `interval` after its time."""

    computation: Computation
    series: Series
    compute: Callable[[Series], pl.DataFrame]
    interval: timedelta


def check_stamps(series: Series) -> Iterator[Leak]:
    """Leaks of series that say to have been known before the end of what they are about."""
    for name, frame in series.items():
        early = frame.filter(pl.col("known_at") < pl.col("time"))
        if early.height:
            row = early.row(0, named=True)
            said = f"known_at {stamp(row['known_at'])}"
            counterexample = Counterexample(
                f"{name}.known_at", str(row.get("symbol", "")), stamp(row["time"]), None, None, said
            )
            yield STAMPED_EARLY.leak(f"external series {name}", counterexample, count=counted(early.height, "value"))


def check_publication(reading: Reading, count: int, seed: int = 0) -> Search:
    """Look for columns that move when values published after a bar's close are replaced by noise."""
    search = Search.of(reading.computation, seed)
    perturbations = {name: Perturbed.of(frame, "noise", search.rng) for name, frame in reading.series.items()}
    for place in cut_points(reading.computation, count, search.rng) if perturbations else ():
        for name, perturbed in perturbations.items():
            for column, rows in _moved(search, reading, name, perturbed, place).items():
                counterexample = _counterexample(search, reading, name, perturbed, place, column, rows)
                search.accuse(column, UNPUBLISHED, counterexample, name=name)
    return search


def _moved(
    search: Search, reading: Reading, name: str, perturbed: Perturbed, place: int, until: datetime | None = None
) -> dict[str, pl.DataFrame]:
    """Rows up to a place that move when what was published after its close, up to an instant, is replaced or gone."""
    published, time = perturbed.bars["known_at"], reading.computation.times[place]
    late = published > time + reading.interval
    if until is not None:
        late &= published <= until
    moved: dict[str, pl.DataFrame] = {}
    for changed, what in (
        (perturbed.where(late), "noise in later"),
        (perturbed.bars.filter(~late), "nothing in later"),
    ):
        series = {**reading.series, name: changed}
        table = search.attempt(lambda series=series: reading.compute(series), f"{what} {name}")  # type: ignore[misc]
        moved = search.moved(table, time, allowed=ROUNDING) | moved
    return moved


def _counterexample(
    search: Search, reading: Reading, name: str, perturbed: Perturbed, place: int, column: str, rows: pl.DataFrame
) -> Counterexample:
    """The latest row that moves, and when the first value that it reads too early was published."""
    published = perturbed.bars["known_at"]
    later = published.filter(published > reading.computation.times[place] + reading.interval).unique().sort()
    first = first_place(
        0, len(later) - 1, lambda one: column in _moved(search, reading, name, perturbed, place, later[one])
    )
    row = rows.sort("time").row(-1, named=True)
    return Counterexample(column, str(row.get("symbol", "")), stamp(row["time"]), stamp(later[first]), None, "noise")
