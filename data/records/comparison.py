"""A comparison of runs, as `comparison.json` holds it: the runs, how their settings differ, their paired tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from backtest.data.json_io import from_json, to_json
from backtest.data.names import Status
from backtest.data.records.audit import Depth
from backtest.data.records.verdict import Verdict

COMPARISON = "comparison.json"
"""Name of the file, by which the folder of a comparison is known."""

Finding = Literal["better", "worse", "no difference", "the same", "undefined"]
"""Outcome of a pairwise test; `the same`: both forecast the same, `undefined`: nothing can be tested."""

Group = Literal["question", "best", "other"]
"""Pairs of one model that a run was made for, of the best such models under two names, and of one other model."""

Audited = Literal["passed", "leak", "not audited"]


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run as it was compared; `name` is its folder's, with enough of the path to be unique.

    `settings`, `bars` and `manifest` are SHA-256, `source` is where the bars came from. At each of its `horizons`, bars
    ahead, it has `forecasts` of each model, of which `left_out` are of rows that another run has not, between `first`
    and `last` (UTC, ISO 8601). `verdict` is its own; `audited` and `depth` are of its audit.
    """

    name: str
    settings: str
    bars: str
    manifest: str
    source: str
    symbols: tuple[str, ...]
    horizons: tuple[int, ...]
    forecasts: int
    left_out: int
    folds: int
    first: str
    last: str
    verdict: Verdict
    audited: Audited
    depth: Depth | None

    @property
    def status(self) -> Status:
        """That of its own verdict."""
        return self.verdict.status

    @property
    def identity(self) -> tuple[str, str, str]:
        """Fields that stay equal when the run is repeated."""
        return self.name, self.settings, self.bars


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting in which the runs differ, by its dotted name, with the value of each run; empty where it has none.

    `implied`: it only brings what another setting names, as `plugins` bring a feature, and is no difference of its own.
    """

    name: str
    values: tuple[str, ...]
    implied: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """One model against another on the common rows, `horizon` bars ahead; undefined numbers are None, `note` says why.

    `names` are what the two are called in the tables of the comparison, such as `cold:lstm`.
    `difference` is the mean loss of the first less that of the second, as a share of the rival's, with its 95 %
    interval: below 0 the first is better. `p_value` is that of Diebold and Mariano's test, two-sided, `p_other_loss`
    the same for the second loss of the question, such as absolute errors. `picked_from` counts the pairs among which
    this one was picked, after looking; `p_adjusted` allows for that and for all other pairs. `detectable` is the
    smallest difference, as a share of the rival's loss, that this test shows in 80 % of cases, adjusted as if no other
    pair differed.
    """

    model: str
    run: str
    other_model: str
    other_run: str
    horizon: int
    group: Group
    picked_from: int
    names: tuple[str, str]
    finding: Finding
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_adjusted: float | None
    p_other_loss: float | None
    note: str
    detectable: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `comparison.json` holds.

    `rows` forecasts at `times` different times are common to all runs, from `first` to `last` (UTC, ISO 8601), at each
    of the `horizons` that all runs have, bars of `interval_seconds` ahead. `family` counts the p-values of
    different forecasts that are adjusted together. `files` has the SHA-256 of each table and of the verdict beside it.
    """

    version: str
    horizons: tuple[int, ...]
    interval_seconds: float
    symbols: tuple[str, ...]
    rows: int
    times: int
    first: str
    last: str
    family: int
    files: dict[str, str]
    runs: tuple[ComparedRun, ...]
    settings: tuple[Setting, ...]
    pairs: tuple[Pair, ...]

    def to_json(self) -> str:
        """The comparison as JSON text, the same for the same comparison to the byte."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; raises RunError for anything else."""
        return from_json(cls, text, name=COMPARISON, remedy="compare the runs again")
