"""The one typed result of a comparison, from its folder: checked, with every string fit to be shown."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backtest.data.errors import RunError
from backtest.data.json_io import parse_json
from backtest.data.names import Status
from backtest.data.records.comparison import COMPARISON, Comparison, Contestant, Pair
from backtest.data.records.reading import parse_record, printable_frame, printable_record
from backtest.data.result_tables import PATHS
from backtest.data.run_files import sha256
from backtest.data.schema import check

AGAIN = "compare the runs again"
STRETCHES = 10
"""Of equal length, in which it is seen who was ahead."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """How the difference of a pair came about: its values (n,) at times (n,), the last one being the difference.

    `changes` (STRETCHES,) is what each of equal stretches of time added to it: below 0 the first was ahead in it.
    """

    pair: Pair
    times: NDArray[np.datetime64]
    values: NDArray[np.float64]
    changes: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Standing:
    """One model on the common rows, of all `runs` in which it forecast the same; without any: those that all share."""

    model: str
    runs: tuple[str, ...]
    numbers: Contestant
    statuses: tuple[Status, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A comparison with the courses of its pairs, by the keys of `key_of`, and the standings of all models."""

    found: Comparison
    courses: dict[tuple[str, str, str, str], Course]
    standings: tuple[Standing, ...]

    @property
    def leading(self) -> tuple[Pair, ...]:
        """The pairs that the comparison is read for: of the models that the runs were made for, or without any all."""
        return tuple(pair for pair in self.found.pairs if pair.group != "other") or self.found.pairs

    @property
    def tested(self) -> tuple[Pair, ...]:
        """The pairs whose test is defined."""
        return tuple(pair for pair in self.found.pairs if pair.p_adjusted is not None)

    @property
    def leaky(self) -> tuple[str, ...]:
        """The runs in which a leak was found."""
        runs = self.found.runs
        return tuple(run.name for run in runs if run.audited == "leak" or run.status == "leak suspected")

    @property
    def same_bars(self) -> bool:
        """Whether all runs were fed with the same bars."""
        return len({run.bars for run in self.found.runs}) == 1


def key_of(pair: Pair) -> tuple[str, str, str, str]:
    """Return what a pair is known by."""
    return pair.model, pair.run, pair.other_model, pair.other_run


def read(folder: Path) -> Result:
    """Return the comparison in `folder`; RunError where there is none or it is damaged, WrongSchema for another one."""
    path = folder / COMPARISON
    if not path.is_file():
        raise RunError(f"{folder}: expected a comparison (found no {COMPARISON}): run `backtest compare RUN RUN`")
    found = parse_record(Comparison, parse_json(path.read_bytes(), name=str(path), remedy=AGAIN), path)
    content = (folder / PATHS.file).read_bytes() if (folder / PATHS.file).is_file() else b""
    if sha256(content) != found.paths:
        raise RunError(f"{folder / PATHS.file}: expected the file that {COMPARISON} tells of: {AGAIN}")
    return from_tables(found, pl.read_parquet(io.BytesIO(content)))


def from_tables(found: Comparison, paths: pl.DataFrame) -> Result:
    """Return a comparison from memory: what was found, and PATHS; WrongSchema if that is another table."""
    found, paths = printable_record(found), printable_frame(check(paths, PATHS))
    return Result(found, courses_of(found.pairs, paths), standings_of(found.contestants))


def courses_of(pairs: Sequence[Pair], paths: pl.DataFrame) -> dict[tuple[str, str, str, str], Course]:
    """Return the course of every pair that has one."""
    names = ["model", "run", "other_model", "other_run"]
    parts = paths.with_columns(pl.col("time").dt.replace_time_zone(None)).partition_by(names, as_dict=True)
    found = {key_of(pair): (pair, parts[key_of(pair)]) for pair in pairs if key_of(pair) in parts}
    return {
        key: course(pair, part["time"].to_numpy(), part["difference"].to_numpy()) for key, (pair, part) in found.items()
    }


def course(pair: Pair, times: NDArray[np.datetime64], values: NDArray[np.float64]) -> Course:
    """Return the course of one pair, sorted by time, with what each stretch added."""
    seconds = times.astype("datetime64[us]").astype(np.int64)
    borders = np.linspace(seconds[0], seconds[-1], STRETCHES + 1)[1:]
    heights = values[np.searchsorted(seconds, borders, side="right") - 1]
    return Course(pair, times, values, np.diff(heights, prepend=0.0))


def standings_of(contestants: Sequence[Contestant]) -> tuple[Standing, ...]:
    """Return contestants in their order, those of one model with the same forecasts as one."""
    alike: dict[tuple[str, int], list[Contestant]] = {}
    for one in contestants:
        alike.setdefault((one.model, one.alike), []).append(one)
    return tuple(
        Standing(
            own[0].model,
            tuple(sorted(one.run for one in own if one.run is not None)),
            own[0],
            tuple(dict.fromkeys(one.status for one in own if one.status)),
        )
        for own in alike.values()
    )
