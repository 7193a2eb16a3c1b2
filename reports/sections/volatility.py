"""How high volatility was, and whether the forecasts of variances get its level right, annualised."""

from __future__ import annotations

from backtest.data.bar_variances import annual_volatility
from backtest.data.names import label
from backtest.data.targets import OWN_UNIT
from backtest.reports.blocks import Block, Column, Group, Heading, Table
from backtest.reports.formats import MISSING, percent, whole
from backtest.reports.run import RunResult

QUESTION = "How high was volatility, and is its level forecast right?"
LEVEL = 0.01
"""A mean forecast this close to the mean outcome, as a share of it, is called right."""


def volatility(result: RunResult) -> tuple[Block, ...]:
    """How high was volatility, and is its level forecast right? Annualised figures by the calendar of the bars.

    Nothing where no variance is forecast, or none whose unit is known, or the calendar is not.
    """
    target, per_year = result.question.about, result.manifest.data.bars_per_year
    if target.scale != "variance" or target.unit == OWN_UNIT or not per_year:
        return ()
    means = result.origins.select("y", *(f"y_hat:{score.model}" for score in result.scores)).mean().row(0, named=True)
    outcome = means["y"]

    def annual(variance: float) -> str:
        """Return a variance over the horizon as volatility per year."""
        return percent(annual_volatility(variance, result.horizon, per_year), 1, signed=False)

    rows = {
        score.model: (
            label(score.model),
            annual(means[f"y_hat:{score.model}"]),
            percent(means[f"y_hat:{score.model}"] / outcome - 1 if outcome else None, 1),
        )
        for score in result.scores
    }
    judged = [score.model for score in result.candidates]
    groups = (
        Group((("outcomes", annual(outcome), MISSING),), "Realised"),
        Group(tuple(row for model, row in rows.items() if model not in judged), "Baselines"),
        Group(tuple(rows[model] for model in judged), "Models, best first"),
    )
    said = f"Realised volatility was {annual(outcome)} a year"
    if result.leader and outcome:
        said += f"; the mean forecast of {level_clause(label(result.leader.model), result, means, outcome)}"
    caption = result.fill(CAPTION) + f" Annualised by the calendar of the bars, {whole(round(per_year))} a year."
    return Heading(said, QUESTION), Table(COLUMNS, tuple(group for group in groups if group.rows), caption)


COLUMNS = (Column("Mean forecast of", number=False), Column("Volatility a year"), Column("Bias of the variance"))
CAPTION = (
    "Volatility is the root of the mean variance per bar times the bars of a year. Bias: mean forecast less mean "
    "outcome, in per cent of it. Outcomes are those of the {outcome}. A mean of variances rests on the few largest: "
    "whether a bias is significant is asked by Mincer-Zarnowitz."
)


def level_clause(model: str, result: RunResult, means: dict[str, float], outcome: float) -> str:
    """Return how far the mean forecast of the leading model is from the mean outcome."""
    bias = means[f"y_hat:{result.leader.model}"] / outcome - 1 if result.leader else 0.0
    if abs(bias) < LEVEL:
        return f"{model} has that level"
    return f"{model} is {percent(abs(bias), 1, signed=False)} {'above' if bias > 0 else 'below'} the mean variance"
