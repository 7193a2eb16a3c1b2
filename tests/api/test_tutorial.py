"""The tutorial runs from top to bottom in a real notebook kernel, and shows what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("ipykernel", reason="no notebook kernel: install ipykernel and nbclient")

from tests.support.notebooks import ROOT, executed, markdown_of, outputs


def test_the_tutorial_runs_and_shows_the_run(tmp_path: Path) -> None:
    notebook = executed((ROOT / "docs" / "tutorial.py").read_text("utf-8"), tmp_path)
    html, text = "".join(outputs(notebook, "text/html")), "".join(outputs(notebook, "text/plain"))
    assert "newest row" in html
    assert "<svg" in html
    assert "<script" not in html
    assert text.count("peek") >= 2
    assert re.search(r"\('better', 0\.0", text)
    assert list(tmp_path.iterdir()) == []
    page = markdown_of(notebook)
    assert page.startswith("# A first session")
    assert page.count("```") == 2 * len(re.findall(r"^```\w+$", page, re.MULTILINE))


def test_progress_shows_in_a_notebook(tmp_path: Path) -> None:
    cell = (
        "# %%\nimport backtest as bt\nrun = bt.walk_forward('synthetic:n=700', models=['ridge'], "
        "folds={'first_train': 300, 'validation': 90}, executor='serial')\n"
    )
    shown = "".join(outputs(executed(cell, tmp_path), "text/plain"))
    assert "quick audit: no leak found" in shown
    assert "fits" in shown
