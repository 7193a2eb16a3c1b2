"""Who forecast best, and by how much: the table of all models, for the report and the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from backtest.data.names import MAX_T, Status, label
from backtest.data.records.verdict import Verdict
from backtest.reports.blocks import Block, Column, Group, Heading, Note, Table
from backtest.reports.formats import (
    MISSING,
    SPACE,
    bars,
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
from backtest.reports.result import Result, Score, other_reference
from backtest.reports.sections.by_horizon import at_horizon
from backtest.reports.wording.question import fill, words_of_loss


def scores(result: Result) -> tuple[Block, ...]:
    """Who forecast best, and by how much? All models against the references."""
    several = len(result.horizons) > 1
    title = at_horizon(scores_title(result), result.horizon) if several else scores_title(result)
    notes = [
        f"{label(score.model)}{f' at {bars([view.horizon])}' if several else ''}: {score.note}."
        for view in views(result)
        for score in view.scores
        if score.note
    ]
    shown = [Note(" ".join(notes))] if notes else []
    return (Heading(title, "Who forecast best, and by how much?"), headline(result), *shown)


def views(result: Result) -> list[Result]:
    """Return the views of a result at each of its horizons, the shortest first."""
    return [result.at(horizon) for horizon in result.horizons] if len(result.horizons) > 1 else [result]


ROOM = 8
"""Letters of a model's name that leave room for the interval in a narrow table."""

SIGNIFICANCE: dict[Status | None, str] = {
    "better": ", which is significant",
    "cannot tell": ", but there is too little evidence to judge",
    "leak suspected": "",
}


def scores_title(result: Result) -> str:
    """Return what the table shows, in one sentence."""
    leader = result.leader
    if leader is None or leader.skill is None:
        return f"There is no model to compare with {result.rival_name}"
    rival, loss = result.rival_name, result.loss_name
    model, gap, baseline = label(leader.model), gap_text(leader), better_baseline(result)
    if leader.skill > 0:
        closer = f"; that of the baseline {label(baseline.model)} is {gap_text(baseline)} lower" if baseline else ""
        return f"The {loss} of {model} is {gap} lower than {rival}'s{significance_clause(leader, result)}{closer}"
    if baseline and (baseline.skill or 0) > 0:
        lower = f"{gap_text(baseline)} lower{significance_clause(baseline, result)}"
        own = f"the {loss} of {model} is {gap} higher"
        return f"No model beats {rival}: {own}; that of the baseline {label(baseline.model)} is {lower}"
    kind = "model" if result.candidates else "baseline"
    best = "" if len(result.candidates or result.rivals) == 1 else f", the best {kind},"
    closer = f"; the baseline {label(baseline.model)} comes closer" if baseline else ""
    return f"No {kind} beats {rival}: the {loss} of {model}{best} is {gap} higher{closer}"


def better_baseline(result: Result) -> Score | None:
    """Return the best baseline if its loss is lower than that of every candidate."""
    known = [(score.skill, score) for score in result.rivals if score.skill is not None]
    skill, best = max(known, key=lambda one: one[0], default=(0.0, None))
    beaten = best and result.candidates and all(skill > own for own, score in known if score.status)
    return best if beaten else None


def gap_text(score: Score) -> str:
    """Return the size of the difference to the rival in per cent of its loss."""
    return f"{size(100 * (score.skill or 0), 2, 'under')}{SPACE}%"


def significance_clause(score: Score, result: Result) -> str:
    """Return whether the difference is significant: by the verdict, for a baseline by its adjusted p."""
    shown = score.p_adjusted is not None and score.p_adjusted <= result.verdict.alpha
    status = score.status or ("better" if shown else None)
    return SIGNIFICANCE.get(status, ", which is not significant")


