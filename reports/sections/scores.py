"""Who forecast best, and by how much."""

from __future__ import annotations

from data.names import Status, label
from reports.blocks import Block, Heading, Note
from reports.formats import SPACE, size
from reports.result import Result
from reports.summary import headline


def scores(result: Result) -> tuple[Block, ...]:
    """Who forecast best, and by how much? All models against zero and naive."""
    table = headline(result)
    notes = [f"{label(score.model)}: {score.note}." for score in result.scores if score.note]
    shown = [Note(" ".join(notes))] if notes else []
    return (Heading(finding(result), "Who forecast best, and by how much?"), table, *shown)


CHANCE: dict[Status | None, str] = {
    "better": ", more than chance would give",
    "cannot tell": ", on too little evidence to judge by",
}


def finding(result: Result) -> str:
    """Return what the table shows, in one sentence."""
    leader = result.leader
    if leader is None or leader.skill_zero is None:
        return "There is no model to compare with zero"
    model, gap = label(leader.model), f"{size(100 * leader.skill_zero, 2)}{SPACE}%"
    if leader.skill_zero > 0:
        chance = CHANCE.get(leader.status, ", a gap that chance alone could make")
        return f"{model} has a squared error {gap} smaller than zero's{chance}"
    kind = "model" if result.candidates else "baseline"
    best = "" if len(result.candidates or result.rivals) == 1 else f", the best {kind},"
    return f"No {kind} beats zero: the squared error of {model}{best} is {gap} larger"
