"""The page's first lines: every promise, what was measured, and whether it is kept, all by rule from the numbers."""

from __future__ import annotations

from collections.abc import Iterator

from scipy.stats import binom

from backtest.reports.formats import decimal, listed, percent
from tests.calibration.findings import ALARMS, COVERAGE, LEVEL, POWER, Findings, Rate, alarms, crossing
from tests.calibration.sizes import VERDICTS_TEST
from tests.calibration.tables import named, share, table, with_interval

BY_CHANCE = 0.0455
"""How often a right rate lies outside of two Monte-Carlo errors."""

MOST = 4
"""So many cells that are off are named, the others counted."""

Promise = tuple[str, str, bool]


def in_short(findings: Findings) -> str:
    """The table of promises."""
    promises = [_size(findings), *_noise(findings), *_power(findings), _coverage(findings)]
    rows = [[promise, measured, "yes" if kept else "**no**"] for promise, measured, kept in promises]
    return table(["Promise", "Measured", "Kept"], rows, words=3)


def _size(findings: Findings) -> Promise:
    """Whether no more sizes of the verdict's test are off than chance has it."""
    cells = findings.sizes[VERDICTS_TEST]
    off = [f"{share(rate)} % ({named(cell)})" for cell, rate in cells.items() if rate.off(LEVEL)]
    kept = len(off) <= binom.ppf(0.975, len(cells), BY_CHANCE)
    low, high = (decimal(100 * pick(rate.share for rate in cells.values()), 1) for pick in (min, max))
    measured = f"{low} to {high} %; {len(cells) - len(off)} of {len(cells)} cells within Monte-Carlo error"
    if off:
        measured += f", off are {listed(off, MOST)}"
    return "The verdict's test rejects 5 % of true null hypotheses", measured, kept


def _noise(findings: Findings) -> Iterator[Promise]:
    """Whether verdicts without a signal say "better" no more often than promised."""
    for walk, worlds in findings.noise.items():
        found = alarms(worlds)
        rate = found.get("any", next(iter(found.values()))).get("better", Rate(0, len(worlds)))
        measured = f"{with_interval(rate)} % of {rate.total} worlds"
        yield f'Without a signal at most 5 % of verdicts say "better": {walk}', measured, rate.off(ALARMS) < 1


def _power(findings: Findings) -> Iterator[Promise]:
    """Whether a skill of the size that reports call detectable is found as often as promised."""
    for walk, planted in findings.planted.items():
        promise = f'A skill of the size that reports call detectable is "better" in 80 %: {walk}'
        found = crossing(planted)
        if found is None:
            yield promise, "not reached by any signal that was planted", False
            continue
        better, error = decimal(100 * found.share, 1), decimal(200 * found.error, 1)
        measured = f"{better} ± {error} % at a skill of {percent(found.skill)}"
        yield promise, measured, abs(found.share - POWER) <= 2 * found.error


def _coverage(findings: Findings) -> Promise:
    """Whether every rate of coverage lies where it should."""
    cells = [(skill, cell, rate) for skill, rates in findings.coverage.items() for cell, rate in rates.items()]
    low, high = COVERAGE
    off = [
        f"{share(rate)} % ({named(cell)}, skill {percent(skill, 0)})"
        for skill, cell, rate in cells
        if not low <= rate.share <= high
    ]
    extremes = [decimal(100 * pick(rate.share for _, _, rate in cells), 1) for pick in (min, max)]
    measured = f"{extremes[0]} to {extremes[1]} %; {len(cells) - len(off)} of {len(cells)} cells inside"
    if off:
        measured += f", outside are {listed(off, MOST)}"
    return "95 % intervals of the skill hold the true one in 93 to 97 %", measured, not off
