"""The headline table: every model with its errors, skills, p-values and folds won, for the report and the terminal."""

from __future__ import annotations

from data.names import label
from reports.blocks import Column, Group, Table
from reports.formats import MISSING, SPACE, exponent_of, p_value, percent, power, scaled, whole
from reports.result import Result, Score


def headline(result: Result) -> Table:
    """Return the table of all models: baselines first, then the candidates by squared error."""
    squares = exponent_of(score.mse for score in result.scores)
    sizes = exponent_of(score.mae for score in result.scores)
    heads = (
        f"MSE{power(squares)}",
        f"MAE{power(sizes)}",
        "Skill vs zero",
        "95 % interval",
        "Skill vs naive",
        "p",
        "p adjusted",
        "Folds won",
    )

    def cells(score: Score) -> tuple[str, ...]:
        """Return one row."""
        return (
            label(score.model),
            scaled(score.mse, squares),
            scaled(score.mae, sizes),
            percent(score.skill_zero) if score.model != "zero" else MISSING,
            interval(score),
            percent(score.skill_naive) if score.model != "naive" else MISSING,
            p_value(score.p_value),
            p_value(score.p_adjusted),
            MISSING if score.folds_won is None else f"{whole(score.folds_won)} of {whole(len(result.folds))}",
        )

    baselines = tuple(cells(score) for score in result.scores if not score.status)
    candidates = tuple(cells(score) for score in result.candidates)
    groups = (Group(baselines, "Baselines"), Group(candidates, "Models, best first"))
    columns = (Column("Model", number=False), *(Column(head, spare="naive" in head) for head in heads))
    return Table(columns, tuple(group for group in groups if group.rows), CAPTION)


CAPTION = (
    "MSE and MAE are the mean squared and mean absolute error of the forecast log return. Skill is the share of the "
    "baseline's squared error that a model saves: 0 % is no better than the baseline, below 0 % is worse. p asks how "
    "often chance alone would make a model that is no better than zero look this good (Diebold-Mariano, squared "
    "error, one-sided); adjusted, it allows for the number of models tried (Holm). A fold is won where the squared "
    "error is smaller than zero's."
)


def interval(score: Score) -> str:
    """Return the 95 % interval of the skill against zero in per cent."""
    if score.skill_low is None or score.skill_high is None:
        return MISSING
    low, high = (percent(edge).removesuffix(f"{SPACE}%") for edge in (score.skill_low, score.skill_high))
    return f"{low} to {high}{SPACE}%"
