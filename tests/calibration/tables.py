"""The tables of the page; the first says of every promise whether it is kept, by rule from the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from scipy.stats import binom

from backtest.reports.formats import decimal, listed, percent, whole
from tests.calibration.findings import ALARMS, COVERAGE, LEVEL, POWER, Cell, Findings, Planted, Rate, alarms, crossing
from tests.calibration.plan import Plan
from tests.calibration.sizes import VERDICTS_TEST
from tests.calibration.worlds import KINDS

ARROWS = {-1: " ↓", 0: "", 1: " ↑"}
STATUSES = ("better", "no evidence", "worse", "cannot tell")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """A table in Markdown, its first columns words and the others numbers."""
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def share(rate: Rate, digits: int = 1) -> str:
    """A share in per cent, without the sign."""
    return decimal(100 * rate.share, digits)


def with_interval(rate: Rate) -> str:
    """A share in per cent with its 95 % interval."""
    low, high = (decimal(100 * end, 1) for end in rate.interval)
    return f"{share(rate)} ({low} to {high})"


def size_cell(rate: Rate) -> str:
    """A rate of rejection; bold with an arrow where it is off."""
    off = rate.off(LEVEL)
    if not rate.measured:
        return "–"
    return f"**{share(rate)}**{ARROWS[off]}" if off else share(rate)


def coverage_cell(rate: Rate) -> str:
    """A rate of coverage; bold with an arrow where it is outside of what is promised."""
    low, high = COVERAGE
    off = -1 if rate.share < low else 1 if rate.share > high else 0
    return f"**{share(rate)}**{ARROWS[off]}" if off else share(rate)


def overview(findings: Findings) -> str:
    """A row for each test: how many sizes are right, and the extremes."""
    rows = []
    for test, every in findings.sizes.items():
        cells = {cell: rate for cell, rate in every.items() if rate.measured}
        right = sum(not rate.off(LEVEL) for rate in cells.values())
        ordered = sorted(cells, key=lambda cell: cells[cell].share)
        extremes = [f"{share(cells[cell])} ({named(cell)})" for cell in (ordered[0], ordered[-1])]
        rows.append([test, f"{right} of {len(cells)}", *extremes])
    return table(["Test", "Within error", "Lowest, %", "Highest, %"], rows)


def of_world(kind: str, findings: Findings, plan: Plan) -> str:
    """Rates of rejection of all tests in one world, by horizon and number of forecasts."""
    rows = [[test, *_cells(kind, cells, plan, size_cell)] for test, cells in findings.sizes.items()]
    return table(["Test", *_columns(plan)], rows)


def of_coverage(findings: Findings, plan: Plan) -> str:
    """Rates of coverage by world and true skill, by horizon and number of forecasts."""
    rows = [
        [kind, percent(skill, 0), *_cells(kind, cells, plan, coverage_cell)]
        for kind in KINDS
        for skill, cells in findings.coverage.items()
    ]
    return table(["World", "Skill", *_columns(plan)], rows)


def of_walks(walks: Mapping[str, Sequence[Mapping[str, str]]]) -> str:
    """Shares of all statuses by walk and model."""
    rows = []
    for walk, worlds in walks.items():
        for model, found in alarms(worlds).items():
            rates = [found.get(status, Rate(0, len(worlds))) for status in STATUSES]
            rows.append([walk, model, whole(len(worlds)), with_interval(rates[0]), *map(share, rates[1:])])
    return table(["Walk", "Model", "Worlds", *STATUSES], rows, words=2)


def of_planted(planted: Mapping[float, Planted]) -> str:
    """Mean skill, mean detectable skill and share of "better" for each signal."""
    rows = []
    for signal, worlds in planted.items():
        skill, detectable, _ = worlds.means
        rate = Rate(sum(worlds.better), len(worlds.better))
        rows.append([percent(signal, 1, signed=False), percent(skill), percent(detectable), with_interval(rate)])
    return table(["Best possible R²", "Mean skill", "Mean detectable skill", "better, %"], rows)


def named(cell: Cell) -> str:
    """A cell in words."""
    kind, horizon, n = cell
    return f"{kind}, h = {horizon}, n = {whole(n)}"


def undefined_tests(findings: Findings) -> str:
    """A line for each test and cell in which it was undefined for some of the draws, but not for all."""
    return "\n".join(
        f"- {test}, {named(cell)}: {whole(rate.undefined)} of {whole(rate.total)}"
        for test, cells in findings.sizes.items()
        for cell, rate in cells.items()
        if rate.undefined and rate.measured
    )


def undefined_intervals(findings: Findings, plan: Plan) -> str:
    """Shares of draws without an interval by world, for the worlds that have any; empty if none has."""
    lost: dict[Cell, list[Rate]] = {}
    for cells in findings.coverage.values():
        for cell, rate in cells.items():
            lost.setdefault(cell, []).append(Rate(rate.undefined, rate.total + rate.undefined))
    sums = {
        cell: Rate(sum(rate.hits for rate in rates), sum(rate.total for rate in rates)) for cell, rates in lost.items()
    }
    kinds = [kind for kind in KINDS if any(rate.hits for cell, rate in sums.items() if cell[0] == kind)]
    rows = [[kind, *_cells(kind, sums, plan, share)] for kind in kinds]
    return table(["World", *_columns(plan)], rows) if rows else ""


def _columns(plan: Plan) -> list[str]:
    return [f"{horizon} · {whole(n)}" for horizon in plan.horizons for n in plan.lengths]


def _cells(kind: str, cells: Mapping[Cell, Rate], plan: Plan, write: Callable[[Rate], str]) -> list[str]:
    return [write(cells[kind, horizon, n]) for horizon in plan.horizons for n in plan.lengths]


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
    """Whether no more sizes of the verdict's test are off than expected by chance."""
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
            yield promise, "not reached by any planted signal", False
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
    return "95 % intervals cover the true skill in 93 to 97 %", measured, not off
