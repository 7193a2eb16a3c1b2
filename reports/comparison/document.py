"""The report of a comparison as a whole: a title and the sections' blocks."""

from __future__ import annotations

from backtest.reports.blocks import Document, Section
from backtest.reports.comparison.result import Result
from backtest.reports.comparison.sections import SECTIONS
from backtest.reports.comparison.wording import spelt
from backtest.reports.formats import counted, date, listed
from backtest.reports.report import marked

NO_RESULT = ("verdict", "trust", "own", "settings", "method")
"""Sections that a leak takes nothing from, or that tell of it themselves; all others are marked."""


def compose(result: Result) -> Document:
    """Return the report of a comparison; sections without anything to say are left out."""
    found = result.found
    names = [run.name for run in found.runs]
    first, last = spelt(found.first, date), spelt(found.last, date)
    sections = tuple(Section(name, section(result)) for name, section in SECTIONS.items())
    if result.leaky:
        sections = marked(sections, NO_RESULT)
    return Document(
        title=" against ".join(names) if len(names) == 2 else f"{listed(names, 6)} compared",
        subtitle=f"{listed(found.symbols, 4)}, {counted(found.rows, 'forecast')} in common, {first} to {last}",
        version=found.version,
        sections=tuple(section for section in sections if section.blocks),
    )
