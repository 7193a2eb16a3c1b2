"""What a calibration found: shares with their Monte-Carlo errors, and whether they keep what is promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import binomtest

from tests.calibration.worlds import generator

Cell = tuple[str, int, int]
"""A world, the horizon, and the number of forecasts."""

LEVEL, ALARMS, POWER, COVERAGE = 0.05, 0.05, 0.80, (0.93, 0.97)
"""What is promised: of the tests, of verdicts without a signal and with a detectable one, and of the intervals."""

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of `total` draws did what is counted, and for how many draws it was `undefined`."""

    hits: int
    total: int
    undefined: int = 0

    @property
    def measured(self) -> bool:
        """Whether it is defined for any draw."""
        return self.undefined < self.total

    @property
    def share(self) -> float:
        """The share of the draws."""
        return self.hits / self.total

    def error(self, share: float | None = None) -> float:
        """Monte-Carlo standard error, of the measured share or of the one that is promised."""
        of = self.share if share is None else share
        return float(np.sqrt(of * (1 - of) / self.total))

    def off(self, share: float) -> int:
        """-1 or 1 where the share lies below or above a promised one by more than two standard errors, else 0."""
        gap = self.share - share
        return int(np.sign(gap)) if self.measured and abs(gap) > 2 * self.error(share) else 0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share that so many draws leave (Wilson 1927)."""
        ends = binomtest(self.hits, self.total).proportion_ci(method="wilson")
        return float(ends.low), float(ends.high)


@dataclass(frozen=True, slots=True)
class Planted:
    """Worlds (m,) with a signal: skill, smallest detectable skill, and whether the verdict was "better"."""

    skill: tuple[float, ...]
    detectable: tuple[float, ...]
    better: tuple[bool, ...]

    @property
    def means(self) -> tuple[float, float, float]:
        """Mean skill, mean detectable skill, share of "better"."""
        return float(np.mean(self.skill)), float(np.mean(self.detectable)), float(np.mean(self.better))


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was measured.

    `sizes` by test and cell, `coverage` by true skill and cell, `noise` by walk: the statuses of its models in each
    world, `planted` by walk and by the signal's strength, ascending.
    """

    sizes: Mapping[str, Mapping[Cell, Rate]]
    coverage: Mapping[float, Mapping[Cell, Rate]]
    noise: Mapping[str, Sequence[Mapping[str, str]]]
    planted: Mapping[str, Mapping[float, Planted]]


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where the mean skill equals the mean detectable one: the share of "better" there and its standard error."""

    signal: float
    skill: float
    share: float
    error: float


def alarms(worlds: Sequence[Mapping[str, str]]) -> dict[str, dict[str, Rate]]:
    """Share of each status by model, and under "any" that of worlds in which any model has it."""
    counts = {model: Counter(world[model] for world in worlds) for model in worlds[0]}
    if len(counts) > 1:
        counts["any"] = Counter(status for world in worlds for status in set(world.values()))
    return {
        model: {status: Rate(number, len(worlds)) for status, number in count.items()}
        for model, count in counts.items()
    }


def crossing(planted: Mapping[float, Planted]) -> Crossing | None:
    """Interpolate between signals; None where they do not cross.

    The error is the standard deviation over RESAMPLES draws of the worlds with replacement.
    """
    return _crossing(tuple(planted.items()))


@cache
def _crossing(planted: tuple[tuple[float, Planted], ...]) -> Crossing | None:
    """The crossing of these signals and their worlds; a page asks for each twice."""
    signals, samples = zip(*planted, strict=True)
    found = _interpolate(signals, [worlds.means for worlds in samples])
    if found is None:
        return None
    tables = [np.column_stack([worlds.skill, worlds.detectable, worlds.better]) for worlds in samples]
    rng = generator("crossing")
    shares = []
    for _ in range(RESAMPLES):
        means = [rows[rng.integers(len(rows), size=len(rows))].mean(axis=0).tolist() for rows in tables]
        again = _interpolate(signals, means)
        if again is not None:
            shares.append(again[2])
    return Crossing(*found, float(np.std(shares)))


def _interpolate(signals: Sequence[float], means: Sequence[Sequence[float]]) -> tuple[float, float, float] | None:
    """Signal, skill and share of "better" at the first signal where the skill reaches the detectable one."""
    gaps = [skill - detectable for skill, detectable, _ in means]
    for left in range(len(gaps) - 1):
        if gaps[left] < 0 <= gaps[left + 1]:
            weight = gaps[left] / (gaps[left] - gaps[left + 1])
            pairs = zip(
                (signals[left], means[left][0], means[left][2]),
                (signals[left + 1], means[left + 1][0], means[left + 1][2]),
                strict=True,
            )
            signal, skill, share = (low + weight * (high - low) for low, high in pairs)
            return signal, skill, share
    return None
