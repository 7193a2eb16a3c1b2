"""The terms of a report, each in one sentence."""

from __future__ import annotations

from backtest.reports.blocks import Block, Facts, Heading
from backtest.reports.result import Result
from backtest.reports.wording.terms import terms_of

QUESTION = "What do the terms mean?"


def glossary(result: Result) -> tuple[Block, ...]:
    """What do the terms mean? Every term of the report in one sentence."""
    terms = terms_of(result.question, result.rival, several=len(result.horizons) > 1)
    return (Heading("The terms of this report, in one sentence each", QUESTION), Facts(tuple(terms.items())))
