"""Who forecast best, and by how much."""

from __future__ import annotations

from backtest.data.names import Status, label
from backtest.reports.blocks import Block, Heading, Note
from backtest.reports.formats import SPACE, size
from backtest.reports.result import Result, Score
from backtest.reports.summary import headline


def scores(result: Result) -> tuple[Block, ...]:
    """Who forecast best, and by how much? All models against zero and naive."""
    table = headline(result)
    notes = [f"{label(score.model)}: {score.note}." for score in result.scores if score.note]
    shown = [Note(" ".join(notes))] if notes else []
    return (Heading(scores_title(result), "Who forecast best, and by how much?"), table, *shown)


SIGNIFICANCE: dict[Status | None, str] = {
    "better": ", which is significant",
    "cannot tell": ", but there is too little evidence to judge",
    "leak suspected": "",
}


def scores_title(result: Result) -> str:
    """Return what the table shows, in one sentence."""
    leader = result.leader
    if leader is None or leader.skill_zero is None:
        return "There is no model to compare with zero"
    model, gap, baseline = label(leader.model), gap_text(leader), better_baseline(result)
    if leader.skill_zero > 0:
        closer = f"; that of the baseline {label(baseline.model)} is {gap_text(baseline)} lower" if baseline else ""
        return f"The squared error of {model} is {gap} lower than zero's{significance_clause(leader, result)}{closer}"
    if baseline and (baseline.skill_zero or 0) > 0:
        lower = f"{gap_text(baseline)} lower{significance_clause(baseline, result)}"
        own = f"the squared error of {model} is {gap} higher"
        return f"No model beats zero: {own}; that of the baseline {label(baseline.model)} is {lower}"
    kind = "model" if result.candidates else "baseline"
    best = "" if len(result.candidates or result.rivals) == 1 else f", the best {kind},"
    closer = f"; the baseline {label(baseline.model)} comes closer" if baseline else ""
    return f"No {kind} beats zero: the squared error of {model}{best} is {gap} higher{closer}"


def better_baseline(result: Result) -> Score | None:
    """Return the best baseline if its squared error is lower than that of every candidate."""
    known = [(score.skill_zero, score) for score in result.rivals if score.skill_zero is not None]
    skill, best = max(known, key=lambda one: one[0], default=(0.0, None))
    beaten = best and result.candidates and all(skill > own for own, score in known if score.status)
    return best if beaten else None


def gap_text(score: Score) -> str:
    """Return the size of the difference to zero in per cent of its squared error."""
    return f"{size(100 * (score.skill_zero or 0), 2, 'under')}{SPACE}%"


def significance_clause(score: Score, result: Result) -> str:
    """Return whether the difference is significant: by the verdict, for a baseline by its adjusted p."""
    shown = score.p_adjusted is not None and score.p_adjusted <= result.verdict.alpha
    status = score.status or ("better" if shown else None)
    return SIGNIFICANCE.get(status, ", which is not significant")
