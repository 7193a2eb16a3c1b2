"""The tutorial runs from top to bottom in a real notebook kernel, and shows what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("ipykernel", reason="no notebook kernel: install ipykernel and nbclient")

import nbformat

from tests.support.notebooks import ROOT, executed, markdown_of, outputs

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the tutorial runs."""
    return tmp_path_factory.mktemp("tutorial")


@pytest.fixture(scope="module")
def notebook(working: Path) -> nbformat.NotebookNode:
    """The tutorial after its run, with what every cell showed."""
    return executed((ROOT / "docs" / "tutorial.py").read_text("utf-8"), working)


def test_the_tutorial_runs_and_shows_the_run(notebook: nbformat.NotebookNode, working: Path) -> None:
    html, text = "".join(outputs(notebook.cells, "text/html")), "".join(outputs(notebook.cells, "text/plain"))
    assert "newest row" in html
    assert "<svg" in html
    assert "<script" not in html
    assert text.count("peek") >= 2
    assert re.search(r"\('better', 0\.0", text)
    assert list(working.iterdir()) == []
    page = markdown_of(notebook)
    assert page.startswith("# A first session")
    assert page.count("```") == 2 * len(re.findall(r"^```\w+$", page, re.MULTILINE))


def test_progress_shows_in_a_notebook(notebook: nbformat.NotebookNode) -> None:
    walk = [cell for cell in notebook.cells if "run = bt.walk_forward(" in cell.source]
    assert len(walk) == 1
    shown = "".join(outputs(walk, "text/plain"))
    assert "quick audit: no leak found" in shown
    assert re.search(r"(\d+) of \1 fits", shown)
