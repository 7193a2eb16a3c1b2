"""The page of the calibration: what it says follows from the numbers, and an interrupted measurement goes on."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.calibration import __main__ as command
from tests.calibration import plan
from tests.calibration.findings import Findings, Planted, Rate
from tests.calibration.page import write
from tests.calibration.plan import FULL, Plan
from tests.calibration.sizes import SIZES, SKILLS, count_rejections
from tests.calibration.store import STATISTICS, Measurement, _digest, measure
from tests.calibration.tables import coverage_cell, in_short, size_cell

TINY = Plan(
    draws=4,
    horizons=(1, 2),
    lengths=(40,),
    noise={"ridge and AR": 2},
    signals={"2,000 forecasts": (0.01, 0.3)},
    planted=2,
)


def planted(skill: float, better: float) -> Planted:
    """A hundred worlds alike in which 3 % would show."""
    return Planted((skill,) * 100, (0.03,) * 100, tuple(place < 100 * better for place in range(100)))


@pytest.mark.parametrize(("hits", "off"), [(40, 0), (60, 0), (34, -1), (66, 1)])
def test_a_rate_is_off_beyond_two_standard_errors(hits: int, off: int) -> None:
    assert Rate(hits, 1000).off(0.05) == off
    assert size_cell(Rate(hits, 1000)) == {0: f"{hits / 10}", -1: "**3.4** ↓", 1: "**6.6** ↑"}[off]


def test_a_coverage_outside_of_the_promise_is_marked() -> None:
    assert [coverage_cell(Rate(hits, 1000)) for hits in (929, 930, 970, 980)] == [
        "**92.9** ↓",
        "93.0",
        "97.0",
        "**98.0** ↑",
    ]


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_stopped_calibration_resumes(tmp_path: Path, jobs: int) -> None:
    parts = [Measurement(count_rejections, ("iid", 1, 40), (3, block), STATISTICS) for block in range(3)]
    before = dict(measure(parts[:1], tmp_path, jobs))
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    after = dict(measure(parts, tmp_path, jobs))
    assert set(after) == set(parts)
    assert after[parts[0]] == before[parts[0]]
    assert all(path.stat().st_mtime_ns == time for path, time in written.items())


def test_changed_code_is_measured_again(tmp_path: Path) -> None:
    source = tmp_path / "code.py"
    names = set()
    for text in ("a = 1", "a = 2"):
        source.write_text(text)
        _digest.cache_clear()
        names.add(Measurement(count_rejections, ("iid", 1, 40), (3, 0), (source,)).name)
    assert len(names) == 2


def made_up(hits: int) -> Findings:
    """Findings in which every test rejects `hits` of 2,000 samples, and all else is as promised."""
    cells = FULL.cells
    return Findings(
        sizes={test: dict.fromkeys(cells, Rate(hits, 2000)) for test in SIZES},
        coverage={skill: dict.fromkeys(cells, Rate(1900, 2000)) for skill in SKILLS},
        noise={"LSTM": [{"lstm": "no evidence"}] * 96 + [{"lstm": "better"}] * 4},
        planted={"2,000 forecasts": {0.02: planted(0.02, 0.7), 0.04: planted(0.04, 0.9)}},
    )


def test_promises_that_are_kept_are_said_to_be() -> None:
    assert in_short(made_up(100)).count("| yes |") == 4
    assert "**no**" not in in_short(made_up(100))


def test_promises_that_are_broken_are_said_to_be() -> None:
    broken = made_up(160)
    cells = {**broken.coverage[0.0], ("ma", 5, 120): Rate(1800, 2000)}
    worlds = {"LSTM": [{"lstm": "better"}] * 12 + [{"lstm": "worse"}] * 88}
    powerless = {"2,000 forecasts": {0.02: planted(0.02, 0.1), 0.04: planted(0.04, 0.3)}}
    text = in_short(replace(broken, coverage={0.0: cells}, noise=worlds, planted=powerless))
    assert text.count("**no**") == 4
    for said in ("8.0 % (iid, h = 1, n = 120)", "12.0 (7.0 to 19.8) % of 100", "20.0 ±", "90.0 % (ma, h = 5, n = 120"):
        assert said in text
    assert "not reached" in in_short(replace(broken, planted={"2,000 forecasts": {0.02: planted(0.02, 0.1)}}))


def test_the_page_holds_every_number_and_is_the_same_again(tmp_path: Path) -> None:
    pages = []
    for name in ("first", "second"):
        path = tmp_path / name / "CALIBRATION.md"
        write(made_up(160), FULL, path, command="make calibrate", today=date(2026, 1, 2))
        pages.append({file.name: file.read_bytes() for file in path.parent.rglob("*.*")})
    assert pages[0] == pages[1]
    text = pages[0]["CALIBRATION.md"].decode()
    assert text.count("**8.0** ↑") == len(SIZES) * len(FULL.cells)
    assert all(f"docs/{name}" in text for name in pages[0] if name.endswith(".svg"))
    assert len(pages[0]) == 3
    assert "{{" not in text
    widths = [line.count("|") for line in text.splitlines() if line.startswith("|")]
    assert widths
    assert "\n\n\n" not in text


def test_the_command_measures_and_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "QUICK", TINY)
    arguments = ["calibration", "--quick", "--only", "tests", "--jobs", "1", "--out", str(tmp_path / "page.md")]
    monkeypatch.setattr(sys, "argv", arguments)
    command.main()
    text = (tmp_path / "page.md").read_text("utf-8")
    assert "Each number is the share of 4 samples" in text
    assert "make calibrate ARGS='--quick --only tests'" in text
    assert not (tmp_path / "docs" / command.VERDICTS).exists()
