"""Level 3, external series: no value is stamped before what it is about, and none is read before it was published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from backtest.audit.cuts import cut_points
from backtest.audit.kinds import STAMPED_EARLY, UNPUBLISHED
from backtest.audit.poison import mix, noise
from backtest.audit.probe import Probe
from backtest.audit.rebuild import Series
from backtest.audit.search import Search
from backtest.audit.witness import first_place, stamp
from data.audit import Leak, Witness
from reports.formats import counted


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
    found = Search.of(reading.probe, seed)
    poisoned = {name: noise(frame, found.rng) for name, frame in reading.series.items()}
    for place in cut_points(reading.probe, count, found.rng) if reading.series else ():
        for name, changed in poisoned.items():
            for column, rows in _moved(found, reading, (name, changed), place).items():
                if column in found.open:
                    witness = _witness(found, reading, (name, changed), place, column, rows)
                    found.found(column, UNPUBLISHED, witness, name=name)
    return found


def _moved(
    found: Search, reading: Reading, poison: tuple[str, pl.DataFrame], place: int, until: datetime | None = None
) -> dict[str, pl.DataFrame]:
    """Rows up to a place that move when what was published after its close, and up to an instant, is replaced."""
    (name, changed), close = poison, reading.probe.times[place] + reading.interval
    frame = reading.series[name]
    late = frame["known_at"] > close
    where = late if until is None else late & (frame["known_at"] <= until)
    found.tried += 1
    table = reading.compute({**reading.series, name: mix(frame, changed, where)})
    return found.moved(table, found.probe.times[place])


def _witness(
    found: Search, reading: Reading, poison: tuple[str, pl.DataFrame], place: int, column: str, rows: pl.DataFrame
) -> Witness:
    """The latest row that moves, and when the first value that it reads too early was published."""
    published = reading.series[poison[0]]["known_at"]
    later = published.filter(published > reading.probe.times[place] + reading.interval).unique().sort()
    first = first_place(0, len(later) - 1, lambda one: column in _moved(found, reading, poison, place, later[one]))
    row = rows.sort("time").row(-1, named=True)
    return Witness(column, str(row.get("symbol", "")), stamp(row["time"]), stamp(later[first]), None, "noise")
