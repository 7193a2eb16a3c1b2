"""How much is measured of many models at once and of the skill called detectable, and the page that says what was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from itertools import chain, product
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined

from backtest.data.run_files import write_bytes
from backtest.reports.formats import decimal, percent, whole
from tests.calibration.findings import LEVEL, POWER, Rate
from tests.calibration.many import RETURNS, WAYS, count_false_claims, count_found, judge_detectable
from tests.calibration.page import made_with
from tests.calibration.plan import parts
from tests.calibration.store import STATISTICS, Measurement, measure_all
from tests.calibration.tables import ARROWS, share, table, with_interval
from tests.calibration.verdict_page import above

VERDICTS_WAY = WAYS[-1]

FAMILIES = ((1, 250), (1, 1000), (5, 250), (5, 1000), (5, 5000), (20, 250), (20, 1000), (50, 1000))
"""Numbers of models and of forecasts."""

FOUND = ((1, 0.9), (5, 0.0), (5, 0.9), (20, 0.9), (20, 0.98))
"""Numbers of models, and the correlation of their noise."""

LENGTHS, FOUND_N = (500, 2000, 10_000), 5000

TOLERANCE = 0.08
"""How far the power at a detectable skill may be from what is promised."""

TOGETHER = 100


@dataclass(frozen=True, slots=True)
class ManyPlan:
    """Samples of each cell: of equally good models, of better ones, and of a skill that is called detectable."""

    equal: int
    found: int
    detectable: int


FULL = ManyPlan(equal=100, found=400, detectable=400)
QUICK = ManyPlan(equal=10, found=10, detectable=20)


@dataclass(frozen=True, slots=True)
class ManyFindings:
    """Rates by way: of false claims by world and cell, of true ones by cell; mean skill and power by world and cell."""

    equal: Mapping[str, Mapping[tuple[str, int, int], Rate]]
    found: Mapping[str, Mapping[tuple[int, float], Rate]]
    detectable: Mapping[tuple[str, int, int], tuple[float, Rate]]


def carry_out(plan: ManyPlan, folder: Path, jobs: int, tell: Callable[[int, int], None]) -> ManyFindings:
    """Measure all that `plan` asks for; `folder` keeps the results, `tell` hears how many of how many are there."""
    results = measure_all(list(_measurements(plan)), folder, jobs, tell)
    detectable = {}
    for key, blocks in results[judge_detectable].items():
        samples = list(chain(*blocks))
        hits = sum(bool(found) for _, found in samples)
        detectable[key] = float(np.mean([skill for skill, _ in samples])), Rate(hits, len(samples))
    return ManyFindings(
        _by_way(results[count_false_claims], plan.equal),
        _by_way({key[:2]: blocks for key, blocks in results[count_found].items()}, plan.found),
        detectable,
    )


def _by_way(results: Mapping[tuple[object, ...], Sequence[Mapping[str, int]]], draws: int) -> dict[str, dict]:  # type: ignore[type-arg]
    """Rates by way and key."""
    return {
        way: {key: Rate(sum(block[way] for block in blocks), draws) for key, blocks in results.items()} for way in WAYS
    }


def _measurements(plan: ManyPlan) -> Iterator[Measurement]:
    """The quickest first."""
    for world, n, following, part in product(RETURNS, LENGTHS, (0, 1), parts(plan.detectable, plan.detectable)):
        yield Measurement(judge_detectable, (world, n, following), part, STATISTICS)
    for cell, part in product(FOUND, parts(plan.found, TOGETHER)):
        yield Measurement(count_found, (*cell, FOUND_N), part, STATISTICS)
    for cell, world, part in product(FAMILIES, RETURNS, parts(plan.equal, TOGETHER)):
        yield Measurement(count_false_claims, (world, *cell), part, STATISTICS)


def write(findings: ManyFindings, plan: ManyPlan, path: Path, *, command: str, today: date) -> None:
    """Write the page to `path`."""
    words = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 -- no HTML
    template = words.from_string((resources.files(__package__) / "many_page.md").read_text("utf-8"))
    kept = [[promise, measured, "yes" if holds else "**no**"] for promise, measured, holds in _promises(findings)]
    page = template.render(
        promises=table(["Promise", "Measured", "Kept"], kept, words=3),
        equal=whole(plan.equal),
        error=decimal(100 * Rate(0, plan.equal).error(LEVEL), 1),
        false_claims={way: _false_claims(findings, way) for way in (VERDICTS_WAY, WAYS[0])},
        found=whole(plan.found),
        found_n=whole(FOUND_N),
        power=_power(findings),
        detectable=whole(plan.detectable),
        sizes=_sizes(findings),
        command=command,
        today=f"{today:%Y-%m-%d}",
        **made_with(),
    )
    write_bytes(path, page.encode())


def _promises(findings: ManyFindings) -> Iterator[tuple[str, str, bool]]:
    """What is promised, what was measured, and whether it was kept."""
    for world in RETURNS:
        own = {cell[1:]: rate for cell, rate in findings.equal[VERDICTS_WAY].items() if cell[0] == world}
        k, n = max(own, key=lambda cell: own[cell].share)
        measured = f"at most {with_interval(own[k, n])} % (k = {k}, n = {whole(n)})"
        yield f"At most 5 % of families of equally good models have a better one: {world}", measured, not above(own)
    for world in RETURNS:
        rates = {cell[1:]: rate for cell, (_, rate) in findings.detectable.items() if cell[0] == world}
        low, high = (pick(rate.share for rate in rates.values()) for pick in (min, max))
        measured = f"{decimal(100 * low, 1)} to {decimal(100 * high, 1)} %"
        kept = low >= POWER - TOLERANCE and high <= POWER + TOLERANCE
        yield f"A skill that is called detectable is found in 80 ± 8 %: {world}", measured, kept
    old, new = (findings.found[way][5, 0.9].share for way in (WAYS[0], VERDICTS_WAY))
    measured = f"{decimal(100 * old, 1)} to {decimal(100 * new, 1)} %: {decimal(new / old, 2)} times" if old else "–"
    yield (
        "Of five models that resemble each other one is found 1.5 times as often as by Holm",
        measured,
        new >= 1.5 * old,
    )


def _false_claims(findings: ManyFindings, way: str) -> str:
    """Rates by world; those above the level are bold."""
    rows = [[world, *(_cell(findings.equal[way][world, k, n]) for k, n in FAMILIES)] for world in RETURNS]
    return table(["World", *(f"{k} · {whole(n)}" for k, n in FAMILIES)], rows)


def _cell(rate: Rate) -> str:
    """A rate; bold where it is above the level."""
    return f"**{share(rate)}**{ARROWS[1]}" if rate.off(LEVEL) > 0 else share(rate)


def _power(findings: ManyFindings) -> str:
    """Rates by number of models and way."""
    rows = [
        [f"{k}, correlation {correlation:g}", *(share(findings.found[way][k, correlation]) for way in WAYS)]
        for k, correlation in FOUND
    ]
    return table(["Models", *WAYS], rows)


def _sizes(findings: ManyFindings) -> str:
    """Mean detectable skill and power by world, length and kind of signal."""
    rows = []
    for world, n in product(RETURNS, LENGTHS):
        cells = [findings.detectable[world, n, following] for following in (0, 1)]
        shown = [text for skill, rate in cells for text in (percent(skill, 2), with_interval(rate))]
        rows.append([world, whole(n), *shown])
    head = ["World", "n", "even: skill", "found, %", "follows volatility: skill", "found, %"]
    return table(head, rows)
