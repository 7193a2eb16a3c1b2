"""The sections of a comparison's report, top to bottom: each answers one question, and its title states the finding."""

from __future__ import annotations

from collections.abc import Callable

from reports.blocks import Block
from reports.comparison.result import Result
from reports.comparison.sections.course import course
from reports.comparison.sections.fairness import fairness
from reports.comparison.sections.method import method
from reports.comparison.sections.own_verdicts import own_verdicts
from reports.comparison.sections.pairs import pairs
from reports.comparison.sections.settings import settings
from reports.comparison.sections.standings import standings
from reports.comparison.sections.verdict import verdict

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
