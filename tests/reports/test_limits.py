"""Tests of the limits that a report keeps however large its run is, and of its being the same whoever writes it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest

from backtest import reports
from backtest.data.run_files import MANIFEST, file_sums, read_manifest, write_json, write_table
from backtest.data.schema import FORECASTS
from backtest.reports.figures.canvas import Floats
from backtest.reports.formats import MINUS
from tests.support.audits import leaky
from tests.support.fake_run import Plan, make
from tests.support.selection import quick_or_slow

PAGE, FIGURE = 1_500_000, 400_000
"""Bytes that a page and a figure may have."""

SVG = "{http://www.w3.org/2000/svg}"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
LONG = Plan(folds=500, test=100, seeds=1, epochs=8, baselines=("zero", "naive"), audit=leaky())
SIZES = {
    "12 folds of a year of days": Plan(folds=12, test=252, interval=timedelta(days=1)),
    "500 folds, 50,000 rows": LONG,
    "12 symbols, 8 networks": Plan(
        folds=14,
        test=30,
        symbols=tuple(f"COIN{n}" for n in range(12)),
        networks=tuple(f"network_{n}" for n in range(8)),
    ),
}


NAMES = quick_or_slow(SIZES, ("12 folds of a year of days",))


class Written(dict[str, Path]):
    """The folder of each plan of SIZES, with its report; made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, name: str) -> Path:
        """Make the run of a plan and its report."""
        self[name] = reports.write(make(self.folder, SIZES[name], name)).parent
        return self[name]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("limits"))


def files_of(run: Path) -> dict[str, bytes]:
    """Bytes of every file of the report by name."""
    paths = [run / "report.html", run / "report.md", *(run / "figures").iterdir()]
    return {path.name: path.read_bytes() for path in paths}


@pytest.mark.parametrize("name", NAMES)
def test_a_report_stays_small(written: Written, name: str) -> None:
    files = files_of(written[name])
    assert len(files.pop("report.html")) <= PAGE
    assert len(files.pop("report.md")) <= PAGE
    assert {figure: len(content) for figure, content in files.items() if len(content) > FIGURE} == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_one_policy_and_it_is_the_strictest_that_still_styles(written: Written, name: str) -> None:
    page = (written[name] / "report.html").read_text("utf-8")
    assert re.findall(r'<meta http-equiv="?([^">]*)"? content="([^"]*)"', page) == [("Content-Security-Policy", POLICY)]
    assert page.index("Content-Security-Policy") < page.index("<style")
    assert not re.findall(r"<script|javascript:|@import|url\((?!#)|https?://", page, re.IGNORECASE)


@pytest.fixture(scope="module")
def spike(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 6,000 rows whose network gains much in one row, in the middle, and loses as much again in the next."""
    plan = Plan(folds=12, test=500, seeds=1, networks=("lstm",), baselines=("zero", "naive"))
    run = make(tmp_path_factory.mktemp("spike"), plan)
    forecasts = pl.read_parquet(run / FORECASTS.file)
    place = pl.int_range(pl.len()).over("model", "seed") - 3_001
    tall = forecasts.with_columns(y=pl.when(place.is_in([0, 1])).then(1.0).otherwise("y"))
    y_hat = pl.when(pl.col("model") != "lstm").then("y_hat").when(place == 0).then(1.0).when(place == 1)
    write_table(run / FORECASTS.file, tall.with_columns(y_hat=y_hat.then(1 + 2**0.5).otherwise("y_hat")), FORECASTS)
    manifest = read_manifest(run)
    write_json(run / MANIFEST, manifest | {"files": file_sums(run, list(manifest["files"]))})
    return reports.write(run).parent


def test_extremes_survive_to_the_picture(spike: Path) -> None:
    path = next(path for path in reports.read(spike).paths if path.model == "lstm")
    assert len(path.values) == 6_000
    assert path.values.argmin() == 3_001
    root = ET.parse(spike / "figures" / "cumulative_loss.svg").getroot()  # noqa: S314 -- our own figure
    lines = (heights_of(line) for line in root.iter(f"{SVG}path") if "s-blue" in line.get("class", ""))
    heights = next(line for line in lines if len(line) > 100)
    assert len(heights) < 2_000
    assert np.ptp(heights) * share_per_point(root) == pytest.approx(np.ptp(path.values), rel=0.01)


def heights_of(line: ET.Element) -> Floats:
    """Return the heights of a path's corners, in points."""
    return np.asarray([float(y) for y in re.findall(r"[ML] \S+ (\S+)", line.get("d", ""))] or [0.0])


def share_per_point(root: ET.Element) -> float:
    """Return what a point of height means, from the labels of the first axis in per cent."""
    texts = [(element.text or "", float(element.get("y", "nan"))) for element in root.iter(f"{SVG}text")]
    ticks = [(text, y) for text, y in texts if re.fullmatch(rf"{MINUS}?[\d.]+\xa0%", text)]
    (low, below), (high, above) = ((float(text[:-2].replace(MINUS, "-")) / 100, y) for text, y in (ticks[0], ticks[-1]))
    return (high - low) / (below - above)


ROOT = {"PYTHONPATH": str(Path(__file__).parents[2])}
REPORT = shutil.ignore_patterns("report.*", "figures")
PLACES = (
    {"TZ": "America/St_Johns", "PYTHONHASHSEED": "1", "LANG": "C", "LC_ALL": "C", "POLARS_MAX_THREADS": "1"},
    {"TZ": "Pacific/Chatham", "PYTHONHASHSEED": "4242", "LANG": "de_DE.UTF-8", "LC_ALL": "", "POLARS_MAX_THREADS": "5"},
)


@pytest.mark.slow
def test_processes_in_other_places_write_the_same_bytes_from_copies_of_a_run(written: Written, tmp_path: Path) -> None:
    run = written["12 folds of a year of days"]
    code = "import pathlib, sys\nfrom backtest import reports\nreports.write(pathlib.Path(sys.argv[1]))\n"
    code += "assert 'torch' not in sys.modules"
    copies = [shutil.copytree(run, tmp_path / name, ignore=REPORT) for name in ("first", "the_second")]
    for age, path in enumerate(sorted(copies[1].iterdir(), reverse=True)):
        os.utime(path, (age, age))
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(copy)], env=os.environ | ROOT | place, cwd=copy)  # noqa: S603
        for copy, place in zip(copies, PLACES, strict=True)
    ]
    assert [process.wait() for process in started] == [0, 0]
    assert files_of(copies[0]) == files_of(copies[1]) == files_of(run)
