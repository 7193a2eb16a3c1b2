"""How often the intervals of COVERAGE held what came: over all folds, or by whatever tells rows apart."""

from __future__ import annotations

import polars as pl


def measured(coverage: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Return `n` forecasts that had an interval, how many outcomes it `covered`, and its mean `half_width`.

    One row per model, horizon and level of COVERAGE, and per value of the columns `by`, such as `fold` or `symbol`,
    in the order of the table. Forecasts without an interval, as those of the first fold, do not count.
    """
    made = coverage.filter(pl.col("covered").is_not_null())
    width = (pl.col("half_width") * pl.col("n")).sum() / pl.col("n").sum()
    return made.group_by("model", "horizon", "level", *by, maintain_order=True).agg(
        pl.col("n", "covered").sum(), half_width=width
    )
