"""The sections of a report, top to bottom: each answers one question, and its title states what was found."""

from __future__ import annotations

from collections.abc import Callable

from reports.blocks import Block
from reports.result import Result
from reports.sections.calibration import calibration
from reports.sections.costs import costs
from reports.sections.course import course
from reports.sections.data_card import data_card
from reports.sections.forest import forest
from reports.sections.glossary import glossary
from reports.sections.learning import learning
from reports.sections.method import method
from reports.sections.other_tests import other_tests
from reports.sections.regimes import regimes
from reports.sections.residuals import residuals
from reports.sections.scores import scores
from reports.sections.seeds import seeds
from reports.sections.skill import skill
from reports.sections.timeline import timeline
from reports.sections.trust import trust
from reports.sections.verdict import verdict

__all__ = ["SECTIONS"]

SECTIONS: dict[str, Callable[[Result], tuple[Block, ...]]] = {
    "verdict": verdict,
    "trust": trust,
    "scores": scores,
    "forest": forest,
    "course": course,
    "tests": other_tests,
    "timeline": timeline,
    "skill": skill,
    "calibration": calibration,
    "regimes": regimes,
    "learning": learning,
    "residuals": residuals,
    "seeds": seeds,
    "costs": costs,
    "data": data_card,
    "method": method,
    "glossary": glossary,
}
"""Every section by name, in the order of the report; the first line of its docstring says what it shows."""
