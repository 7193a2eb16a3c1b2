"""The report as a whole, before it is written as HTML or Markdown: a title and the sections' blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from data.names import label
from reports.blocks import Block, Heading
from reports.formats import date, listed
from reports.result import Result
from reports.sections import SECTIONS

SUSPECT = "Leak suspected, do not believe this: "
"""What the title of every result begins with where the audit found a leak."""

NO_RESULT = ("verdict", "trust", "data", "method", "glossary")
"""Sections that a leak takes nothing from."""


@dataclass(frozen=True, slots=True)
class Section:
    """The blocks of one entry of SECTIONS."""

    name: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report: what run it is about, in a line more, and its sections."""

    title: str
    subtitle: str
    version: str
    sections: tuple[Section, ...]


def compose(result: Result) -> Document:
    """Return the report of a run; where a leak is suspected, every title of a result says so."""
    card = result.manifest.data
    ends = result.folds[0].test_start, result.folds[-1].test_end - card.interval
    first, last = map(date, ends)
    leak = result.verdict.status == "leak suspected"
    sections = (Section(name, section(result)) for name, section in SECTIONS.items())
    return Document(
        title=title(result),
        subtitle=f"Run {result.manifest.name}, walked forward from {first} to {last}",
        version=result.manifest.versions.get("beatzero", ""),
        sections=tuple(suspected(section) if leak else section for section in sections),
    )


def title(result: Result) -> str:
    """Return which models were tried on which symbols, such as `GRU and LSTM on SP500`."""
    models = [label(score.model) for score in result.candidates] or ["Baselines"]
    return f"{listed(models, 3)} on {listed(result.manifest.data.symbols, 3)}"


def suspected(section: Section) -> Section:
    """Return a section whose title says that a leak is suspected, if it shows results."""
    if section.name in NO_RESULT:
        return section
    blocks = (
        replace(block, finding=SUSPECT + block.finding) if isinstance(block, Heading) else block
        for block in section.blocks
    )
    return replace(section, blocks=tuple(blocks))
