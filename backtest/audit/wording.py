"""What an audit says to people: a leak in a few lines, and the table of its levels."""

from __future__ import annotations

from data.audit import Leak, Level
from reports.witness import witness_words

PASSED = {"passed": "yes", "leak": "NO", "not run": "–"}


def told(leak: Leak) -> str:
    """A leak in lines: what was seen, the witness, and what to do."""
    lines = [f"{leak.subject} {leak.seen}"]
    if leak.witness:
        lines.append(f"  {witness_words(leak.witness)}")
    return "\n".join([*lines, f"  what to do: {leak.remedy}"])


def row(level: Level) -> tuple[str, str, str, str]:
    """A level as a row: level, checked, passed, witness."""
    first = level.leaks[0] if level.leaks else None
    witness = (witness_words(first.witness) if first.witness else f"{first.subject} {first.seen}") if first else ""
    return f"{level.number} {level.name}", level.checked, PASSED[level.state], witness
