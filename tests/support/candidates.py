"""Candidates of a verdict as the report reads them, for tests of what it says about them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from backtest.data.names import Status
from backtest.data.records.verdict import Candidate
from backtest.reports.result import Result, Score

PLAIN: dict[str, Any] = {"reason": "", "sentence": "", "seeds": 0, "fragile": False, "seed_verdicts": ()}


def candidate(status: Status, model: str = "gru", **changes: Any) -> Candidate:
    """Return a candidate of that status at horizon 1; whatever is not given is undefined."""
    nothing: dict[str, Any] = dict.fromkeys(field.name for field in fields(Candidate))
    known = {"model": model, "name": model.upper(), "horizon": 1, "status": status}
    return Candidate(**{**nothing, **PLAIN, **known, **changes})


def scored(model: str, skill: float, status: Status | None = None) -> Score:
    """Return the score of a model with that skill; a status makes it a candidate."""
    found = candidate(status, model) if status else None
    return Score(model, 1.0 - skill, 1.0, skill, None, None, 0.5, None, 1, "", candidate=found)


def judged(result: Result, *candidates: Candidate, **verdict: Any) -> Result:
    """Return a run as it would be with other candidates and findings."""
    known = {one.model: one for one in candidates}
    scores = tuple(
        replace(score, candidate=known.get(score.model), p_adjusted=None if score.model in known else score.p_adjusted)
        for score in result.scores
    )
    changed = replace(result.verdict, candidates=candidates, status=candidates[0].status, **verdict)
    return replace(result, scores=scores, verdict=changed)
