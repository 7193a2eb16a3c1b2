"""CALIBRATION.md: the words of page.md around tables and figures of what was found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from backtest.data.run_files import write_bytes
from backtest.data.targets import PRIMARY_TEST
from backtest.reports.formats import decimal, percent, whole
from backtest.significance.primary import PRIMARY
from backtest.verdict.rule import MIN_DIFFERENCES
from backtest.walk.environment import hardware, versions
from tests.calibration import pictures, tables
from tests.calibration.findings import LEVEL, Findings, Planted, Rate, crossing
from tests.calibration.plan import Plan
from tests.calibration.tables import in_short
from tests.calibration.walks import NOISE, PLANTED
from tests.calibration.worlds import CAUGHT, KINDS, MEMORY, PREDICTABLE


def write(findings: Findings, plan: Plan, path: Path, *, command: str, today: date) -> None:
    """Write the page to `path`, and its figures to `docs` beside it."""
    figures = {
        "sizes_figure": pictures.sizes(findings, plan.lengths),
        "power_figure": pictures.power(findings.planted),
    }
    places = {name: f"docs/calibration-{name.removesuffix('_figure')}.svg" for name in figures}
    for name, place in places.items():
        write_bytes(path.parent / place, figures[name].encode())
    words = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 -- no HTML
    template = words.from_string((resources.files(__package__) / "page.md").read_text("utf-8"))
    made = {"command": command, "today": f"{today:%Y-%m-%d}", **made_with()}
    page = template.render(**_sizes(findings, plan), **_walks(findings), **_coverage(findings, plan), **places, **made)
    write_bytes(path, page.encode())


def _sizes(findings: Findings, plan: Plan) -> dict[str, object]:
    """The promises, and what the part on the sizes of the tests says."""
    error = Rate(0, plan.draws).error(LEVEL)
    low, high = (decimal(100 * (LEVEL + sign * 2 * error), 1) for sign in (-1, 1))
    worlds = [
        {"name": kind, "meaning": meaning[0].upper() + meaning[1:], "table": tables.of_world(kind, findings, plan)}
        for kind, meaning in KINDS.items()
    ]
    return {
        "promises": in_short(findings),
        "per_step": PRIMARY[PRIMARY_TEST].per_step,
        "least": MIN_DIFFERENCES,
        "draws": whole(plan.draws),
        "low": low,
        "high": high,
        "error": decimal(100 * error, 2),
        "overview": tables.overview(findings),
        "memory": f"{MEMORY:g}",
        "worlds": worlds,
        "undefined": tables.undefined_tests(findings),
    }


def _walks(findings: Findings) -> dict[str, object]:
    """What the parts on whole walks say."""
    first, *_ = findings.planted.values()
    return {
        "walks": "; ".join(f"{name}: {whole(NOISE[name]['bars'])} bars" for name in findings.noise),
        "noise": tables.of_walks(findings.noise),
        "planted_worlds": whole(len(next(iter(first.values())).better)),
        "planted": [_planted(name, planted) for name, planted in findings.planted.items()],
    }


def _planted(name: str, planted: Mapping[float, Planted]) -> dict[str, object]:
    """What the part on one walk with a signal says."""
    found = crossing(planted)
    at = found and {
        "signal": percent(found.signal, signed=False),
        "skill": percent(found.skill),
        "share": percent(found.share, 1, signed=False),
        "error": decimal(100 * found.error, 1),
    }
    return {"name": name, "bars": whole(PLANTED[name]["bars"]), "table": tables.of_planted(planted), "at": at}


def _coverage(findings: Findings, plan: Plan) -> dict[str, object]:
    """What the part on the interval of the skill says."""
    return {
        "no_interval": tables.undefined_intervals(findings, plan),
        "coverage": tables.of_coverage(findings, plan),
        "predictable": f"{PREDICTABLE:g}",
        "caught": f"{CAUGHT:g}",
    }


def made_with() -> dict[str, str]:
    """Machine and versions."""
    machine = hardware("cpu")
    return {
        "machine": f"{machine['cpu']}, {machine['cores']} cores",
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
    }
