"""The report as a whole, before it is written as HTML or Markdown: a title and the sections' blocks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from backtest.data.names import label
from backtest.reports.blocks import Block, Heading
from backtest.reports.formats import date, listed
from backtest.reports.result import Result
from backtest.reports.sections import SECTIONS

SUSPECT = "Leak suspected, do not believe this: "
"""What the title of every result begins with where the audit found a leak."""

NO_RESULT = ("verdict", "trust", "data", "method", "glossary")
"""Sections that a leak takes nothing from; all others are marked."""


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


def compose(result: Result, names: Collection[str] = tuple(SECTIONS)) -> Document:
    """Return the report of a run, or the sections `names` of it; each title of a result tells of a suspected leak."""
    card = result.manifest.data
    ends = result.folds[0].test_start, result.folds[-1].test_end - card.interval
    first, last = map(date, ends)
    sections = tuple(Section(name, section(result)) for name, section in SECTIONS.items() if name in names)
    if result.verdict.status == "leak suspected":
        sections = marked(sections, NO_RESULT)
    return Document(
        title=title(result),
        subtitle=f"Run {result.manifest.name}, walked forward from {first} to {last}",
        version=result.manifest.versions.get("beatzero", ""),
        sections=sections,
    )


def title(result: Result) -> str:
    """Return which models were tried on which symbols, such as `GRU and LSTM on SP500`."""
    models = [label(score.model) for score in result.candidates] or ["Baselines"]
    return f"{listed(models, 3)} on {listed(result.manifest.data.symbols, 3)}"


def marked(sections: Sequence[Section], exceptions: Collection[str]) -> tuple[Section, ...]:
    """Return sections whose titles say that a leak is suspected, but for those named as exceptions."""
    return tuple(section if section.name in exceptions else suspected(section) for section in sections)


def suspected(section: Section) -> Section:
    """Return a section whose title says that a leak is suspected."""
    blocks = (
        replace(block, finding=SUSPECT + block.finding) if isinstance(block, Heading) else block
        for block in section.blocks
    )
    return replace(section, blocks=tuple(blocks))