def headline(result: Result) -> Table:
    """Return the table of all models: baselines first, then the candidates by loss; horizon by horizon."""
    several = len(result.horizons) > 1
    every = [score for view in views(result) for score in view.scores]
    losses = exponent_of(score.loss for score in every)
    others = exponent_of(score.other_loss for score in every)
    alpha, question, other = result.verdict.alpha, result.question, other_reference(result)
    mean, *other_means = (words_of_loss(loss).mean for loss in question.losses[:2])
    tested = sum(fold.n_test > 0 for fold in result.folds)
    columns = (
        Column("Model", number=False),
        Column(f"Skill vs {label(result.common_rival)}"),
        Column("95 % interval", spare=several or max(len(label(score.model)) for score in every) > ROOM),
        Column("p"),
        Column("p adjusted"),
        Column("In the set", spare=True),
        Column("Folds won"),
        Column("Seeds better"),
        *([Column(f"{head} vs {label(other)}", spare=True) for head in ("Skill", "p")] if other else []),
        Column(f"{mean}{power(losses)}"),
        *(Column(f"{other_mean}{power(others)}", spare=True) for other_mean in other_means),
    )

    def cells(score: Score, view: Result) -> tuple[str, ...]:
        """Return one row."""
        return (
            label(score.model),
            percent(score.skill, skill_digits(score.skill)) if score.model != view.rival else MISSING,
            interval(score.skill_low, score.skill_high, skill_digits(score.skill_low, score.skill_high)),
            p_value(score.p_value, alpha),
            p_value(score.p_adjusted, alpha),
            MISSING if score.in_set is None else ("yes" if score.in_set else "no"),
            MISSING if score.folds_won is None else f"{whole(score.folds_won)} of {whole(tested)}",
            seeds_better(score),
            *([percent(score.other_skill) if score.model != other else MISSING] if other else []),
            *([p_value(score.other_p, alpha)] if other else []),
            scaled(score.loss, losses),
            *(scaled(score.other_loss, others) for _ in other_means),
        )

    if several:
        of_horizons = [
            Group(
                (*(cells(score, view) for score in view.scores), *combination_rows(view, columns)),
                f"{bars([view.horizon])} ahead",
            )
            for view in views(result)
        ]
        return Table(columns, tuple(of_horizons), f"{headline_caption(result.verdict)} {ORDER_CAPTION}")
    baselines = tuple(cells(score, result) for score in result.scores if not score.status)
    candidates = tuple(cells(score, result) for score in result.candidates)
    combined = combination_rows(result, columns)
    groups = (
        Group(baselines, "Baselines"),
        Group(candidates, "Models, best first"),
        Group(combined, "Combinations of the models, tested alone"),
    )
    return Table(columns, tuple(group for group in groups if group.rows), headline_caption(result.verdict))


def combination_rows(result: Result, columns: Sequence[Column]) -> tuple[tuple[str, ...], ...]:
    """Return a row of the table of all models for each combination of the candidates at the horizon of the views."""
    rows = list[tuple[str, ...]]()
    found = next((one for one in result.verdict.combinations if one.horizon == result.horizon), None)
    if found is None:
        return ()
    for name, own in (("pool", found.equal), ("shrunk", found.mixed)):
        told = {
            f"Skill vs {label(result.common_rival)}": percent(own.skill, skill_digits(own.skill)),
            "95 % interval": interval(own.skill_low, own.skill_high, skill_digits(own.skill_low, own.skill_high)),
            "p": p_value(own.p_value, result.verdict.alpha),
        }
        rows.append((name, *(told.get(column.label, MISSING) for column in columns[1:])))
    return tuple(rows)


def headline_caption(verdict: Verdict) -> str:
    """Return how to read the table."""
    several = len({claim.horizon for claim in verdict.claims}) > 1
    where = ", at every horizon" if several else ""
    others = f", in {counted(verdict.configurations, 'configuration')}" if verdict.configurations > 1 else ""
    adjusted = (
        f"The more comparisons, the smaller one p is by luck: the adjusted p ({adjustment(verdict)}) is corrected for "
        f"all {whole(verdict.comparisons)} made on these bars (every model but the references{where}{others})."
    )
    combined = f" {fill(COMBINED, verdict.question)}" if verdict.combinations else ""
    return f"{fill(SKILL_CAPTION, verdict.question)} {adjusted} {fill(SET_CAPTION, verdict.question)}{combined}"


SKILL_CAPTION = (
    "Skill is the reduction in {loss} relative to the baseline: 0 % is no better than the baseline, negative is worse. "
    "p is the probability of a result at least this good if the model were no better than {rival} (one-sided "
    "{test} test on {losses})."
)
SET_CAPTION = (
    "In the set: in the Model Confidence Set, the models that cannot be ruled out as the best. A fold is won if the "
    "{loss} is lower than that of {rival}; a seed is better if its forecasts alone would be judged better than "
    "{rival}. A p against another baseline is not adjusted. The last columns are mean losses of the forecast {outcome}."
)

COMBINED = (
    "Pool: the mean of the models' forecasts; shrunk: a mix of it with {rival} whose weight in each fold is the "
    "best one of the folds before. Neither is judged, and their p is not adjusted."
)

ORDER_CAPTION = "At each horizon the baselines come first, then the models, best first."


def adjustment(verdict: Verdict) -> str:
    """Return the name of the adjustment of p-values: `benjamini-hochberg` becomes Benjamini-Hochberg, max-t stays."""
    if verdict.adjustment == MAX_T:
        return MAX_T
    return "-".join(word.capitalize() for word in verdict.adjustment.split("-"))


def seeds_better(score: Score) -> str:
    """Return how many seeds of a model would have been better than the rival alone."""
    verdicts = score.candidate.seed_verdicts if score.candidate else ()
    return f"{whole(verdicts.count('better'))} of {whole(len(verdicts))}" if verdicts else MISSING
