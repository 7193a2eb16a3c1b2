"""The blocks a report is made of: what is said, without how it is written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from backtest.reports.formats import whole

T = TypeVar("T")

MOST_ROWS = 40
"""Rows of an unfolding table beyond which it is binned."""

Tone = Literal["good", "care", "open", "bad", "mute"]


@dataclass(frozen=True, slots=True)
class Heading:
    """The finding of a section, and the question that it answers."""

    finding: str
    question: str
    kind: Literal["heading"] = "heading"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of the whole report: its colour, one word, the answer in plain words, and the numbers behind it.

    `remark` is what else must be known to believe it; empty: nothing.
    """

    tone: Tone
    word: str
    headline: str
    sentences: tuple[str, ...]
    remark: str = ""
    kind: Literal["verdict"] = "verdict"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was looked at: what, how it came out in a word or two, and in one short line what that means."""

    tone: Tone
    label: str
    word: str
    detail: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A handful of items side by side, to be taken in at a glance."""

    items: tuple[Item, ...]
    kind: Literal["strip"] = "strip"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph that a reader must not miss."""

    text: str
    kind: Literal["note"] = "note"


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column; numbers stand at the right, words at the left.

    `spare`: left out where there is no room; `wraps`: holds sentences, which may be broken into lines.
    """

    label: str
    number: bool = True
    spare: bool = False
    wraps: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of a table that belong together; without a label where the table has one group only."""

    rows: tuple[tuple[str, ...], ...]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are shown; `caption` says how to read them."""

    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    caption: str = ""
    kind: Literal["table"] = "table"

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Return all rows, whatever group they are in."""
        return tuple(row for group in self.groups for row in group.rows)


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture as SVG, in words, how to read it, and its numbers."""

    name: str
    svg: str
    alt: str
    caption: str
    numbers: Table
    kind: Literal["figure"] = "figure"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are, in pairs."""

    pairs: tuple[tuple[str, str], ...]
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied as it is."""

    text: str
    label: str
    kind: Literal["code"] = "code"


@dataclass(frozen=True, slots=True)
class Files:
    """Files beside the report, and what they hold."""

    pairs: tuple[tuple[str, str], ...]
    kind: Literal["files"] = "files"


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that unfold when asked for."""

    summary: str
    inside: tuple[Block, ...]
    kind: Literal["details"] = "details"


Block = Heading | Verdict | Strip | Text | Note | Table | Figure | Facts | Code | Files | Details


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


def walk(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield all blocks, each before those that unfold from it."""
    for block in blocks:
        yield block
        if isinstance(block, Details):
            yield from walk(block.inside)


def table(heads: Sequence[str], rows: Sequence[tuple[str, ...]], caption: str = "", words: int = 1) -> Table:
    """Return a table of one group, whose first `words` columns hold words and the others numbers."""
    columns = tuple(Column(head, number=place >= words) for place, head in enumerate(heads))
    return Table(columns, (Group(tuple(rows)),), caption)


def binned(items: Sequence[T]) -> tuple[T, ...]:
    """Return all items, or the last of each of MOST_ROWS equal stretches where there are more."""
    if len(items) <= MOST_ROWS:
        return tuple(items)
    return tuple(items[(number + 1) * len(items) // MOST_ROWS - 1] for number in range(MOST_ROWS))


def binned_note(items: Sequence[T], what: str = "folds") -> str:
    """Return a sentence that says so if `binned` leaves items out; `what` names them."""
    shown = f" The table shows {whole(MOST_ROWS)} of {whole(len(items))} {what}, evenly spaced."
    return "" if len(items) <= MOST_ROWS else shown
