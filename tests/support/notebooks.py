"""Notebooks from scripts in the percent format (`# %%`, `# %% [markdown]`), run in a real kernel."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]


def notebook_of(script: str) -> nbformat.NotebookNode:
    """Return the notebook that a script in the percent format is."""
    cells: list[dict[str, object]] = []
    for kind, text in re.findall(r"^# %%(.*)\n((?:(?!# %%).*\n)*)", script, flags=re.MULTILINE):
        if "markdown" in kind:
            prose = re.sub(r"^# ?", "", text, flags=re.MULTILINE).strip()
            cells.append({"cell_type": "markdown", "metadata": {}, "source": prose})
        else:
            code = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": text.strip()}
            cells.append(code)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    tree = {"nbformat": 4, "nbformat_minor": 4, "metadata": kernel, "cells": cells}
    notebook: nbformat.NotebookNode = nbformat.reads(json.dumps(tree), as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def executed(script: str, folder: Path) -> nbformat.NotebookNode:
    """Run a script as a notebook, in `folder`, and return it with its outputs; CellExecutionError if a cell raises."""
    notebook = notebook_of(script)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env=os.environ | {"PYTHONPATH": str(ROOT)})
    return notebook


def markdown_of(notebook: nbformat.NotebookNode) -> str:
    """Return a notebook with its outputs as Markdown: code in fences, tables and figures as HTML."""
    parts = []
    for cell in notebook.cells:
        parts.append(cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```")
        for output in cell.get("outputs", ()):
            shown = output.get("data", {"text/plain": output.get("text", "")})
            html = shown.get("text/html", "").strip()
            parts.append(re.sub(r"\n\s*\n", "\n", html) if html else f"```text\n{shown['text/plain'].strip()}\n```")
    return "\n\n".join(parts) + "\n"


def outputs(cells: Iterable[nbformat.NotebookNode], kind: str) -> Iterator[str]:
    """Yield what the cells of a notebook showed as `kind`, such as text/html; what they printed is text/plain."""
    for cell in cells:
        for output in cell.get("outputs", ()):
            shown = output.get("data", {"text/plain": output.get("text", "")})
            if kind in shown:
                yield shown[kind]
