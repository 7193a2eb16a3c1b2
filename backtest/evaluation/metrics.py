"""Metrics of forecasts: one Polars aggregation each, so that any number of folds and seeds is one query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from backtest.data import result_tables, schema
from backtest.data.losses import LOSSES, metric_of, squared
from backtest.data.question import Question, names_for
from backtest.evaluation.loss_panel import LossPanel
from backtest.evaluation.matched_forecasts import FIT

Y, Y_HAT = pl.col("y"), pl.col("y_hat")


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One number for a group of forecasts, from the columns `y` and `y_hat` of its rows.

    Where the number is undefined the expression gives null or NaN; scores hold null for both.
    """

    expression: pl.Expr
    summary: str
    higher_is_better: bool


def skill(reference: str, loss: str) -> pl.Expr:
    """Share of the reference's loss that the model saves: 1 - loss / loss of the reference; null if that is not > 0.

    `reference` is the column of its forecasts for the same rows. Sums over the group are divided, not averaged ratios.
    Campbell and Thompson (2008, Review of Financial Studies 21, 1509-1531) call it out-of-sample R2.
    """
    of_reference = LOSSES[loss].excess(Y, pl.col(reference)).sum()
    return pl.when(of_reference > 0).then(1 - LOSSES[loss].excess(Y, Y_HAT).sum() / of_reference)


def direction() -> pl.Expr:
    """Share of forecasts with the right sign.

    Forecasts and returns of exactly zero have no direction and are left out; null where no row is left.
    """
    return (Y.sign() == Y_HAT.sign()).filter((Y != 0) & (Y_HAT != 0)).mean()


def accuracy() -> pl.Expr:
    """Share of right calls of probabilities above and below a half; null where no row is left.

    A forecast of exactly a half calls nothing and is left out.
    """
    return ((Y == 1) == (Y_HAT > 0.5)).filter(Y_HAT != 0.5).mean()


def correlation() -> pl.Expr:
    """Pearson's correlation of forecast and outcome; null where either is constant or the group has one row.

    Constancy is tested by value: computed from moments, the variance of a constant can be rounding noise.
    """
    varies = (Y.max() > Y.min()) & (Y_HAT.max() > Y_HAT.min())
    return pl.when(varies).then(pl.corr("y", "y_hat").clip(-1, 1))


METRICS: dict[str, Metric] = {
    "rmse": Metric(squared(Y, Y_HAT).mean().sqrt(), "root of the mean squared error", higher_is_better=False),
    "direction": Metric(direction(), "share of right signs, zeros left out", higher_is_better=True),
    "accuracy": Metric(accuracy(), "share of right calls at 0.5, forecasts of 0.5 left out", higher_is_better=True),
    "correlation": Metric(correlation(), "correlation of forecast and outcome", higher_is_better=True),
}
"""Those that are no mean of a loss: the means follow from LOSSES."""


def metrics_of(question: Question) -> dict[str, pl.Expr]:
    """The expressions of all metrics by name: the means of the losses, the skill against each reference, and others.

    The skill against `zero` is called `skill_zero`.
    """
    found = {metric_of(loss): LOSSES[loss].excess(Y, Y_HAT).mean() for loss in question.losses}
    found |= {f"skill_{reference}": skill(reference, question.loss) for reference in question.references}
    further = (name for name in names_for(question.target, "metrics", METRICS) if name in METRICS)
    found |= {name: METRICS[name].expression for name in further}
    return {name: expression.fill_nan(None) for name, expression in found.items()}


def score(panels: Sequence[LossPanel]) -> pl.DataFrame:
    """SCORES: every metric, per fold and pooled, per seed and for their mean."""
    columns = [*FIT, "fold", "horizon"]
    rows = pl.concat(panel.to_frame() for panel in panels).sort(*FIT, "horizon", "fold", "symbol", "time")
    metrics = metrics_of(panels[0].question)
    per_fold = _aggregate(rows, columns, metrics)
    pooled = _aggregate(rows.with_columns(fold=pl.lit(None, pl.Int32)), columns, metrics)
    scores = pl.concat([per_fold, pooled]).unpivot(index=columns, variable_name="metric")
    return schema.check(scores.sort(columns, nulls_last=True, maintain_order=True), result_tables.SCORES)


def _aggregate(rows: pl.DataFrame, by: list[str], expressions: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The expressions for each group of rows; the rows of a group stand together.

    Runs of equal keys are numbered, and Polars takes the groups of a sorted number as slices: grouped by the keys
    themselves it adds up in an order that depends on the number of threads, and the last digits with it.
    """
    numbered = rows.with_columns(group=pl.struct(by).rle_id())
    return numbered.group_by("group").agg(pl.col(by).first(), **expressions).drop("group")
