"""Rows of the tables of tests, seeds, folds left out, spells, strategies, regimes and coverage, as types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backtest.data.errors import RunError
from backtest.data.names import Status
from backtest.data.records.verdict import Candidate
from backtest.data.summaries import empirical_coverage

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairTest:
    """A test of one model against one baseline over all folds; no p-value: undefined, `note` says why."""

    test: str
    title: str
    of_skill: bool
    loss: str
    model: str
    baseline: str
    alternative: str
    statistic: float | None
    p_value: float | None
    p_adjusted: float | None
    asks: str
    note: str


@dataclass(frozen=True, slots=True)
class JointTest:
    """What a test of all models at once says of one of them, or of all where `model` is None."""

    test: str
    title: str
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


@dataclass(frozen=True, slots=True)
class Regime:
    """How a model did in one part of a regime, such as Mondays; see REGIMES."""

    model: str
    regime: str
    part: str
    place: int
    n: int
    mse: float
    mse_zero: float
    skill: float | None
    skill_low: float | None
    skill_high: float | None
    p_value: float | None
    p_adjusted: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often the intervals of one level held what came in one fold, all symbols together; `fold` None: in all folds.

    `half_width` is the mean over the `n` forecasts that had an interval, in log return.
    """

    model: str
    fold: int | None
    level: float
    n: int
    covered: int
    half_width: float

    @property
    def share(self) -> float:
        """Share of the outcomes that lay within the intervals."""
        return self.covered / self.n


class Row(Protocol):
    """A dataclass whose fields are columns of a table."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=Row)


def typed(kind: type[T], frame: pl.DataFrame) -> tuple[T, ...]:
    """Return the rows of a table as dataclasses."""
    names = [field.name for field in fields(kind)]
    return tuple(kind(**row) for row in frame.select(names).iter_rows(named=True))


def seeds_of(seeds: pl.DataFrame, candidates: Sequence[Candidate]) -> tuple[Seed, ...]:
    """Return the seeds of all models in ascending order, each with its verdict where its model is a candidate.

    Raises RunError where a candidate has not one verdict for each of its seeds.
    """
    verdicts = {candidate.model: candidate.seed_verdicts for candidate in candidates}
    found: list[Seed] = []
    for (model,), rows in seeds.sort("seed").partition_by("model", as_dict=True, maintain_order=True).items():
        statuses = verdicts.get(str(model), [None] * rows.height)
        if len(statuses) != rows.height:
            raise RunError(
                f"verdict.json: expected a verdict on each of the {rows.height} seeds of {model} "
                f"(got {len(statuses)}): run `backtest run` again"
            )
        columns = zip(rows["seed"], rows["skill"], rows["p_value"], statuses, strict=True)
        found += [Seed(str(model), *row) for row in columns]
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


def coverages_of(coverage: pl.DataFrame) -> tuple[Coverage, ...]:
    """Return how often the intervals held, fold by fold and then over all folds."""
    pooled = empirical_coverage(coverage).with_columns(fold=pl.lit(None, pl.Int32))
    return *typed(Coverage, empirical_coverage(coverage, "fold")), *typed(Coverage, pooled)
