"""Writes the report of a finished run into its folder."""

from __future__ import annotations

from pathlib import Path

from backtest.data.errors import RunError
from backtest.data.run_files import write_bytes
from backtest.reports.blocks import Figure, walk
from backtest.reports.document import Document, compose
from backtest.reports.render.html import to_html
from backtest.reports.render.markdown import to_markdown
from backtest.reports.render.svg import standalone
from backtest.reports.result import read


def write(run: Path) -> Path:
    """Write `report.html`, `report.md` and `figures/*.svg` into the finished run folder and return the HTML's path.

    The same folder gives the same bytes. Raises RunError, WrongSchema or UnpairedForecasts where it cannot be read.
    """
    return put(compose(read(run)), run)


def put(document: Document, folder: Path) -> Path:
    """Write `report.html`, `report.md` and `figures/*.svg` of a document into a folder and return the HTML's path."""
    if (folder / "figures").is_symlink():
        raise RunError(f"{folder / 'figures'}: expected a folder (got a link): remove the link")
    for figure in figures(document):
        write_bytes(folder / "figures" / f"{figure.name}.svg", standalone(figure.svg).encode())
    write_bytes(folder / "report.md", to_markdown(document).encode())
    write_bytes(folder / "report.html", to_html(document).encode())
    return folder / "report.html"


def figures(document: Document) -> tuple[Figure, ...]:
    """Return the figures of a document."""
    every = (block for section in document.sections for block in walk(section.blocks))
    return tuple(block for block in every if isinstance(block, Figure))
