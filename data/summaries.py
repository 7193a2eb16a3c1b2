"""Long tables made short: points of a curve, coverage of intervals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def downsample(x: Floats, y: Floats, most: int) -> tuple[Floats, Floats]:
    """Return the series (n,) with at most `most` points, or 4: the ends, lowest and highest of each stretch of it."""
    if len(x) <= most:
        return x, y
    edges = np.linspace(0, len(x), most // 4 + 1).astype(int)
    kept: set[int] = set()
    for start, end in pairwise(edges.tolist()):
        part = y[start:end]
        kept |= {start, end - 1, start + int(np.argmin(part)), start + int(np.argmax(part))}
    rows = np.asarray(sorted(kept))
    return x[rows], y[rows]


def empirical_coverage(coverage: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Return `n` forecasts that had an interval, how many outcomes it `covered`, and its mean `half_width`.

    One row per model, horizon and level of COVERAGE, and per value of the columns `by`, such as `fold` or `symbol`,
    in the order of the table. Forecasts without an interval, as those of the first fold, do not count.
    """
    made = coverage.filter(pl.col("covered").is_not_null())
    width = (pl.col("half_width") * pl.col("n")).sum() / pl.col("n").sum()
    return made.group_by("model", "horizon", "level", *by, maintain_order=True).agg(
        pl.col("n", "covered").sum(), half_width=width
    )
