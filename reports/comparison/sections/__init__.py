"""The sections of a comparison's report, top to bottom: each answers one question, and its title states the finding."""

from __future__ import annotations

from collections.abc import Callable

from backtest.reports.blocks import Block
from backtest.reports.comparison.result import Result
from backtest.reports.comparison.sections.course import course
from backtest.reports.comparison.sections.fairness import fairness
from backtest.reports.comparison.sections.method import method
from backtest.reports.comparison.sections.own_verdicts import own_verdicts
from backtest.reports.comparison.sections.pairs import pairs
from backtest.reports.comparison.sections.settings import settings
from backtest.reports.comparison.sections.standings import standings
from backtest.reports.comparison.sections.verdict import verdict

__all__ = ["SECTIONS"]

SECTIONS: dict[str, Callable[[Result], tuple[Block, ...]]] = {
    "verdict": verdict,
    "trust": fairness,
    "own": own_verdicts,
    "pairs": pairs,
    "course": course,
    "standings": standings,
    "settings": settings,
    "method": method,
}
"""Every section by name, in the order of the report."""
