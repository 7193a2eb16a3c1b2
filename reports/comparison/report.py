"""Writes the report of a comparison into its folder."""

from __future__ import annotations

from pathlib import Path

from data.runs import write_bytes
from reports.comparison.document import compose
from reports.comparison.result import read
from reports.html import to_html
from reports.markdown import to_markdown
from reports.report import figures
from reports.svg import standalone


def write(folder: Path) -> Path:
    """Write `report.html`, `report.md` and `figures/*.svg` into the folder of a comparison; return the HTML's path.

    The same folder gives the same bytes. Raises RunError or WrongSchema where it cannot be read.
    """
    document = compose(read(folder))
    for figure in figures(document):
        write_bytes(folder / "figures" / f"{figure.name}.svg", standalone(figure.svg).encode())
    write_bytes(folder / "report.md", to_markdown(document).encode())
    write_bytes(folder / "report.html", to_html(document).encode())
    return folder / "report.html"
