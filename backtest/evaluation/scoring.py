"""From forecasts to the table of scores."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from backtest.data import result_tables, schema
from backtest.evaluation.matched_forecasts import FIT
from backtest.evaluation.metrics import METRICS


def score(paired: pl.DataFrame) -> pl.DataFrame:
    """SCORES of what `pairing.pair` returned: every metric, per fold and pooled, per seed and for their mean."""
    columns = [*FIT, "fold", "horizon"]
    rows = paired.sort(*FIT, "horizon", "fold", maintain_order=True)
    metrics = {name: metric.expression.fill_nan(None) for name, metric in METRICS.items()}
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
