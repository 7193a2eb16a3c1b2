"""How much the result depends on the seeds of the networks."""

from __future__ import annotations

from collections.abc import Sequence

from backtest.data.names import label
from backtest.reports.blocks import Block, Figure, Heading, Table, table
from backtest.reports.figures.canvas import colours
from backtest.reports.figures.seeds import seeds as draw
from backtest.reports.formats import MISSING, listed, p_value, percent, whole
from backtest.reports.result import Result, Score
from backtest.reports.rows import Row
from backtest.reports.sections.scores import seeds_better

QUESTION = "Luck of the seed?"
MOST_MODELS = 5

CAPTION = (
    "Rings are the skill of single seeds, the dot that of the mean over the seeds' forecasts, with its 95 % confidence"
    " interval. Right of the line the {loss} is lower than that of {rival}. If the rings are far apart, the result "
    "depends on the seed. The dot may lie to the right of all rings, because averaging forecasts reduces their error."
)


def seeds(result: Result) -> tuple[Block, ...]:
    """Luck of the seed? The skill and the verdict of every seed alone, and of their mean forecast."""
    trained = {one.model for one in result.seeds if one.skill is not None}
    ranked = dict.fromkeys((*result.candidates, *result.rivals))
    scores = [score for score in ranked if score.model in trained]
    if not scores:
        return (Heading("No model of this run depends on a seed", QUESTION),)
    title = seeds_title(scores[0], rows_of_model(result, scores[0]), result.rival_name)
    drawn = scores[:MOST_MODELS]
    alt = f"Skill of each seed alone and of their mean for {listed([label(score.model) for score in drawn])}. {title}."
    svg = draw(drawn, result.seeds, colours(result), result.rival_name, alt)
    figure = Figure("seeds", svg, alt, result.fill(CAPTION), seeds_table(result, scores))
    return (Heading(title, QUESTION), figure, seeds_summary(result, scores))


def rows_of_model(result: Result, score: Score) -> list[Row]:
    """Return the seeds of a model."""
    return [one for one in result.seeds if one.model == score.model]


def seeds_title(score: Score, alone: Sequence[Row], rival: str) -> str:
    """Return how many seeds are better than the rival alone, and the range of their skill."""
    model, skills = label(score.model), [one.skill for one in alone if one.skill is not None]
    if len(alone) == 1:
        return f"{model} was fitted with only one seed: the effect of the seed is unknown"
    ends = dict.fromkeys(map(percent, (min(skills), max(skills))))
    extremes = f"from {' to '.join(ends)}" if len(ends) > 1 else f"of {next(iter(ends))}"
    if all(one.status in {None, "cannot tell"} for one in alone):
        return f"{model}: {whole(len(alone))} seeds with a skill {extremes}"
    better = sum(one.status == "better" for one in alone)
    share = "none" if not better else "each" if better == len(alone) else whole(better)
    verb = "are" if 1 < better < len(alone) else "is"
    return f"{model}: {share} of {whole(len(alone))} seeds {verb} better than {rival} alone, with a skill {extremes}"


def seeds_summary(result: Result, scores: Sequence[Score]) -> Table:
    """Return one row per model: how many seeds are better alone, their range, and the sources of variance."""
    rows = []
    for score in scores:
        skills = [one.skill for one in rows_of_model(result, score) if one.skill is not None]
        extremes = (percent(min(skills)), percent(max(skills))) if skills else (MISSING, MISSING)
        time = score.candidate.time_share if score.candidate else None
        shares = (percent(time, 0, signed=False), percent(None if time is None else 1 - time, 0, signed=False))
        rows.append((label(score.model), seeds_better(score), *extremes, percent(score.skill), *shares))
    labels = ["Model", "Seeds better", "Worst seed", "Best seed", "Mean forecast", "Due to period", "Due to seed"]
    caption = (
        "Seeds better: those whose forecasts alone would be judged better than {rival}. Mean forecast: the skill of "
        "the mean over seeds. The last two columns split the variance of a single seed's loss difference from {rival} "
        "into the shares due to the test period and due to the seed."
    )
    return table(labels, rows, result.fill(caption))


def seeds_table(result: Result, scores: Sequence[Score]) -> Table:
    """Return every seed with its skill, p-value and verdict, then their mean."""
    rows, alpha = [], result.verdict.alpha
    for score in scores:
        rows += [
            (label(one.model), whole(one.seed), one.status or MISSING, percent(one.skill), p_value(one.p_value, alpha))
            for one in rows_of_model(result, score)
        ]
        own = (score.status or MISSING, percent(score.skill), p_value(score.p_value, alpha))
        rows.append((label(score.model), "mean", *own))
    return table(
        ["Model", "Seed", "Verdict", "Skill", "p"], rows, "p as in the table of all models, not adjusted.", words=3
    )
