"""At which horizons there is skill: the skill of every model by horizon, and tests of all horizons together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backtest.data.names import label
from backtest.data.result_tables import JOINT
from backtest.reports.blocks import Block, Column, Figure, Group, Heading, Table, table
from backtest.reports.figures.axes import limit_of
from backtest.reports.figures.canvas import pens
from backtest.reports.figures.horizons import horizons as draw
from backtest.reports.formats import MISSING, bars, interval, listed, p_value, percent, skill_digits, whole
from backtest.reports.result import Result, Score
from backtest.reports.sections.forest import of_worse
from backtest.reports.wording.question import fill

QUESTION = "At which horizons is there skill?"
MOST_MODELS = 5
OFF_SCALE = 8
"""A skill this many times as large as that of the leading model is cut off."""

CAPTION = (
    "Each mark is the skill of a model at one horizon, with its 95 % confidence interval: above the line its {loss} is "
    "lower than that of {rival}. Filled marks: significantly better or worse after adjustment for all models and "
    "horizons; the others are hollow."
)
TABLE_CAPTION = (
    "p: one-sided {test} test on {losses} of being better than {rival}{worse}. It takes the overlap of its own horizon "
    "into account; the adjusted p is corrected for all models and horizons. aSPA: is the mean of the skills above 0? "
    "uSPA: is the skill above 0 at each horizon? (Quaedvlieg, 2021, Journal of Business & Economic Statistics 39.) "
    "Where a model is only as good as {rival} at one horizon and better at the others, uSPA rejects too often: a claim "
    "about a single horizon rests on its adjusted p."
)

TOGETHER = {
    "average_superior_predictive_ability": "mean (aSPA)",
    "uniform_superior_predictive_ability": "each (uSPA)",
}
"""Tests of JOINT over all horizons, and what their rows are called."""

Scores = Mapping[str, Sequence[Score | None]]


def horizons(result: Result) -> tuple[Block, ...]:
    """At which horizons is there skill? Skill against the rival by horizon; nothing where a run has one horizon."""
    if len(result.horizons) == 1:
        return ()
    scores = scores_by_model(result)
    title = horizons_title(result)
    shown = {model: scores[model] for model in drawn_models(result, scores)}
    if not shown:
        return (Heading(title, QUESTION),)
    sizes = [abs(score.skill or 0.0) for own in shown.values() for score in own if score]
    limit = limit_of([max(sizes), *sizes], OFF_SCALE) if result.candidates else max(sizes)
    alpha, rival = result.verdict.alpha, label(result.common_rival)
    solid = {model: [is_significant(score, alpha) for score in own] for model, own in shown.items()}
    names = listed([label(model) for model in shown])
    alt = f"Skill of {names} against {rival} at {bars(result.horizons)}, with 95 % intervals. {title}."
    svg = draw(shown, solid, result.horizons, pens(result), widest(shown, limit), rival, alt)
    figure = Figure("horizons", svg, alt, caption(CAPTION, result), points_table(shown, result))
    return Heading(title, QUESTION), figure, horizons_table(scores, result)


def caption(text: str, result: Result) -> str:
    """Return a text with {rival} and the others replaced by what they are called at all horizons."""
    return fill(text, result.question, result.common_rival)


def scores_by_model(result: Result) -> dict[str, list[Score | None]]:
    """Return the scores of every model at each horizon, the candidates first, by loss; None where it is the rival.

    A model that is the rival at every horizon is left out.
    """
    every = [result.at(horizon) for horizon in result.horizons]
    views = [{score.model: score for score in view.rivals} for view in every]
    ranked = dict.fromkeys(score.model for view in (result, *every) for score in (*view.candidates, *view.rivals))
    return {model: [view.get(model) for view in views] for model in ranked}


def drawn_models(result: Result, scores: Scores) -> list[str]:
    """Return the models in the figure: the candidates and the best baseline that is fitted, else the best of all."""
    candidates = [score.model for score in result.candidates][:MOST_MODELS]
    fitted = [model for model in scores if model not in {*candidates, *result.question.references}]
    own = {score.model for score in result.candidates}
    return [*candidates, *[model for model in fitted if model not in own][:1]] or list(scores)[:1]


def widest(shown: Scores, limit: float) -> float:
    """Return how far the figure reaches from 0: intervals count, up to twice what the skills need."""
    ends = [end for own in shown.values() for score in own if score for end in (score.skill_low, score.skill_high)]
    return min(max((abs(end) for end in ends if end is not None), default=limit), 2 * limit) or limit


def is_significant(score: Score | None, alpha: float) -> bool:
    """Return whether a model is better or worse than the rival after adjustment."""
    if score is None:
        return False
    return score.status == "worse" or (score.p_adjusted is not None and score.p_adjusted <= alpha)


def horizons_title(result: Result) -> str:
    """Return at which horizons the candidates are better than the rival."""
    found, rival = result.verdict.candidates, label(result.common_rival)
    better: dict[str, list[int]] = {}
    for one in sorted(found, key=lambda one: one.horizon):
        if one.status == "better":
            better.setdefault(label(one.model), []).append(one.horizon)
    if not better:
        if found and all(one.status == "cannot tell" for one in found):
            return f"There is too little evidence to judge the skill at {bars(result.horizons)}"
        return f"No significant skill against {rival} at any horizon: {bars(result.horizons)}"
    groups: dict[tuple[int, ...], list[str]] = {}
    for model, own in better.items():
        groups.setdefault(tuple(own), []).append(model)
    clauses = [
        f"{listed(models)} {'is' if len(models) == 1 else 'are'} better than {rival} at {bars(own)}"
        for own, models in groups.items()
    ]
    none = [horizon for horizon in result.horizons if not any(horizon in own for own in better.values())]
    return "; ".join([*clauses, *([f"no significant skill at {bars(none)}"] if none else [])])


def points_table(shown: Scores, result: Result) -> Table:
    """Return the skills of the figure, a column for each horizon."""
    rows = [
        (label(model), *(percent(score.skill if score else None, 2) for score in own)) for model, own in shown.items()
    ]
    return table(
        ["Model", *(bars([horizon]) for horizon in result.horizons)], rows, caption("Skill against {rival}.", result)
    )


def horizons_table(scores: Scores, result: Result) -> Table:
    """Return the skill of every model at every horizon with its p-values, then its tests of all horizons together."""
    alpha = result.verdict.alpha
    tests = {(row.model, row.test): row for row in result.rows(JOINT, horizon=None)}
    columns = (
        Column("Bars ahead", number=False),
        *map(Column, ("Skill", "95 % interval", "p", "p adjusted")),
        Column("Verdict", number=False),
    )
    groups = []
    for model, own in scores.items():
        rows = [
            (whole(horizon), *(cells(score, alpha) if score else [MISSING] * 4), verdict_word(score))
            for horizon, score in zip(result.horizons, own, strict=True)
        ]
        for test, name in TOGETHER.items():
            if row := tests.get((model, test)):
                found = "undefined" if row.note and row.p_value is None else MISSING
                rows.append((name, MISSING, MISSING, p_value(row.p_value, alpha), MISSING, found))
        groups.append(Group(tuple(rows), label(model)))
    reasons = [
        f"{label(row.model)}, {TOGETHER.get(row.test, row.title)}: {row.note}."
        for row in tests.values()
        if row.p_value is None
    ]
    worse = of_worse(score for own in scores.values() for score in own)
    words = caption(TABLE_CAPTION.replace("{worse}", worse), result)
    return Table(columns, tuple(groups), " ".join([words, *dict.fromkeys(reasons)]))


def verdict_word(score: Score | None) -> str:
    """Return the verdict on a model at one horizon; the best baseline there is the rival itself."""
    return (score.status or MISSING) if score else "the rival"


def cells(score: Score, alpha: float) -> tuple[str, str, str, str]:
    """Return skill, interval and p-values of a model at one horizon."""
    ends = interval(score.skill_low, score.skill_high, skill_digits(score.skill_low, score.skill_high))
    first, adjusted = (p_value(chance, alpha) for chance in score.p_of_claim)
    return percent(score.skill, skill_digits(score.skill)), ends, first, adjusted
