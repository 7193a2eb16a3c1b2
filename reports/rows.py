"""Rows of any result table as named tuples, and the rows of SEEDS with the verdict on each seed."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from functools import cache
from typing import Any

import polars as pl

from backtest.data.errors import RunError
from backtest.data.records.verdict import Candidate

Row = Any
"""A row of a table: a named tuple with a field for every column."""


def rows_of(frame: pl.DataFrame) -> tuple[Row, ...]:
    """Return the rows of a frame as named tuples, with a field for every column."""
    return tuple(map(row_type(*frame.columns)._make, frame.iter_rows()))


@cache
def row_type(*columns: str) -> Any:
    """Return the class of named tuples with these columns."""
    return namedtuple("Row", columns)  # noqa: PYI024, the columns are those of any table


def seed_rows(seeds: pl.DataFrame, candidates: Sequence[Candidate]) -> tuple[Row, ...]:
    """Return the rows of SEEDS by seed, each with the `status` of that seed; None where its model is no candidate.

    Raises RunError where a candidate has not one verdict for each of its seeds.
    """
    verdicts = {candidate.model: candidate.seed_verdicts for candidate in candidates}
    found: list[Row] = []
    for (model,), rows in seeds.sort("seed").partition_by("model", as_dict=True, maintain_order=True).items():
        statuses = verdicts.get(str(model), [None] * rows.height)
        if len(statuses) != rows.height:
            raise RunError(
                f"verdict.json: expected a verdict on each of the {rows.height} seeds of {model} "
                f"(got {len(statuses)}): run `backtest run` again"
            )
        found += rows_of(rows.with_columns(status=pl.Series(statuses, dtype=pl.String)))
    return tuple(found)
