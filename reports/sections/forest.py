"""Whether the difference in loss between a model and the rival is significant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from backtest.data.names import label
from backtest.reports.blocks import Block, Figure, Heading, Table, Text, table
from backtest.reports.figures.axes import limit_of
from backtest.reports.figures.canvas import colours
from backtest.reports.figures.forest import forest as draw
from backtest.reports.formats import MISSING, listed, p_value, percent, skill_digits
from backtest.reports.result import Result, Score
from backtest.reports.wording.question import capital

QUESTION = "Is the difference significant?"
OFF_SCALE = 12
"""A difference this many times as large as the far end of the leading model's interval is not drawn to scale."""

LARGE = 0.2
"""A detectable gain above this share of the rival's loss is mentioned: no forecast of returns gains as much."""

Gap = Literal["gain", "loss", "open", "undefined"]

CAPTION = (
    "The {loss} relative to that of {rival}: left of the line a model is better than {rival}, right of it worse. The "
    "bar is the 95 % confidence interval; if it crosses the line, the difference is not significant. The adjusted p is "
    "that of being better than {rival}"
)
OF_WORSE = "; for a model judged worse, that of being worse"
"""How the p of a caption goes on where such a model is shown."""


def forest(result: Result) -> tuple[Block, ...]:
    """Is the difference significant? Every model's loss difference from the rival with its 95 % interval."""
    scores = [score for score in result.scores if score.model != result.rival]
    if not scores:
        return (Heading(result.fill("There is no model to compare with {rival}"), QUESTION),)
    title = forest_title(result)
    ranked = [*result.candidates, *(score for score in result.rivals if not score.status)]
    limit = limit_of([largest_extent(score) for score in ranked], OFF_SCALE)
    p_values = {score.model: p_value(score.p_of_claim[1], result.verdict.alpha) for score in scores}
    names = listed([label(score.model) for score in scores])
    alt = f"Forest plot of the loss difference from {result.rival_name} of {names}. {title}."
    axis = result.fill("{loss} minus that of {rival}, % of it")
    svg = draw(scores, colours(result), p_values, limit, capital(axis), alt)
    figure = Figure("forest", svg, alt, caption(result, scores, limit), forest_table(scores, result))
    return Heading(title, QUESTION), *map(Text, power_sentences(result.candidates)), figure


def largest_extent(score: Score) -> float:
    """Return how far a difference and its interval reach from 0."""
    ends = (score.skill, score.skill_low, score.skill_high)
    return max((abs(end) for end in ends if end is not None), default=0.0)


def interval_side(score: Score) -> Gap:
    """Return on which side of 0 the interval of a model lies."""
    if score.skill_low is None or score.skill_high is None:
        return "undefined"
    return "gain" if score.skill_low > 0 else "loss" if score.skill_high < 0 else "open"


GAP_CLAUSES: dict[Gap, tuple[str, str]] = {
    "gain": ("{models} is significantly better than {rival}", "{models} are significantly better than {rival}"),
    "loss": ("{models} is significantly worse than {rival}", "{models} are significantly worse than {rival}"),
    "open": (
        "{models} is not significantly different from {rival}",
        "{models} are not significantly different from {rival}",
    ),
    "undefined": ("{models} has no interval", "{models} have no intervals"),
}
"""The clause for one model, and for several."""


def forest_title(result: Result) -> str:
    """Return whose interval excludes 0, and whether that holds after adjustment for everything that was tried."""
    models = result.candidates or result.rivals
    groups: dict[Gap, list[Score]] = {
        gap: [score for score in models if interval_side(score) == gap] for gap in GAP_CLAUSES
    }
    clauses = [
        sentences[len(members) > 1].format(models=listed(model_names(members), 4), rival=result.rival_name)
        for sentences, members in zip(GAP_CLAUSES.values(), groups.values(), strict=True)
        if members
    ]
    return f"{'; '.join(clauses)}{caveat(groups, result.verdict.alpha)}"


def caveat(groups: dict[Gap, list[Score]], alpha: float) -> str:
    """Return where the verdict differs: its test is one-sided and adjusted for everything that was tried."""
    if any(score.status == "cannot tell" for members in groups.values() for score in members):
        return ", but there is too little evidence to judge"
    lost = [score for score in groups["gain"] if score.p_adjusted is None or score.p_adjusted > alpha]
    lost += [score for score in groups["loss"] if score.status == "no evidence"]
    if lost:
        names = "" if len(lost) == sum(map(len, groups.values())) else f"for {listed(model_names(lost), 4)} "
        return f", but {names}not after adjustment for multiple testing"
    sided = [f"{label(score.model)} {score.status}" for score in groups["open"] if score.status in {"better", "worse"}]
    return f", although the one-sided test finds {listed(sided)}" if sided else ""


