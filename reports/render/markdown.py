"""Writes a document as Markdown (GitHub's), with the figures as files beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from backtest.reports.blocks import (
    Block,
    Code,
    Details,
    Document,
    Facts,
    Figure,
    Files,
    Heading,
    Note,
    Strip,
    Table,
    Text,
    Verdict,
)

ICONS = {"good": "✅", "care": "⚠️", "open": "🟰", "bad": "❌", "mute": "❔"}
SPECIAL = re.compile(r"([\\`*_\[\]|~$@]|:(?=//)|(?<=www)\.)")
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
ADDRESS = re.compile(r"(?<=[\w.+-])\\@(?=\w)")
APART = "<!-- -->"
"""What keeps GitHub from making a link of a mail address, which a backslash does not."""
OPENING = re.compile(r"^(\d*)([-+.)](?=\s|$)|[-=]+$|#)")


def to_markdown(document: Document) -> str:
    """Return the document as Markdown."""
    parts = [f"# {escaped(document.title)}", escaped(document.subtitle)]
    parts += [written(block) for section in document.sections for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def written(block: Block) -> str:
    """Return one block."""
    return WRITERS[type(block)](block)


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    plain = SPECIAL.sub(r"\\\1", re.sub(r"\s*\n\s*", " ", text.strip())).translate(ENTITIES)
    return OPENING.sub(r"\1\\\2", ADDRESS.sub(f"@{APART}", plain))


def verdict(block: Verdict) -> str:
    """Return the verdict as a quotation."""
    lines = [
        f"{ICONS[block.tone]} **{escaped(block.word)}**",
        f"**{escaped(block.headline)}**",
        *map(escaped, block.sentences),
        *([f"*{escaped(block.remark)}*"] if block.remark else []),
    ]
    return "\n>\n".join(f"> {line}" for line in lines)


def strip(block: Strip) -> str:
    """Return items as a list, each with its sign."""
    return "\n".join(
        f"- {ICONS[item.tone]} **{escaped(item.label)}:** {escaped(item.word)} · {escaped(item.detail)}"
        for item in block.items
    )


def heading(block: Heading) -> str:
    """Return a finding as a heading, with its question below."""
    return f"## {escaped(block.finding)}\n\n*{escaped(block.question)}*"


def table(block: Table) -> str:
    """Return a table; the label of a group is a row of its own."""
    lines = [row([column.label for column in block.columns])]
    lines.append("|" + "|".join(" ---: " if column.number else " --- " for column in block.columns) + "|")
    for group in block.groups:
        if group.label:
            lines.append(f"| *{escaped(group.label)}* " + "| " * (len(block.columns) - 1) + "|")
        lines += [row(cells) for cells in group.rows]
    return "\n".join(lines) + (f"\n\n{escaped(block.caption)}" if block.caption else "")


def row(cells: Any) -> str:
    """Return one row of a table."""
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"


def figure(block: Figure) -> str:
    """Return the picture, how to read it, and its numbers folded away."""
    alt = escaped(block.alt).replace(APART, "")  # there it would be read out
    picture = f"![{alt}](figures/{block.name}.svg)"
    return f"{picture}\n\n{escaped(block.caption)}\n\n{folded('The numbers', table(block.numbers))}"


def folded(summary: str, inside: str) -> str:
    """Return something that unfolds."""
    return f"<details>\n<summary>{summary.translate(ENTITIES)}</summary>\n\n{inside}\n\n</details>"


def code(block: Code) -> str:
    """Return text in a fence that is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", block.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{escaped(block.label)}:\n\n{fence}\n{block.text.rstrip()}\n{fence}"


def pairs(block: Facts | Files) -> str:
    """Return names and what they are as a list."""
    if isinstance(block, Files):
        return "\n".join(f"- [{escaped(name)}]({name}): {escaped(text)}" for name, text in block.pairs)
    return "\n".join(f"- **{escaped(name)}:** {escaped(text)}" for name, text in block.pairs)


WRITERS: dict[type, Callable[[Any], str]] = {
    Heading: heading,
    Verdict: verdict,
    Strip: strip,
    Text: lambda block: escaped(block.text),
    Note: lambda block: f"> **Note:** {escaped(block.text)}",
    Table: table,
    Figure: figure,
    Facts: pairs,
    Files: pairs,
    Code: code,
    Details: lambda block: folded(block.summary, "\n\n".join(map(written, block.inside))),
}
