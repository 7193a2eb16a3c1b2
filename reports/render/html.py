"""Writes a document as one HTML file that needs nothing else: no script, no request, every string escaped."""

from __future__ import annotations

from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from backtest.reports.blocks import Document
from backtest.reports.render.svg import COLOURS, renamed, theme

SHORT = 12
"""Letters that a head may have on one line, however many words they are."""


def document_html(document: Document) -> str:
    """Return the document as HTML."""
    page = environment()
    style = Markup(theme() + page.get_template("style.css").render())  # noqa: S704 -- our own style sheet
    return page.get_template("report.html").render(document=document, style=style) + "\n"


def to_fragment(document: Document) -> str:
    """Return the document as one HTML element for a notebook, with style rules that reach nothing outside of it.

    Colours follow the theme of JupyterLab, of VS Code, or else of the system.
    """
    name = f"beatzero-{sha256(repr(document).encode()).hexdigest()[:8]}"
    light, dark = (
        "".join(f"--{role}:{getattr(colour, shade)};" for role, colour in COLOURS.items())
        for shade in ("light", "dark")
    )
    page = environment()
    page.filters["drawn"] = lambda svg: drawn(renamed(svg, f"{name}-"))
    rules = Markup(theme() + page.get_template("style.css").render())  # noqa: S704 -- our own style sheet
    style = Markup(page.get_template("fragment.css").render(name=name, light=light, dark=dark, rules=rules))  # noqa: S704
    return page.get_template("fragment.html").render(document=document, style=style, name=name) + "\n"


def environment() -> Environment:
    """Return the templates, which escape every string."""
    loader = PackageLoader("backtest.reports.render")
    page = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {"drawn": drawn, "lines": lines}
    return page


def lines(head: str) -> str:
    """Return the head of a column: two words or a few letters on one line, else the last word on a second."""
    most, _, last = head.rpartition(" ")
    return f"{most}\n{last}" if " " in most and len(head) > SHORT else head


def drawn(svg: str) -> Markup:
    """Return a figure's SVG as it is: `svg.tidy` has put it together from escaped parts."""
    return Markup(svg)  # noqa: S704 -- see above
