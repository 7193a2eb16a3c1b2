"""Columns of FEATURES and of bars that belong to a target: outcomes, when they are known, what they are made of."""

from __future__ import annotations

import polars as pl

BAR_VARIANCE = "bar_variance"
"""Column of FEATURES that holds the variance of each bar, where the target is one."""

REALISED, QUARTICITY = "realised_variance", "realised_quarticity"
"""Columns of bars that hold the sums of squared finer returns inside each, and of their fourth powers, scaled."""

BAR_QUARTICITY = "bar_quarticity"
"""Column of FEATURES that holds the realised quarticity of each bar, where its variance comes from finer returns."""

BAR_CHANGE = "bar_change"
"""Column of FEATURES that holds the change of a series within each bar, where the target is one."""


def column_name(column: str) -> str:
    """Return the one spelling of a column: of a file, its name in lower case; of an external series, as it is."""
    return column if "." in column else column.lower()


def outcome_column(target: str, horizon: int) -> str:
    """Name of the outcome's column in FEATURES: `y_log_return_1`."""
    return f"y_{target}_{horizon}"


def target_time(horizon: int) -> pl.Expr:
    """Instant at which an outcome is known, over rows of FEATURES: the close of the bar `horizon` ahead."""
    return pl.col("known_at").shift(-horizon).over("segment").alias("target_time")
