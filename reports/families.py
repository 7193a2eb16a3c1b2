"""Over what the p-value of each test is adjusted: the verdict's own over all that was tried, others over models."""

from __future__ import annotations

import polars as pl

from backtest.data.losses import WEIGHTED
from backtest.data.question import Question
from backtest.data.records.verdict import ClarkWest
from backtest.data.result_tables import TESTS
from backtest.reports.formats import MISSING, counted
from backtest.reports.result import Result
from backtest.reports.rows import Row


def is_against_rival(row: Row, result: Result) -> bool:
    """Return whether a test is against the rival, or the model that it turned out to be."""
    return row.baseline in (result.question.rival, result.rival)


def is_primary(row: Row, asked: Question) -> bool:
    """Return whether a test is one of those behind the verdict: also on weighted errors, where it rests on them."""
    losses = (asked.loss, WEIGHTED) if asked.weighted else (asked.loss,)
    return (row.test, row.baseline) == (asked.test, asked.rival) and row.loss in losses


def adjusted(row: Row, result: Result) -> float | None:
    """Return the adjusted p-value; for the tests behind the verdict the one that allows for everything tried."""
    nested = clark_west_of(row, result)
    if nested:
        return nested.p_adjusted
    if not is_primary(row, result.question):
        found: float | None = row.p_adjusted
        return found
    key = (row.model, row.horizon, "" if row.loss == result.question.loss else row.loss)
    claims = {(claim.model, claim.horizon, claim.loss): claim.p_adjusted for claim in result.verdict.claims}
    return claims.get(key)


def clark_west_of(row: Row, result: Result) -> ClarkWest | None:
    """Return what the verdict says of Clark and West's test of a candidate, where this is it."""
    if row.test != "clark_west" or not is_against_rival(row, result):
        return None
    judged = (one for one in result.verdict.candidates if (one.model, one.horizon) == (row.model, row.horizon))
    return next((one.clark_west for one in judged), None)


def family_size(row: Row, result: Result) -> int:
    """Return how many p-values one is adjusted together with, itself included; 0 where it is not adjusted."""
    if is_primary(row, result.question):
        return result.verdict.comparisons if adjusted(row, result) is not None else 0
    nested = clark_west_of(row, result)
    if nested or row.p_adjusted is None:
        return nested.members if nested else 0
    same = {name: getattr(row, name) for name in ("test", "loss", "baseline", "alternative")}
    own = result.tables[TESTS.name.lower()].filter(pl.col("fold").is_null(), pl.col("p_adjusted").is_not_null(), **same)
    return own.height


def family_text(row: Row, result: Result) -> str:
    """Return what a p-value is adjusted over: `5 models`, `2 candidates`, `14 comparisons`, `not adjusted`."""
    size = family_size(row, result)
    if size < 2:
        return "not adjusted" if row.p_value is not None else MISSING
    if clark_west_of(row, result):
        return counted(size, "candidate")
    models = not is_primary(row, result.question) and len(result.horizons) == 1
    return counted(size, "model" if models else "comparison")
