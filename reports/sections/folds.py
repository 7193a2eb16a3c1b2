"""Fold by fold: what the models were trained and tested on, and whether the skill is stable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from backtest.data.names import label
from backtest.data.records.verdict import Candidate
from backtest.data.result_tables import DROPPED
from backtest.reports.blocks import Block, Figure, Heading, Note, Table, table
from backtest.reports.figures.axes import limit_of
from backtest.reports.figures.canvas import colours
from backtest.reports.figures.folds import draw_folds, draw_skill
from backtest.reports.formats import (
    counted,
    day,
    duration,
    exponent_of,
    listed,
    moment,
    p_value,
    percent,
    power,
    scaled,
    whole,
)
from backtest.reports.result import Fold, Result, by_error
from backtest.reports.run import RunResult
from backtest.reports.sections.cumulative_loss import best_fold
from backtest.reports.wording.question import words_of_loss

FOLDS_QUESTION = "What were the models trained and tested on?"


def folds(result: RunResult) -> tuple[Block, ...]:
    """What were the models trained and tested on? Training, validation and test period of every fold."""
    folds, interval = result.folds, result.manifest.data.interval
    title = folds_title(folds)
    alt = f"Bars over time for the training, validation and test period of each fold. {title}."
    figure = Figure("folds", draw_folds(folds, alt), alt, folds_caption(folds), folds_table(folds, interval))
    return Heading(title, FOLDS_QUESTION), figure


def folds_title(folds: Sequence[Fold]) -> str:
    """Return whether every test period comes after training and validation, and the kind of window."""
    late = [whole(fold.number) for fold in folds if not in_order(fold)]
    if late:
        overlap = f"s of folds {listed(late)} overlap" if len(late) > 1 else f" of fold {late[0]} overlaps"
        return f"The test period{overlap} training or validation: the results are unreliable"
    if len(folds) == 1:
        return "One fold: the test period comes after training and validation"
    kind = "an expanding" if len({fold.train_start for fold in folds}) == 1 else "a rolling"
    return f"{counted(len(folds), 'fold')} with {kind} window: every test period comes after training and validation"


def in_order(fold: Fold) -> bool:
    """Return whether training, validation and test follow each other."""
    learned = [fold.train_start, fold.train_end, fold.validation_start, fold.validation_end]
    spans = [*learned, fold.test_start, fold.test_end]
    return spans == sorted(spans)


def folds_caption(folds: Sequence[Fold]) -> str:
    """Return how to read the figure, with the gaps, which may be too thin to be seen."""
    gaps = [(fold.test_start - fold.validation_end).total_seconds() for fold in folds]
    width = " to ".join(dict.fromkeys(map(duration, (min(gaps), max(gaps)))))
    fits = len({fold.fit_fold for fold in folds})
    again = "in every fold" if fits == len(folds) else f"{counted(fits, 'time')} in {counted(len(folds), 'fold')}"
    return (
        "Each bar is one fold, the first at the top. Models are fitted on the training period, networks are stopped "
        "early by their loss on the validation period, and all are evaluated on the test period. "
        f"A gap of {width} before the test period keeps training outcomes out of it. "
        f"The models were refitted {again}."
    )


def folds_table(folds: Sequence[Fold], interval: timedelta) -> Table:
    """Return the periods and the numbers of rows of every fold."""
    labels = ["Fold", "Fitted in", "Train from", "Train until", "Validation from", "Validation until", "Test from"]
    labels += ["Test until", "Train rows", "Validation rows", "Forecasts", "No forecast"]
    rows = []
    for fold in folds:
        spans = (fold.train_start, fold.train_end, fold.validation_start, fold.validation_end)
        dates = tuple(moment(time, interval) for time in (*spans, fold.test_start, fold.test_end))
        sizes = tuple(whole(size) for size in (fold.n_train, fold.n_validation, fold.n_test, fold.n_lost))
        rows.append((whole(fold.number), whole(fold.fit_fold), *dates, *sizes))
    return table(labels, rows, FOLDS_TABLE_CAPTION, words=8)


FOLDS_TABLE_CAPTION = (
    "Times are in UTC; each period ends before its second time. No forecast: test bars without a forecast."
)


SKILL_QUESTION = "Is the skill stable?"
MOST_MODELS = 5

SKILL_CAPTION = (
    "One bar per fold: above the line the model's {loss} is lower than that of {rival} in that fold, below it higher. "
    "A model with real skill is above the line most of the time; one tall bar among many small ones is luck or an "
    "unusual period."
)
OFF_SCALE = 4
"""A bar is cut off at this many times the leading model's tallest."""