def power_sentences(candidates: Sequence[Score]) -> tuple[str, ...]:
    """Return, in at most three sentences, which gains this sample is too small to detect, for models without evidence.

    Mentioned are detectable gains beyond the interval, or above LARGE; the whole loss is more than any gain.
    """
    hopeless: list[str] = []
    hidden: list[str] = []
    large: list[str] = []
    for score in candidates:
        least = score.candidate.detectable if score.candidate else None
        if score.status != "no evidence" or least is None:
            continue
        shown = gain_text(least)
        if least >= 1:
            hopeless.append(label(score.model))
        elif score.skill_high is not None and least > score.skill_high:
            hidden.append(f"{shown} for {label(score.model)}")
        elif least > LARGE:
            large.append(f"below {shown} for {label(score.model)}")
    interval = "intervals allow" if len(hidden) > 1 else "interval allows"
    detect = f"The sample is too small to detect gains of the size that the {interval}: it would take"
    return (
        *([f"The sample is too small to detect even a perfect forecast by {listed(hopeless, 4)}."] if hopeless else []),
        *([f"{detect} {listed(hidden, 4)}."] if hidden else []),
        *([f"The sample is too small to detect gains {listed(large, 4)}."] if large else []),
    )


def gain_text(gain: float) -> str:
    """Return a detectable gain, with decimals only if it is small."""
    return percent(gain, 0 if gain >= 0.1 else 2, signed=False)


def model_names(scores: Sequence[Score]) -> list[str]:
    """Return the names of models."""
    return [label(score.model) for score in scores]


def caption(result: Result, scores: Sequence[Score], limit: float) -> str:
    """Return how to read the figure, and what is not drawn to scale in it."""
    sentences = [f"{result.fill(CAPTION)}{of_worse(scores)}."]
    least = [score.candidate.detectable for score in scores if score.candidate]
    if any(one is not None and one <= limit for one in least):
        sentences.append(
            "A short vertical mark is the smallest true gain that a sample like this one detects with 80 % power."
        )
    beyond = [
        f"{label(score.model)} ({gain_text(one)})"
        for score, one in zip((score for score in scores if score.candidate), least, strict=True)
        if one is not None and limit < one < 1
    ]
    if beyond:
        sentences.append(f"Off the scale: the smallest detectable gain of {listed(beyond)}.")
    far = [score for score in scores if abs(score.skill or 0.0) > limit]
    if far:
        points = [f"{label(score.model)} ({loss_difference(score.skill, skill_digits(score.skill))})" for score in far]
        sentences.append(f"Off the scale, at arrows: {listed(points)}.")
    if any(largest_extent(score) > limit for score in scores if score not in far):
        sentences.append("A bar that ends in an arrow extends beyond the figure.")
    alone = [label(score.model) for score in scores if interval_side(score) == "undefined"]
    if alone:
        sentences.append(f"Hollow points have no interval, because it could not be computed: {listed(alone)}.")
    return " ".join(sentences)


def loss_difference(skill: float | None, digits: int = 2) -> str:
    """Return a skill as a loss difference in per cent."""
    return percent(None if skill is None else -skill, digits)


def forest_table(scores: Sequence[Score], result: Result) -> Table:
    """Return the difference from the rival of every model with its interval, p-values and verdict."""
    rows = [
        (
            label(score.model),
            score.status or MISSING,
            *(loss_difference(end) for end in (score.skill, score.skill_high, score.skill_low)),
            *(p_value(chance, result.verdict.alpha) for chance in score.p_of_claim),
            detectable_text(score),
        )
        for score in scores
    ]
    labels = ["Model", "Verdict", "Difference", "95 % from", "95 % to", "p", "p adjusted", "Detectable"]
    return table(labels, rows, f"{capital(result.fill(TABLE_CAPTION))}{of_worse(scores)}.", words=2)


def detectable_text(score: Score) -> str:
    """Return the smallest detectable difference of a candidate; none where even a perfect forecast would not do."""
    least = score.candidate.detectable if score.candidate else None
    return "none" if least is not None and least >= 1 else loss_difference(least)


def of_worse(scores: Iterable[Score | None]) -> str:
    """Return how the p of a caption goes on: that of a model judged worse is another one."""
    return OF_WORSE if any(score and score.status == "worse" for score in scores) else ""


TABLE_CAPTION = (
    "{loss} minus that of {rival}, in per cent of it: minus the skill. Detectable: the smallest true difference that"
    " a sample like this one detects with 80 % power. p: one-sided, of being better than {rival}"
)
