"""The interval around the next forecast, from the walk's own errors, and how often such intervals held so far."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from backtest.data.result_tables import COVERAGE
from backtest.data.run_files import read_table
from backtest.data.summaries import empirical_coverage


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval that is made to hold `level` of the outcomes: forecast +- `half_width`, in log return.

    `half_width` is None where fewer errors than that takes were known. Of the `n` outcomes of the walk that had such an
    interval, each made from errors before it, `covered` lay within.
    """

    level: float
    half_width: float | None
    n: int
    covered: int

    @property
    def share(self) -> float | None:
        """Share of the outcomes that it held so far; None where there were none."""
        return self.covered / self.n if self.n else None


def next_intervals(run: Path, manifest: dict[str, Any], horizon: int) -> dict[tuple[str, str], tuple[Interval, ...]]:
    """Intervals for the step after the last fold, by symbol and model, narrow to wide.

    Raises RunError where the run lacks the table or it is damaged, WrongSchema where it is another one.
    """
    coverage = read_table(run, COVERAGE.file, COVERAGE, manifest).filter(horizon=horizon)
    key = ["symbol", "model", "level"]
    so_far = empirical_coverage(coverage, "symbol").select(*key, "n", "covered")
    ahead = coverage.filter(pl.col("fold").is_null()).select(*key, "half_width")
    rows = ahead.join(so_far, on=key, how="left").with_columns(pl.col("n", "covered").fill_null(0))
    found: dict[tuple[str, str], tuple[Interval, ...]] = {}
    for symbol, model, *interval in rows.sort(key).select(*key, "half_width", "n", "covered").iter_rows():
        found[symbol, model] = (*found.get((symbol, model), ()), Interval(*interval))
    return found