def skill(result: Result) -> tuple[Block, ...]:
    """Is the skill stable? Skill against the rival in every fold."""
    title = skill_title(result)
    models = shown_models(result)
    robustness = leave_one_out(result)
    if not models:
        return (Heading(title, SKILL_QUESTION), *robustness)
    names = ", ".join(label(model) for model in models)
    alt = f"Bar charts of the skill against {result.rival_name} in each fold for {names}. {title}."
    limit = limit_of([largest_skill(model, result) for model in models], OFF_SCALE)
    cut = [label(model) for model in models if largest_skill(model, result) > limit]
    caption = result.fill(SKILL_CAPTION) + (f" Bars of {listed(cut)} are cut off at triangles." if cut else "")
    svg = draw_skill(models, result.folds, colours(result), limit, alt)
    return Heading(title, SKILL_QUESTION), Figure("skill", svg, alt, caption, skill_table(result)), *robustness


def largest_skill(model: str, result: Result) -> float:
    """Return the size of a model's largest skill in a fold, of either sign."""
    return max((abs(fold.skills.get(model) or 0.0) for fold in result.folds), default=0.0)


def leave_one_out(result: Result) -> tuple[Block, ...]:
    """Return the result of each candidate without its most influential fold."""
    found = [one for score in result.candidates if (one := score.candidate) and one.worst_fold is not None]
    if not found or result.frame(DROPPED).is_empty():
        return ()
    rival = result.rival_name
    fragile = " ".join(
        f"Without fold {one.worst_fold}, {label(one.model)} is no longer significantly {one.status} than {rival}."
        for one in found
        if one.fragile
    )
    labels = ["Model", "Verdict", "Skill", "p adjusted", "Left-out fold", "Skill without", "p adjusted without"]
    rows = [leave_one_out_row(one, result) for one in found]
    return *([Note(fragile)] if fragile else []), table(labels, rows, result.fill(LEAVE_ONE_OUT_CAPTION), words=2)


def leave_one_out_row(one: Candidate, result: Result) -> tuple[str, ...]:
    """Return one row: the model with all folds, then without the most influential one."""
    skills = {row.fold: row.skill for row in result.rows(DROPPED, model=one.model)}
    claim = one.status in CLAIMS
    best = next(best_fold(path) for path in result.paths if path.model == one.model)
    fold = one.worst_fold if claim else best
    verdict = f"{one.status}, but fragile" if one.fragile else one.status
    chances = (one.p_worse_adjusted if one.status == "worse" else one.p_adjusted, one.worst_p if claim else None)
    before, then = (p_value(chance, result.verdict.alpha) for chance in chances)
    skill = next(score.skill for score in result.scores if score.model == one.model)
    return label(one.model), verdict, percent(skill), before, whole(fold), percent(skills.get(fold or 0)), then


CLAIMS = ("better", "worse")
LEAVE_ONE_OUT_CAPTION = (
    "Results without one fold. For a model that is better or worse than {rival} it is the fold without which the "
    "adjusted p is largest; a claim that fails without it is fragile. For any other model it is the fold with the "
    "largest gain; the first one in case of ties."
)


def shown_models(result: Result) -> tuple[str, ...]:
    """Return the models with a panel: the candidates and the best baseline that is fitted, else naive."""
    learners = by_error(
        [score for score in result.scores if not score.status and score.model not in result.question.references]
    )
    chosen = (*result.candidates[:MOST_MODELS], *learners[:1]) or result.rivals[:1]
    return tuple(score.model for score in chosen)


def skill_title(result: Result) -> str:
    """Return the range of the leading model's skill over the folds."""
    leader = result.leader
    values = [fold.skills.get(leader.model) for fold in result.folds] if leader else []
    known = [value for value in values if value is not None]
    if leader is None or not known:
        return "There is no skill by fold to show"
    if len(known) == 1:
        return f"The skill of {label(leader.model)} in the only fold was {percent(known[0])}"
    extremes = f"from {percent(min(known))} in its worst fold to {percent(max(known))} in its best"
    return f"The skill of {label(leader.model)} ranges {extremes}"


def skill_table(result: Result) -> Table:
    """Return the fold table: test span, loss of the rival, and the skill of every model."""
    models = [score.model for score in result.scores if score.model != result.rival]
    exponent = exponent_of(fold.rival_loss for fold in result.folds)
    labels = [
        "Fold",
        "Test from",
        "Test until",
        "Forecasts",
        f"{words_of_loss(result.question.loss).mean} of {result.rival_name}{power(exponent)}",
        *map(label, models),
    ]
    rows = []
    for fold in result.folds:
        skills = (percent(fold.skills.get(model)) for model in models)
        span = (day(fold.test_start), day(fold.test_end))
        rows.append((whole(fold.number), *span, whole(fold.n_test), scaled(fold.rival_loss, exponent), *skills))
    return table(labels, rows, result.fill("The columns of models show their skill against {rival}."), words=3)
