"""Every Python block of README and CONTRIBUTING runs with the tests it shows; relative links of all pages hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from backtest.data.reading.synthetic import make_bars

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"# (\w+)\.py\n")
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^]]+\]: *(\S+)$", re.MULTILINE)
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
RUN = """
import importlib, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    for test in [value for key, value in vars(module).items() if key.startswith("test_")]:
        test()
        print(name, test.__name__)
"""


def blocks(page: str) -> list[str]:
    """The Python blocks of a page, in order."""
    return BLOCK.findall((ROOT / page).read_text("utf-8"))


def run_blocks(texts: list[str], folder: Path) -> str:
    """Import each block as a module, from a folder with the files that they read, and call its tests."""
    make_bars(400, symbol="MINE").write_csv(folder / "my_bars.csv")
    bars = make_bars(500)
    rates = bars.select("time", known_at=pl.col("time"), rate=pl.col("volume").log()).gather_every(8)
    rates.write_parquet(folder / "funding.parquet")
    names = [found[1] if (found := NAME.match(text)) else f"block_{place}" for place, text in enumerate(texts)]
    for name, text in zip(names, texts, strict=True):
        (folder / f"{name}.py").write_text(text, "utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}
    command = [sys.executable, "-c", RUN, *names]
    answer = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_the_examples_of_contributing_run_and_their_tests_pass(tmp_path: Path) -> None:
    texts = blocks("CONTRIBUTING.md")
    assert len(texts) == 14
    done = run_blocks(texts, tmp_path).splitlines()
    assert len(done) == sum(len(re.findall(r"^def test_", text, re.MULTILINE)) for text in texts) == 12


def test_the_examples_of_readme_run_but_for_the_session(tmp_path: Path) -> None:
    session, model, *others = blocks("README.md")
    assert "walk_forward" in session
    assert "walk_forward" in model
    assert len(others) == 2
    assert run_blocks(others, tmp_path).split() == ["block_1", "test_my_momentum_uses_no_future_bars"]


def test_the_model_of_readme_takes_part_by_its_name(tmp_path: Path) -> None:
    bars = 'import backtest as bt\nbars = bt.load_bars("synthetic:n=3000")\n'
    took_part = (
        '\nassert {"my_model", "ridge"} < set(run.scores["model"])\nassert set(run.scores["horizon"]) == {1, 5}\n'
    )
    script = tmp_path / "session.py"  # not imported, as a worker that imports the model would walk again
    script.write_text(bars + blocks("README.md")[1] + took_part, "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script)]
    answer = subprocess.run(  # noqa: S603
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.slow
def test_the_session_of_readme_runs(tmp_path: Path) -> None:
    run_blocks(blocks("README.md")[:1], tmp_path)
    assert (tmp_path / "report.html").exists()
    assert (tmp_path / "runs" / "mine" / "manifest.json").exists()


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_of_a_page_is_a_file_of_the_repository(page: str) -> None:
    targets = [
        (inline or reference).split("#")[0] for inline, reference in LINK.findall((ROOT / page).read_text("utf-8"))
    ]
    relative = [target for target in targets if target and not re.match(r"\w+:", target)]
    assert [target for target in relative if not ((ROOT / page).parent / target).is_file()] == []


def test_readme_links_every_page_a_newcomer_needs() -> None:
    linked = {inline.split("#")[0] for inline, _ in LINK.findall((ROOT / "README.md").read_text("utf-8"))}
    assert {"CONTRIBUTING.md", "docs/tutorial.py", *(page for page in PAGES if page.startswith("docs/"))} <= linked
