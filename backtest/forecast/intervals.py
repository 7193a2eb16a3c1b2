"""Intervals around the next forecast, from the errors of the walk, and their empirical coverage."""

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
    """A conformal interval with nominal coverage `level`: forecast +- `half_width`, in its unit.

    `half_width` is None if too few errors were known. `n` outcomes of the walk had an interval of this level, each made
    from earlier errors; `covered` of them lay within theirs.
    """

    level: float
    half_width: float | None
    n: int
    covered: int

    @property
    def share(self) -> float | None:
        """Empirical coverage, the share of outcomes within their intervals; None if there were none."""
        return self.covered / self.n if self.n else None


def next_intervals(run: Path, manifest: dict[str, Any]) -> dict[tuple[str, str, int], tuple[Interval, ...]]:
    """Intervals for the step after the last fold, by symbol, model and horizon, narrow to wide.

    Raises RunError if the table is missing or damaged, WrongSchema if its columns are not those of COVERAGE.
    """
    coverage = read_table(run, COVERAGE.file, COVERAGE, manifest)
    key = ["symbol", "model", "horizon", "level"]
    so_far = empirical_coverage(coverage, "symbol").select(*key, "n", "covered")
    ahead = coverage.filter(pl.col("fold").is_null()).select(*key, "half_width")
    rows = ahead.join(so_far, on=key, how="left").with_columns(pl.col("n", "covered").fill_null(0))
    found: dict[tuple[str, str, int], tuple[Interval, ...]] = {}
    for symbol, model, horizon, level, *interval in (
        rows.sort(key).select(*key, "half_width", "n", "covered").iter_rows()
    ):
        found[symbol, model, horizon] = (*found.get((symbol, model, horizon), ()), Interval(level, *interval))
    return found
