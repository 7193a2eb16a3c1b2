"""The sections of a report, top to bottom: each answers one question, and its title states what was found."""

from __future__ import annotations

from collections.abc import Callable

from backtest.reports.blocks import Block
from backtest.reports.compared import ComparisonResult
from backtest.reports.run import RunResult
from backtest.reports.sections.by_horizon import by_horizon
from backtest.reports.sections.calibration import calibration
from backtest.reports.sections.compared_runs import comparison_verdict, fairness, own_verdicts, settings
from backtest.reports.sections.comparison_method import comparison_method
from backtest.reports.sections.costs import costs
from backtest.reports.sections.cumulative_loss import cumulative_loss
from backtest.reports.sections.fold_tests import fold_tests
from backtest.reports.sections.folds import folds, skill
from backtest.reports.sections.forest import forest
from backtest.reports.sections.glossary import glossary
from backtest.reports.sections.horizons import horizons
from backtest.reports.sections.learning import learning
from backtest.reports.sections.method import data_card, method
from backtest.reports.sections.other_tests import other_tests
from backtest.reports.sections.pairs import pair_paths, pairs
from backtest.reports.sections.ranges import ranges
from backtest.reports.sections.regimes import regimes
from backtest.reports.sections.residuals import residuals
from backtest.reports.sections.scores import scores
from backtest.reports.sections.seeds import seeds
from backtest.reports.sections.symbols import symbols
from backtest.reports.sections.tuning import tuning
from backtest.reports.sections.validity import validity
from backtest.reports.sections.verdict import verdict
from backtest.reports.sections.volatility import volatility

__all__ = ["COMPARISON_SECTIONS", "SECTIONS"]

SECTIONS: dict[str, Callable[[RunResult], tuple[Block, ...]]] = {
    "verdict": verdict,
    "validity": validity,
    "scores": scores,
    "horizons": horizons,
    "volatility": by_horizon(volatility),
    "forest": by_horizon(forest),
    "cumulative_loss": by_horizon(cumulative_loss),
    "tests": by_horizon(other_tests),
    "folds": folds,
    "ranges": ranges,
    "skill": by_horizon(skill),
    "fold_tests": by_horizon(fold_tests),
    "calibration": by_horizon(calibration),
    "regimes": by_horizon(regimes),
    "symbols": by_horizon(symbols),
    "learning": learning,
    "tuning": tuning,
    "residuals": by_horizon(residuals),
    "seeds": by_horizon(seeds),
    "costs": by_horizon(costs),
    "data": data_card,
    "method": method,
    "glossary": glossary,
}
"""Every section by name, in the order of the report; the first line of its docstring says what it shows."""

COMPARISON_SECTIONS: dict[str, Callable[[ComparisonResult], tuple[Block, ...]]] = {
    "verdict": comparison_verdict,
    "fairness": fairness,
    "own": own_verdicts,
    "pairs": pairs,
    "pair_paths": by_horizon(pair_paths),
    "scores": scores,
    "horizons": horizons,
    "forest": by_horizon(forest),
    "cumulative_loss": by_horizon(cumulative_loss),
    "tests": by_horizon(other_tests),
    "skill": by_horizon(skill),
    "fold_tests": by_horizon(fold_tests),
    "calibration": by_horizon(calibration),
    "regimes": by_horizon(regimes),
    "symbols": by_horizon(symbols),
    "residuals": by_horizon(residuals),
    "seeds": by_horizon(seeds),
    "settings": settings,
    "method": comparison_method,
    "glossary": glossary,
}
"""The sections of the report of a comparison, in its order: those of a run, and what there is to say of its runs."""
