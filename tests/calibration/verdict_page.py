"""The page on the calibration of verdicts: the words of verdict_page.md around tables of what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from scipy.stats import binomtest

from backtest.data.names import Status
from backtest.data.run_files import write_bytes
from backtest.reports.formats import decimal, listed, percent, whole
from backtest.significance.superiority import OVERLAPPING_STRETCHES
from tests.calibration.cases import CASES, COST
from tests.calibration.findings import ALARMS, LEVEL, POWER, Planted, Rate, alarms, crossing
from tests.calibration.page import made_with
from tests.calibration.tables import ARROWS, MOST, of_walks, share, size_cell, table, with_interval
from tests.calibration.verdict_plan import HORIZONS, JOINT_CELLS, LENGTHS, POWER_CELL, VerdictFindings, VerdictPlan
from tests.calibration.verdicts import HORIZONS as TOGETHER
from tests.calibration.volatility import COMPONENTS, NOISE_MEMORY, PROXIES, RETURNS
from tests.calibration.walks import VARIANCES
from tests.calibration.worlds import KINDS

Promise = tuple[str, str, bool]
Cells = Mapping[tuple[int, int], Rate]


def write(
    findings: VerdictFindings, plan: VerdictPlan, path: Path, *, command: str, today: date, note: str = ""
) -> None:
    """Write the page to `path`."""
    words = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 -- no HTML
    template = words.from_string((resources.files(__package__) / "verdict_page.md").read_text("utf-8"))
    first = next(iter(VARIANCES.values()))
    page = template.render(
        promises=table(
            ["Promise", "Measured", "Kept"],
            [[promise, measured, "yes" if kept else "**no**"] for promise, measured, kept in _promises(findings)],
            words=3,
        ),
        equal=whole(plan.equal),
        equal_error=_error(plan.equal),
        better_of_equal=_of_equal(findings, "better"),
        worse_of_equal=_of_equal(findings, "worse"),
        memory=f"{NOISE_MEMORY:g}",
        cost=f"{COST:g}",
        components=listed([f"{p:g} and {s:g}" for p, s in COMPONENTS], len(COMPONENTS)),
        returns=whole(RETURNS),
        better=whole(plan.better),
        power_h=POWER_CELL[0],
        power_n=whole(POWER_CELL[1]),
        power=_power(findings),
        crossings=_crossings(findings),
        over=whole(plan.over_horizons),
        horizons=listed([str(horizon) for horizon in TOGETHER], len(TOGETHER)),
        over_horizons=_over_horizons(findings),
        bars=whole(first["bars"]),
        walks=of_walks(findings.walks),
        joint=whole(plan.joint),
        joint_error=_error(plan.joint),
        stretches=OVERLAPPING_STRETCHES,
        joint_table=_joint(findings),
        command=command,
        today=f"{today:%Y-%m-%d}",
        note=f"{note} " if note else "",
        **made_with(),
    )
    write_bytes(path, page.encode())


def rates(findings: VerdictFindings, case: str, status: Status) -> dict[tuple[int, int], Rate]:
    """How often the verdict on a case has this status, by horizon and number of forecasts."""
    return {cell: Rate(counts.get(status, 0), sum(counts.values())) for cell, counts in findings.equal[case].items()}


def above(cells: Mapping[tuple[int, int], Rate]) -> bool:
    """Whether any cell exceeds what is promised by more than chance would in one of twenty sets of cells."""
    limit = 0.05 / len(cells)
    return any(
        binomtest(rate.hits, rate.total, ALARMS, alternative="greater").pvalue < limit for rate in cells.values()
    )


def _promises(findings: VerdictFindings) -> Iterator[Promise]:
    """What is promised, what was measured, and whether it was kept."""
    for case in CASES:
        found = rates(findings, case, "better")
        off = [f"{share(rate)} % ({_named(cell)})" for cell, rate in found.items() if rate.off(ALARMS) > 0]
        measured = f"{_extremes(found)} %" + (f", above are {listed(off, MOST)}" if off else "")
        yield f'At most 5 % of equally good models are "better": {case}', measured, not above(found)
    for name, cells in findings.over_horizons.items():
        worst = max(cells, key=lambda cell: cells[cell].share)
        limit = 0.05 / len(cells)
        kept = all(
            binomtest(each.hits, each.total, LEVEL, alternative="greater").pvalue >= limit for each in cells.values()
        )
        measured = f"at most {with_interval(cells[worst])} % ({worst[0]}, n = {whole(worst[1])})"
        yield f"At most 5 % of true nulls over horizons are rejected: {name}", measured, kept
    for walk, worlds in findings.walks.items():
        rate = alarms(worlds)["any"].get("better", Rate(0, len(worlds)))
        measured = f"{with_interval(rate)} % of {rate.total} worlds"
        yield f'At most 5 % of walks over variances are "better" than the truth: {walk}', measured, rate.off(ALARMS) < 1
    for case, planted in findings.better.items():
        at = crossing(planted)
        promise = f'A detectable skill is "better" in 80 %: {case}'
        if at is None:
            yield promise, "not between the strengths", False
            continue
        measured = f"{decimal(100 * at.share, 1)} ± {decimal(200 * at.error, 1)} %"
        yield promise, measured, abs(at.share - POWER) <= 2 * at.error


def _error(draws: int) -> str:
    """Monte-Carlo error of a rate of 5 %, in points."""
    return decimal(100 * Rate(0, draws).error(LEVEL), 1)


def _named(cell: tuple[int, int]) -> str:
    return f"h = {cell[0]}, n = {whole(cell[1])}"


def _extremes(cells: Mapping[tuple[int, int], Rate]) -> str:
    low, high = (decimal(100 * pick(rate.share for rate in cells.values()), 1) for pick in (min, max))
    return f"{low} to {high}"


def _of_equal(findings: VerdictFindings, status: Status) -> str:
    """Rates of one status by case; those above what is promised are bold."""
    columns = [(horizon, n) for horizon in HORIZONS for n in LENGTHS]
    rows = []
    for case in CASES:
        found = rates(findings, case, status)
        cells = [
            f"**{share(found[cell])}**{ARROWS[1]}" if found[cell].off(ALARMS) > 0 else share(found[cell])
            for cell in columns
        ]
        rows.append([case, *cells])
    return table(["Case", *(f"{horizon} · {whole(n)}" for horizon, n in columns)], rows)


def _power(findings: VerdictFindings) -> str:
    """Skill, detectable skill and share of "better" by case and strength."""
    rows = []
    for case, strengths in findings.better.items():
        for strength, samples in strengths.items():
            skill, detectable, _ = samples.means
            rate = Rate(sum(samples.better), len(samples.better))
            rows.append([case, f"{strength:g}", percent(skill), percent(detectable), with_interval(rate)])
    return table(["Case", "Better by", "Mean skill", "Mean detectable skill", "better, %"], rows)


def _crossings(findings: VerdictFindings) -> str:
    """Skill and share of "better" where the skill reaches what is detectable, by case."""
    rows = [[case, *_crossing(planted)] for case, planted in findings.better.items()]
    return table(["Case", "Skill", "better, %"], rows)


def _crossing(planted: Mapping[float, Planted]) -> tuple[str, str]:
    found = crossing(planted)
    if found is None:
        return "–", "not between the strengths"
    return percent(found.skill), f"{decimal(100 * found.share, 1)} ± {decimal(200 * found.error, 1)}"


def _over_horizons(findings: VerdictFindings) -> str:
    """Rates of error by proxy and number of forecasts."""
    columns = [(proxy, n) for proxy in PROXIES for n in LENGTHS]
    rows = [
        [
            f"{proxy}, n = {whole(n)}",
            *(_alarm(findings.over_horizons[name][proxy, n]) for name in findings.over_horizons),
        ]
        for proxy, n in columns
    ]
    return table(["Proxy", *findings.over_horizons], rows)


def _alarm(rate: Rate) -> str:
    """A rate; bold where it is above the level."""
    return f"**{share(rate)}**{ARROWS[1]}" if rate.off(LEVEL) > 0 else share(rate)


def _joint(findings: VerdictFindings) -> str:
    """Rates of error of the joint tests by world."""
    rows = [
        [name, kind, *(size_cell(cells[kind, *cell]) for cell in JOINT_CELLS)]
        for name, cells in findings.joint.items()
        for kind in KINDS
    ]
    return table(["Test", "World", *(f"{horizon} · {whole(n)}" for horizon, n in JOINT_CELLS)], rows, words=2)
