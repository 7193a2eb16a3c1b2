"""Whether the skill is stable over the folds."""

from __future__ import annotations

from data.names import REFERENCES, label
from reports.blocks import Block, Figure, Heading, Note, Table, table
from reports.figures.skill import skill as draw
from reports.formats import day, exponent_of, p_value, percent, power, scaled, whole
from reports.result import Result, by_error
from reports.sections.parts import colours

QUESTION = "Is the skill stable?"
PANELS = 5

CAPTION = (
    "One bar per fold: upwards the model's squared error was smaller than zero's in that fold, downwards larger. "
    "A model with real skill is up most of the time; one tall bar among many small ones is luck or a special time."
)


def skill(result: Result) -> tuple[Block, ...]:
    """Is the skill stable? Skill against zero in every fold."""
    title = finding(result)
    models = shown(result)
    left_out = without_a_fold(result)
    if not models:
        return (Heading(title, QUESTION), *left_out)
    alt = (
        f"Bar charts of the skill against zero in each fold for {', '.join(label(model) for model in models)}. {title}."
    )
    figure = Figure("skill", draw(models, result.folds, colours(result), alt), alt, CAPTION, numbers(result))
    return Heading(title, QUESTION), figure, *left_out


def without_a_fold(result: Result) -> tuple[Block, ...]:
    """Return what is left of each candidate's result when the fold that carries most of it is left out."""
    skills = {(row.model, row.fold): row.skill for row in result.dropped}
    rows, fragile, alpha = [], [], result.verdict.alpha
    for score in result.candidates:
        one = score.candidate
        if one is None or one.worst_fold is None:
            continue
        verdict = f"{one.status}, but fragile" if one.fragile else one.status
        chance = one.p_worse_adjusted if one.status == "worse" else one.p_adjusted
        then = percent(skills.get((score.model, one.worst_fold))), p_value(one.worst_p, alpha)
        before = verdict, percent(score.skill_zero), p_value(chance, alpha)
        rows.append((label(score.model), *before, whole(one.worst_fold), *then))
        if one.fragile:
            fragile.append(
                f"{label(score.model)}: fold {one.worst_fold} carries the claim, nothing is shown without it."
            )
    if not rows:
        return ()
    heads = ["Model", "Verdict", "Skill", "p adjusted", "Fold left out", "Skill then", "p adjusted then"]
    return *([Note(" ".join(fragile))] if fragile else []), table(heads, rows, LEFT_OUT, words=2)


LEFT_OUT = (
    "Each fold was left out in turn; shown is the one without which the adjusted p is largest. A claim of being better "
    "or worse than zero that does not survive this is fragile. The p is that of being better, or of being worse for a "
    "model that is worse."
)


def shown(result: Result) -> tuple[str, ...]:
    """Return the models with a panel: the candidates, then the best baseline that learns anything; or naive."""
    learners = by_error([score for score in result.scores if not score.status and score.model not in REFERENCES])
    chosen = (*result.candidates[:PANELS], *learners[:1]) or result.rivals[:1]
    return tuple(score.model for score in chosen)


def finding(result: Result) -> str:
    """Return in how many folds the leading model won, and how far its skill went."""
    leader = result.leader
    values = [fold.skills.get(leader.model) for fold in result.folds] if leader else []
    known = [value for value in values if value is not None]
    if leader is None or not known:
        return "There is no skill to show fold by fold"
    if len(known) == 1:
        return f"The skill of {label(leader.model)} in the only fold was {percent(known[0])}"
    reach = f"from {percent(min(known))} in its worst fold to {percent(max(known))} in its best"
    return f"The skill of {label(leader.model)} went {reach}"


def numbers(result: Result) -> Table:
    """Return the fold table: test span, squared error of zero, and the skill of every model."""
    models = [score.model for score in result.scores if score.model != "zero"]
    exponent = exponent_of(fold.mse_zero for fold in result.folds)
    heads = ["Fold", "Test from", "Test until", "Forecasts", f"MSE of zero{power(exponent)}", *map(label, models)]
    rows = []
    for fold in result.folds:
        skills = (percent(fold.skills.get(model)) for model in models)
        span = (day(fold.test_start), day(fold.test_end))
        rows.append((whole(fold.number), *span, whole(fold.n_test), scaled(fold.mse_zero, exponent), *skills))
    return table(heads, rows, "Below the models: skill against zero.", words=3)
