"""How much is measured, in full and quickly, and the one way from a plan to its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path

from tests.calibration.findings import Cell, Findings, Planted, Rate
from tests.calibration.sizes import SIZES, SKILLS, count_covered, count_rejections
from tests.calibration.store import STATISTICS, WALKS, Measurement, Results, measure_all
from tests.calibration.walks import SIGNALS, judge_noise, judge_planted
from tests.calibration.worlds import KINDS

DRAWS, WORLDS = 250, 10
"""At most so many samples, and worlds of a walk, are measured together."""

FIRST_PLANTED = 1_000_000
"""Seed of the first world with a signal: it is none of the worlds without one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Draws for each size and coverage, forecasts in each, worlds of each walk without a signal and of each signal."""

    draws: int
    horizons: tuple[int, ...]
    lengths: tuple[int, ...]
    noise: Mapping[str, int]
    signals: Mapping[str, tuple[float, ...]]
    planted: int

    @property
    def cells(self) -> list[Cell]:
        """All worlds at all horizons with all numbers of forecasts."""
        return list(product(KINDS, self.horizons, self.lengths))


FULL = Plan(
    draws=2000,
    horizons=(1, 5, 24),
    lengths=(120, 1000, 8760),
    noise={"ridge and AR": 500, "ridge and AR, 5 bars ahead": 500, "LSTM": 100},
    signals=SIGNALS,
    planted=300,
)
QUICK = Plan(
    draws=500,
    horizons=(1, 5, 24),
    lengths=(120, 1000),
    noise={"ridge and AR": 100, "LSTM": 20},
    signals={"2,000 forecasts": (0.04, 0.06), "10,000 forecasts": (0.009, 0.013)},
    planted=60,
)


def carry_out(plan: Plan, folder: Path, jobs: int, tell: Callable[[int, int], None]) -> Findings:
    """Measure all that `plan` asks for; `folder` keeps the results, `tell` hears how many of how many are there."""
    found = measure_all(list(_measurements(plan)), folder, jobs, tell)
    return Findings(
        sizes=_sizes(found[count_rejections], plan),
        coverage=_coverage(found[count_covered], plan),
        noise={name: list(chain(*blocks)) for (name,), blocks in found[judge_noise].items()},
        planted=_planted(found[judge_planted], plan),
    )


def _measurements(plan: Plan) -> Iterator[Measurement]:
    """The longest first, so that no process ends alone."""
    for name, worlds in plan.noise.items():
        for size, first in parts(worlds, WORLDS):
            yield Measurement(judge_noise, (name,), (size, first), WALKS)
    for name, signals in plan.signals.items():
        for signal, (size, first) in product(signals, parts(plan.planted, WORLDS)):
            yield Measurement(judge_planted, (name, signal), (size, FIRST_PLANTED + first), WALKS)
    for n, horizon, kind in product(plan.lengths[::-1], plan.horizons, KINDS):
        cell = (kind, horizon, n)
        for part in parts(plan.draws, DRAWS):
            yield Measurement(count_rejections, cell, part, STATISTICS)
            for skill in SKILLS:
                yield Measurement(count_covered, (*cell, skill), part, STATISTICS)


def parts(total: int, largest: int) -> list[tuple[int, int]]:
    """Sizes and beginnings of the parts in which so much is measured: together all of it."""
    return [(min(largest, total - first), first) for first in range(0, total, largest)]


def _planted(results: Results, plan: Plan) -> dict[str, dict[float, Planted]]:
    """Worlds with a signal, by walk and signal."""
    return {
        name: {signal: Planted(*zip(*chain(*results[name, signal]), strict=True)) for signal in signals}
        for name, signals in plan.signals.items()
    }


def _sizes(results: Results, plan: Plan) -> dict[str, dict[Cell, Rate]]:
    """Rates of rejection by test and cell."""
    found: dict[str, dict[Cell, Rate]] = {test: {} for test in SIZES}
    for test, cell in product(found, plan.cells):
        rejected, undefined = (sum(block[test][place] for block in results[cell]) for place in (0, 1))
        found[test][cell] = Rate(rejected, plan.draws, undefined)
    return found


def _coverage(results: Results, plan: Plan) -> dict[float, dict[Cell, Rate]]:
    """Rates of coverage by true skill and cell, of the intervals that are defined."""
    found: dict[float, dict[Cell, Rate]] = {skill: {} for skill in SKILLS}
    for skill, cell in product(SKILLS, plan.cells):
        covered, undefined = (sum(block[place] for block in results[*cell, skill]) for place in (0, 1))
        found[skill][cell] = Rate(covered, plan.draws - undefined, undefined)
    return found
