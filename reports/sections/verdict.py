"""The first thing to read: whether to believe that a network forecast better than zero."""

from __future__ import annotations

from data.names import Status
from reports.blocks import Block, Tone, Verdict
from reports.formats import SPACE
from reports.result import Result

TONES: dict[Status, tuple[Tone, str]] = {
    "better": ("good", "Better than zero"),
    "no evidence": ("open", "No evidence"),
    "worse": ("bad", "Worse than zero"),
    "cannot tell": ("mute", "Cannot tell"),
}


def verdict(result: Result) -> tuple[Block, ...]:
    """Should I believe it? The verdict in plain words, then the numbers that it rests on for every candidate."""
    found = result.verdict
    sentences = [candidate.sentence for candidate in found.candidates] or [found.sentence]
    return (Verdict(*TONES[found.status], found.headline, tuple(map(tied, sentences))),)


def tied(sentence: str) -> str:
    """Return a sentence in which no line breaks between a number and its sign."""
    for sign in (" %", "< ", "= "):
        sentence = sentence.replace(sign, sign.replace(" ", SPACE))
    return sentence
