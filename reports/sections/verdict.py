"""The verdict: the first thing to read."""

from __future__ import annotations

from backtest.data.names import Status
from backtest.data.records.verdict import Candidate
from backtest.data.records.verdict import Verdict as Found
from backtest.reports.blocks import Block, Tone, Verdict
from backtest.reports.formats import bars, tied
from backtest.reports.run import RunResult
from backtest.reports.wording.evidence import sentences
from backtest.reports.wording.question import fill
from backtest.reports.wording.verdict import headline, remark

TONES: dict[Status, tuple[Tone, str]] = {
    "better": ("good", "Better than {rival}"),
    "no evidence": ("open", "No evidence"),
    "worse": ("bad", "Worse than {rival}"),
    "cannot tell": ("mute", "Cannot tell"),
    "leak suspected": ("bad", "Leak suspected"),
}

FRAGILE: dict[Status, tuple[Tone, str]] = {
    "better": ("care", "Better, but fragile"),
    "worse": ("bad", "Worse, but fragile"),
}
"""The same if every such claim depends on a single fold."""


def verdict(result: RunResult) -> tuple[Block, ...]:
    """Is there evidence of skill? The verdict, then the numbers behind it for every candidate."""
    found = result.verdict
    evidence = tuple(map(tied, sentences(found, result.audit)))
    audited = result.audit is not None and result.audit.done
    remarks = filter(None, ["" if audited else NOT_AUDITED, remark(found)])
    return (Verdict(*tone_of(found), headline(found), evidence, tied(" ".join(remarks))),)


NOT_AUDITED = "This run has not been audited for leaks, and a leak can produce any result: run backtest audit first."


def tone_of(found: Found) -> tuple[Tone, str]:
    """Return the colour and the label of a verdict."""
    fragile = bool(decisive(found)) and all(candidate.fragile for candidate in decisive(found))
    return FRAGILE.get(found.status, tone_words(found)) if fragile else tone_words(found)


def decisive(found: Found) -> list[Candidate]:
    """Return the candidates whose status is that of the run."""
    return [candidate for candidate in found.candidates if candidate.status == found.status]


def tone_words(found: Found) -> tuple[Tone, str]:
    """Return the colour and the label of a status."""
    tone, words = TONES[found.status]
    own, every = ({one.horizon for one in some if one.horizon} for some in (decisive(found), found.candidates))
    where = f" at {bars(sorted(own))}" if found.status in ("better", "worse") and own < every else ""
    return tone, fill(words, found.question) + where
