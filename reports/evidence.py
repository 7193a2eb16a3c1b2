"""What the tables of tests, seeds, folds, spells and strategies say of the models, as types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data.names import Status
from data.verdict import Candidate

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairTest:
    """A test of one model against one baseline over all folds; no p-value: undefined, `note` says why."""

    test: str
    loss: str
    model: str
    baseline: str
    alternative: str
    statistic: float | None
    p_value: float | None
    p_adjusted: float | None
    asks: str | None
    note: str


@dataclass(frozen=True, slots=True)
class JointTest:
    """What a test of all models at once says of one of them, or of all where `model` is None."""

    test: str
    model: str | None
    p_value: float | None
    selected: bool | None
    asks: str
    note: str


@dataclass(frozen=True, slots=True)
class Seed:
    """One seed of a model alone; `status` is the verdict that it would have had."""

    model: str
    seed: int
    skill: float | None
    p_value: float | None
    status: Status | None


@dataclass(frozen=True, slots=True)
class Dropped:
    """The skill of a model over all folds but one."""

    model: str
    fold: int
    skill: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Spells:
    """Path of the fluctuation statistic: `times` (n,) are the windows' middles, `values` (n,); below 0: better."""

    model: str
    times: NDArray[np.datetime64]
    values: Floats
    band: float


@dataclass(frozen=True, slots=True)
class Strategy:
    """What trading on one model's forecasts would have earned; see STRATEGIES."""

    model: str
    n: int
    net_return: float
    gross_return: float
    volatility: float | None
    sharpe: float | None
    probabilistic: float | None
    track_record: float | None
    drawdown: float
    turnover: float
    break_even: float | None
    bars_per_year: float


class Row(Protocol):
    """A dataclass whose fields are columns of a table."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=Row)


def typed(kind: type[T], frame: pl.DataFrame) -> tuple[T, ...]:
    """Return the rows of a table as dataclasses; a column that may be absent gives None."""
    names = [field.name for field in fields(kind)]
    return tuple(kind(**{name: row.get(name) for name in names}) for row in frame.iter_rows(named=True))


def seeds_of(seeds: pl.DataFrame, candidates: Sequence[Candidate]) -> tuple[Seed, ...]:
    """Return the seeds of all models, each with its verdict where its model is a candidate."""
    verdicts = {candidate.model: candidate.seed_verdicts for candidate in candidates}
    found: list[Seed] = []
    for (model,), rows in seeds.partition_by("model", as_dict=True, maintain_order=True).items():
        statuses = [*verdicts.get(model, ()), *[None] * rows.height]
        found += [
            Seed(str(model), row["seed"], row["skill"], row["p_value"], status)
            for row, status in zip(rows.iter_rows(named=True), statuses, strict=False)
        ]
    return tuple(found)


def spells_of(fluctuation: pl.DataFrame) -> tuple[Spells, ...]:
    """Return the path of every model that has one."""
    paths = fluctuation.with_columns(pl.col("time").dt.replace_time_zone(None)).partition_by(
        "model", as_dict=True, maintain_order=True
    )
    return tuple(
        Spells(str(model), rows["time"].to_numpy(), rows["statistic"].to_numpy(), float(rows["band"][0]))
        for (model,), rows in paths.items()
    )
