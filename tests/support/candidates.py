"""Runs with other candidates, views or rows than the made-up ones, for tests of what the report says of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, fields, replace
from typing import Any

import polars as pl

from backtest.data.names import Status
from backtest.data.records.verdict import Candidate, Verdict
from backtest.data.schema import Schema
from backtest.reports.result import Score
from backtest.reports.rows import Row, row_type
from backtest.reports.run import RunResult

PLAIN: dict[str, Any] = {"seeds": 0, "fragile": False, "seed_verdicts": ()}


def candidate(status: Status, model: str = "gru", **changes: Any) -> Candidate:
    """Return a candidate of that status at horizon 1; whatever is not given is undefined."""
    nothing: dict[str, Any] = dict.fromkeys(field.name for field in fields(Candidate) if field.default is MISSING)
    known = {"model": model, "horizon": 1, "status": status}
    return Candidate(**{**nothing, **PLAIN, **known, **changes})


def verdict(*candidates: Candidate, **changes: Any) -> Verdict:
    """Return a verdict on these candidates, the first of which speaks for the run."""
    first = candidates[0] if candidates else None
    about: dict[str, Any] = {
        "status": first.status if first else "cannot tell",
        "model": first.model if first else None,
    }
    counts = {"configurations": 1, "comparisons": 1, "folds": 4, "forecasts": 100}
    settings = {"alpha": 0.05, "adjustment": "holm", "candidates": candidates, "claims": ()}
    return Verdict(**{**about, **counts, **settings, **changes})


def scored(model: str, skill: float, status: Status | None = None) -> Score:
    """Return the score of a model with that skill; a status makes it a candidate."""
    found = candidate(status, model) if status else None
    return Score(model, 1.0 - skill, 1.0, skill, None, None, 0.5, None, 1, "", candidate=found)


def judged(result: RunResult, *candidates: Candidate, **changes: Any) -> RunResult:
    """Return a run as it would be with other candidates and findings."""
    known = {one.model: one for one in candidates}
    scores = tuple(
        replace(score, candidate=known.get(score.model), p_adjusted=None if score.model in known else score.p_adjusted)
        for score in result.scores
    )
    changed = replace(result.verdict, candidates=candidates, status=candidates[0].status, **changes)
    return altered(replace(result, verdict=changed), **(kept_views(result) | {"scores": scores}))


def altered(run: RunResult, **views: Any) -> RunResult:
    """Return a run whose views, such as `scores` or `folds`, are these instead of those of its tables."""
    copy = replace(run)
    vars(copy).update(kept_views(run) | views)
    return copy


def kept_views(run: RunResult) -> dict[str, Any]:
    """Return the views of a run that were set by `altered` or computed already."""
    names = {field.name for field in fields(run)}
    return {name: value for name, value in vars(run).items() if name not in names}


def table_row(table: Schema, **values: Any) -> Row:
    """Return a row of a table at horizon 1, None in every column without a value."""
    return row_type(*table.names)(**dict.fromkeys(table.names) | {"horizon": 1} | values)


def with_rows(run: RunResult, table: Schema, rows: Iterable[Row]) -> RunResult:
    """Return a run whose table holds these rows instead."""
    frame = pl.DataFrame([row._asdict() for row in rows], schema=table.dtypes)
    return altered(replace(run, tables={**run.tables, table.name.lower(): frame}), **kept_views(run))
