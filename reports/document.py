"""The report as a whole, before it is written as HTML or Markdown: a title and the sections' blocks."""

from __future__ import annotations

from dataclasses import dataclass

from reports.blocks import Block
from reports.formats import listed, moment
from reports.result import Result
from reports.sections import SECTIONS


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
    """Return the report of a run."""
    card = result.manifest.data
    ends = result.folds[0].test_start, result.folds[-1].test_end - card.interval
    first, last = (moment(time, card.interval)[:10] for time in ends)
    return Document(
        title=result.manifest.name,
        subtitle=f"{listed(card.symbols, 4)}, walked forward from {first} to {last}",
        version=result.manifest.versions.get("beatzero", ""),
        sections=tuple(Section(name, section(result)) for name, section in SECTIONS.items()),
    )
