"""Writes a document as one HTML file that needs nothing else: no script, no request, every string escaped."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from backtest.reports.document import Document
from backtest.reports.render.svg import theme

SHORT = 12
"""Letters that a head may have on one line, however many words they are."""


def to_html(document: Document) -> str:
    """Return the document as HTML."""
    loader = PackageLoader("backtest.reports.render")
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {"drawn": drawn, "lines": lines}
    style = Markup(theme() + page.get_template("style.css").render())  # noqa: S704 -- our own style sheet
    return page.get_template("report.html").render(document=document, style=style) + "\n"


def lines(head: str) -> str:
    """Return the head of a column: two words or a few letters on one line, else the last word on a second."""
    most, _, last = head.rpartition(" ")
    return f"{most}\n{last}" if " " in most and len(head) > SHORT else head


def drawn(svg: str) -> Markup:
    """Return a figure's SVG as it is: `svg.tidy` has put it together from escaped parts."""
    return Markup(svg)  # noqa: S704 -- see above
