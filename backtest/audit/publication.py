"""Level 3, external series: no value is stamped before what it is about, and none is read before it was published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from backtest.audit.counterexample import first_place, stamp
from backtest.audit.cut_points import cut_points
from backtest.audit.leak_types import STAMPED_EARLY, UNPUBLISHED
from backtest.audit.perturbations import Poisoned
from backtest.audit.rebuild import Series
from backtest.audit.recompute import ROUNDING, Probe
from backtest.audit.search import Search
from backtest.data.records.audit import Leak, Witness
from backtest.reports.formats import counted


@dataclass(frozen=True, slots=True)
class Reading:
    """What is computed from external series, the bars being the same; a bar is known an `interval` after its time."""

    probe: Probe
    series: Series
    compute: Callable[[Series], pl.DataFrame]
    interval: timedelta


def stamped_early(series: Series) -> Iterator[Leak]:
    """Leaks of series that say to have been known before the end of what they are about."""
    for name, frame in series.items():
        early = frame.filter(pl.col("known_at") < pl.col("time"))
        if early.height:
            row = early.row(0, named=True)
            said = f"known_at {stamp(row['known_at'])}"
            witness = Witness(f"{name}.known_at", str(row.get("symbol", "")), stamp(row["time"]), None, None, said)
            yield STAMPED_EARLY.leak(f"external series {name}", witness, count=counted(early.height, "value"))


def read_early(reading: Reading, count: int, seed: int = 0) -> Search:
    """Look for columns that move when values published after a bar's close are replaced by noise."""
    search = Search.of(reading.probe, seed)
    poisons = {name: Poisoned.of(frame, "noise", search.rng) for name, frame in reading.series.items()}
    for place in cut_points(reading.probe, count, search.rng) if poisons else ():
        for name, poisoned in poisons.items():
            for column, rows in _moved(search, reading, name, poisoned, place).items():
                witness = _witness(search, reading, name, poisoned, place, column, rows)
                search.accuse(column, UNPUBLISHED, witness, name=name)
    return search


def _moved(
    search: Search, reading: Reading, name: str, poisoned: Poisoned, place: int, until: datetime | None = None
) -> dict[str, pl.DataFrame]:
    """Rows up to a place that move when what was published after its close, up to an instant, is replaced or gone."""
    published, time = poisoned.bars["known_at"], reading.probe.times[place]
    late = published > time + reading.interval
    if until is not None:
        late &= published <= until
    moved: dict[str, pl.DataFrame] = {}
    for changed, what in ((poisoned.where(late), "noise in later"), (poisoned.bars.filter(~late), "nothing in later")):
        series = {**reading.series, name: changed}
        table = search.attempt(lambda series=series: reading.compute(series), f"{what} {name}")  # type: ignore[misc]
        moved = search.moved(table, time, allowed=ROUNDING) | moved
    return moved


def _witness(
    search: Search, reading: Reading, name: str, poisoned: Poisoned, place: int, column: str, rows: pl.DataFrame
) -> Witness:
    """The latest row that moves, and when the first value that it reads too early was published."""
    published = poisoned.bars["known_at"]
    later = published.filter(published > reading.probe.times[place] + reading.interval).unique().sort()
    first = first_place(
        0, len(later) - 1, lambda one: column in _moved(search, reading, name, poisoned, place, later[one])
    )
    row = rows.sort("time").row(-1, named=True)
    return Witness(column, str(row.get("symbol", "")), stamp(row["time"]), stamp(later[first]), None, "noise")
