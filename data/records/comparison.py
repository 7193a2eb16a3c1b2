"""What was found between runs: the paired tests of their models on common rows, as `comparison.json` holds them."""

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
"""What is found of a model beside another: `no difference` is shown; both say the same; or nothing can be tested."""

Group = Literal["question", "best", "other"]
"""Pairs of one model that a run was made for, of the best such models under two names, and of one other model."""

Audited = Literal["passed", "leak", "not audited"]


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run as it was compared; `name` is its folder's, with as much of the path as tells it from the others.

    `settings`, `bars` and `manifest` are SHA-256, `source` is where the bars came from. It has `forecasts` of each
    model, of which `left_out` are of rows that another run has not, between `first` and `last` (UTC, ISO 8601).
    `verdict` is its own, with `status` and `configurations` from it; `audited` and `depth` are of its audit.
    """

    name: str
    settings: str
    bars: str
    manifest: str
    source: str
    symbols: tuple[str, ...]
    forecasts: int
    left_out: int
    folds: int
    first: str
    last: str
    status: Status
    verdict: Verdict
    configurations: int
    audited: Audited
    depth: Depth | None

    @property
    def identity(self) -> tuple[str, str, str]:
        """What the same run made again has in common with it."""
        return self.name, self.settings, self.bars


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting in which the runs differ, by its dotted name, with the value of each run; empty where it has none."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contestant:
    """How one model of one run did on the common rows; `run` is None for zero and naive, which all runs share.

    Contestants with the same number `alike` made the same forecasts, but for the last digits. `skill` against zero with
    its 95 % interval is None where it is undefined; `status` is what its own run found, None for a model that no run
    was made for; `in_set` and `set_p` are those of the Model Confidence Set.
    """

    model: str
    run: str | None
    alike: int
    mse: float
    mae: float
    skill: float | None
    skill_low: float | None
    skill_high: float | None
    status: Status | None
    in_set: bool | None
    set_p: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """One model against another on the common rows; numbers are None where they are undefined, `note` says why.

    `difference` is mean squared error of the first less that of the second, as a share of zero's, with its 95 %
    interval: below 0 the first is better. `p_value` is that of Diebold and Mariano's test, two-sided, `p_absolute` the
    same for absolute errors. `picked_from` counts the pairs among which this one was picked, after looking;
    `p_adjusted` allows for that and for all other pairs.
    """

    model: str
    run: str
    other_model: str
    other_run: str
    group: Group
    picked_from: int
    finding: Finding
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_adjusted: float | None
    p_absolute: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `comparison.json` holds.

    `rows` forecasts at `times` different times are common to all runs, from `first` to `last` (UTC, ISO 8601),
    `horizon` bars of `interval_seconds` ahead. `family` counts the p-values of different forecasts that are adjusted
    together, at level `alpha`. `set_note` says how the confidence set was drawn, or why there is none; `paths` is the
    SHA-256 of the table of that name.
    """

    version: str
    horizon: int
    interval_seconds: float
    symbols: tuple[str, ...]
    rows: int
    times: int
    first: str
    last: str
    alpha: float
    family: int
    set_note: str
    paths: str
    runs: tuple[ComparedRun, ...]
    settings: tuple[Setting, ...]
    contestants: tuple[Contestant, ...]
    pairs: tuple[Pair, ...]

    def to_json(self) -> str:
        """The comparison as JSON text, the same for the same comparison to the byte."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; raises RunError for anything else."""
        return from_json(cls, text, name=COMPARISON, remedy="compare the runs again")
