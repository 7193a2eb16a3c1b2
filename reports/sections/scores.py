"""Who forecast best, and by how much: the table of all models, for the report and the terminal."""

from __future__ import annotations

from backtest.data.names import Status, label
from backtest.data.records.verdict import Verdict
from backtest.reports.blocks import Block, Column, Group, Heading, Note, Table
from backtest.reports.formats import (
    MISSING,
    SPACE,
    counted,
    exponent_of,
    interval,
    p_value,
    percent,
    power,
    scaled,
    size,
    skill_digits,
    whole,
)
from backtest.reports.result import Result, Score


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


def headline(result: Result) -> Table:
    """Return the table of all models: baselines first, then the candidates by squared error."""
    squares = exponent_of(score.mse for score in result.scores)
    sizes = exponent_of(score.mae for score in result.scores)
    alpha = result.verdict.alpha
    columns = (
        Column("Model", number=False),
        Column("Skill vs zero"),
        Column("95 % interval"),
        Column("p"),
        Column("p adjusted"),
        Column("In the set", spare=True),
        Column("Folds won"),
        Column("Seeds better"),
        Column("Skill vs naive", spare=True),
        Column(f"MSE{power(squares)}"),
        Column(f"MAE{power(sizes)}", spare=True),
    )

    def cells(score: Score) -> tuple[str, ...]:
        """Return one row."""
        return (
            label(score.model),
            percent(score.skill_zero, skill_digits(score.skill_zero)) if score.model != "zero" else MISSING,
            interval(score.skill_low, score.skill_high, skill_digits(score.skill_low, score.skill_high)),
            p_value(score.p_value, alpha),
            p_value(score.p_adjusted, alpha),
            MISSING if score.in_set is None else ("yes" if score.in_set else "no"),
            MISSING if score.folds_won is None else f"{whole(score.folds_won)} of {whole(len(result.folds))}",
            seeds_better(score),
            percent(score.skill_naive) if score.model != "naive" else MISSING,
            scaled(score.mse, squares),
            scaled(score.mae, sizes),
        )

    baselines = tuple(cells(score) for score in result.scores if not score.status)
    candidates = tuple(cells(score) for score in result.candidates)
    groups = (Group(baselines, "Baselines"), Group(candidates, "Models, best first"))
    return Table(columns, tuple(group for group in groups if group.rows), headline_caption(result.verdict))


def headline_caption(verdict: Verdict) -> str:
    """Return how to read the table."""
    others = f" and all {counted(verdict.configurations, 'configuration')} tried on these bars"
    return (
        "Skill is the reduction in squared error relative to the baseline: 0 % is no better than the baseline, "
        "negative is worse. p is the probability of a result at least this good if the model were no better than zero "
        f"(one-sided Diebold-Mariano test on squared errors); the adjusted p ({adjustment(verdict)}) allows for the "
        f"number of models{others if verdict.configurations > 1 else ''}. In the set: in the Model Confidence Set, the "
        "models that cannot be ruled out as the best. A fold is won if the squared error is lower than zero's; a seed "
        "is better if its forecasts alone would be judged better than zero. MSE and MAE are the mean squared and mean "
        "absolute error of the forecast log return."
    )


def adjustment(verdict: Verdict) -> str:
    """Return the name of the adjustment of p-values: `benjamini-hochberg` becomes Benjamini-Hochberg."""
    return "-".join(word.capitalize() for word in verdict.adjustment.split("-"))


def seeds_better(score: Score) -> str:
    """Return how many seeds of a model would have been better than zero alone."""
    verdicts = score.candidate.seed_verdicts if score.candidate else ()
    return f"{whole(verdicts.count('better'))} of {whole(len(verdicts))}" if verdicts else MISSING
