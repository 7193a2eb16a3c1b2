"""Prediction intervals from the walk's own earlier errors, and their empirical coverage.

Split-conformal prediction (Vovk, Gammerman and Shafer, 2005, Algorithmic Learning in a Random World; Lei et al., 2018,
Distribution-Free Predictive Inference for Regression, JASA 113) with all earlier out-of-sample errors as calibration
set. Its coverage is nominal where errors are exchangeable. Over time they are not: volatility clusters, and a calm
past makes intervals too narrow for a volatile present (Barber et al., 2023, Conformal Prediction beyond
Exchangeability, Annals of Statistics 51). Therefore empirical coverage is measured fold by fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backtest.data.result_tables import COVERAGE
from backtest.evaluation.loss_panel import LossPanel

LEVELS = (0.5, 0.8, 0.95)
"""Nominal coverage of the intervals."""

Floats = NDArray[np.float64]


def coverage(panels: Sequence[LossPanel], interval: timedelta) -> pl.DataFrame:
    """COVERAGE: an interval of every level for each fold, and for the step after the last; means over seeds.

    The interval of a fold is y_hat +- half_width, from the absolute errors of the same model, horizon and symbol whose
    outcomes were known when the fold's first forecast was made, at the close of its bar. So the first fold has none.
    `interval` is the length of a bar. Empty where such intervals have no meaning for the target.
    """
    frames = [pl.DataFrame(schema=COVERAGE.dtypes)]
    if not all(panel.question.about.intervals for panel in panels):
        return frames[0]
    for model in sorted({model for panel in panels for model in panel.models}):
        for panel in panels:
            rows = panel.rows.select("symbol", "fold", "target_time", known_at=pl.col("time") + interval)
            errors = rows.with_columns(error=pl.Series(panel.row_loss(model, "absolute")))
            series = errors.sort("symbol", "target_time").partition_by("symbol", as_dict=True, maintain_order=True)
            for (symbol,), own in series.items():
                about = {"model": model, "horizon": panel.horizon, "symbol": symbol}
                found = _of_series(own).with_columns(pl.lit(value).alias(name) for name, value in about.items())
                frames.append(found.select(pl.col(name).cast(kind) for name, kind in COVERAGE.dtypes.items()))
    return pl.concat(frames)


def _of_series(rows: pl.DataFrame) -> pl.DataFrame:
    """COVERAGE of one model, horizon and symbol, from its errors in the order in which they became known."""
    folds = rows.group_by("fold", maintain_order=True).agg("error", pl.col("known_at").min()).sort("known_at")
    known = rows["target_time"].search_sorted(folds["known_at"], side="right").to_list()
    errors, seen = rows["error"].to_numpy(), np.empty(0)
    table = []
    tested = [*zip(folds["fold"], folds["error"], strict=True), (None, pl.Series(dtype=pl.Float64))]
    for (fold, outcomes), (before, now) in zip(tested, pairwise([0, *known, rows.height]), strict=True):
        # two sorted stretches, which a stable sort merges
        seen = np.sort(np.concatenate([seen, np.sort(errors[before:now])]), kind="stable")
        held = np.sort(outcomes.to_numpy())
        for level in LEVELS:
            width = half_width(seen, level)
            inside = None if fold is None or width is None else int(np.searchsorted(held, width, side="right"))
            table.append((fold, level, seen.size, width, held.size, inside))
    heads = ("fold", "level", "n_before", "half_width", "n", "covered")
    return pl.DataFrame(table, schema={name: COVERAGE.dtypes[name] for name in heads}, orient="row")


def half_width(errors: Floats, level: float) -> float | None:
    """Return the ceil((n + 1) level)-th smallest of the absolute errors (n,), which are sorted; None where n is less.

    A further error that is exchangeable with them is no larger with a probability of at least `level`, and of less
    than `level` + 1 / (n + 1) without ties.
    """
    rank = int(np.ceil(round((len(errors) + 1) * level, 9)))  # rounded: 60 x 0.95 is 57, whatever the last bit says
    return float(errors[rank - 1]) if rank <= len(errors) else None
