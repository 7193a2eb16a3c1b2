"""The first thing to read: whether to believe that a network forecast better than zero."""

from __future__ import annotations

from backtest.data.names import Status
from backtest.data.records.verdict import Verdict as Found
from backtest.reports.blocks import Block, Tone, Verdict
from backtest.reports.formats import tied
from backtest.reports.run import RunResult
from backtest.reports.wording.verdict import headline, remark, sentences

TONES: dict[Status, tuple[Tone, str]] = {
    "better": ("good", "Better than zero"),
    "no evidence": ("open", "No evidence"),
    "worse": ("bad", "Worse than zero"),
    "cannot tell": ("mute", "Cannot tell"),
    "leak suspected": ("bad", "Leak suspected"),
}

FRAGILE: dict[Status, tuple[Tone, str]] = {
    "better": ("care", "Better, but fragile"),
    "worse": ("bad", "Worse, but fragile"),
}
"""The same where one fold carries the claim for every model of which it is made."""


def verdict(result: RunResult) -> tuple[Block, ...]:
    """Should I believe it? The verdict in plain words, then the numbers that it rests on for every candidate."""
    found = result.verdict
    evidence = tuple(map(tied, sentences(found, result.audit)))
    audited = result.audit is not None and result.audit.done
    remarks = filter(None, ["" if audited else NOT_AUDITED, remark(found)])
    return (Verdict(*tone_of(found), headline(found), evidence, tied(" ".join(remarks))),)


NOT_AUDITED = "Nothing has looked for leaks in this run, and a leak can make any number: run backtest audit first."


def tone_of(found: Found) -> tuple[Tone, str]:
    """Return the colour and the word of a verdict."""
    decisive = [candidate for candidate in found.candidates if candidate.status == found.status]
    fragile = bool(decisive) and all(candidate.fragile for candidate in decisive)
    return FRAGILE.get(found.status, TONES[found.status]) if fragile else TONES[found.status]
