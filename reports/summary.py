"""The headline table: every model with its errors, skills, p-values and folds won, for the report and the terminal."""

from __future__ import annotations

from backtest.data.names import label
from backtest.data.records.verdict import Verdict
from backtest.reports.blocks import Column, Group, Table
from backtest.reports.formats import MISSING, counted, exponent_of, interval, p_value, percent, power, scaled, whole
from backtest.reports.result import Result, Score

LARGE = 0.5
"""A skill against zero beyond this, half of the squared error, needs no decimals."""


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
            percent(score.skill_zero, digits(score.skill_zero)) if score.model != "zero" else MISSING,
            interval(score.skill_low, score.skill_high, digits(score.skill_low, score.skill_high)),
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
    return Table(columns, tuple(group for group in groups if group.rows), caption(result.verdict))


def caption(verdict: Verdict) -> str:
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


def digits(*skills: float | None) -> int:
    """Return the decimals that skills against zero deserve in per cent."""
    return 0 if any(skill is not None and abs(skill) > LARGE for skill in skills) else 2
