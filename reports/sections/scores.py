"""Who forecast best, and by how much."""

from __future__ import annotations

from backtest.data.names import Status, label
from backtest.reports.blocks import Block, Heading, Note
from backtest.reports.formats import SPACE, size
from backtest.reports.run import RunResult, Score
from backtest.reports.summary import headline


def scores(result: RunResult) -> tuple[Block, ...]:
    """Who forecast best, and by how much? All models against zero and naive."""
    table = headline(result)
    notes = [f"{label(score.model)}: {score.note}." for score in result.scores if score.note]
    shown = [Note(" ".join(notes))] if notes else []
    return (Heading(finding(result), "Who forecast best, and by how much?"), table, *shown)


CHANCE: dict[Status | None, str] = {
    "better": ", more than chance would give",
    "cannot tell": ", on too little evidence to judge by",
    "leak suspected": "",
}


def finding(result: RunResult) -> str:
    """Return what the table shows, in one sentence."""
    leader = result.leader
    if leader is None or leader.skill_zero is None:
        return "There is no model to compare with zero"
    model, gap, simple = label(leader.model), gap_of(leader), simpler(result)
    if leader.skill_zero > 0:
        closer = f"; the baseline {label(simple.model)} has one {gap_of(simple)} smaller" if simple else ""
        return f"{model} has a squared error {gap} smaller than zero's{chance(leader, result)}{closer}"
    if simple and (simple.skill_zero or 0) > 0:
        ahead = f"the baseline {label(simple.model)} has a squared error {gap_of(simple)} smaller"
        return f"No model beats zero: that of {model} is {gap} larger; {ahead}{chance(simple, result)}"
    kind = "model" if result.candidates else "baseline"
    best = "" if len(result.candidates or result.rivals) == 1 else f", the best {kind},"
    closer = f"; the baseline {label(simple.model)} comes closer" if simple else ""
    return f"No {kind} beats zero: the squared error of {model}{best} is {gap} larger{closer}"


def simpler(result: RunResult) -> Score | None:
    """Return the best baseline where its squared error is smaller than that of every candidate."""
    known = [(score.skill_zero, score) for score in result.rivals if score.skill_zero is not None]
    skill, best = max(known, key=lambda one: one[0], default=(0.0, None))
    beaten = best and result.candidates and all(skill > own for own, score in known if score.status)
    return best if beaten else None


def gap_of(score: Score) -> str:
    """Return the size of the difference to zero in per cent of its squared error."""
    return f"{size(100 * (score.skill_zero or 0), 2, 'under')}{SPACE}%"


def chance(score: Score, result: RunResult) -> str:
    """Return whether chance alone could make the gap, by the verdict, or of a baseline by its adjusted p."""
    shown = score.p_adjusted is not None and score.p_adjusted <= result.verdict.alpha
    status = score.status or ("better" if shown else None)
    return CHANCE.get(status, ", a gap that chance alone could make")
