"""Tests of predictive accuracy on paired losses: one file per family of tests, all of them in the table TESTS."""

from __future__ import annotations

from backtest.significance.diebold_mariano import diebold_mariano
from backtest.significance.multiplicity import holm
from backtest.significance.result import Alternative, LossTest, TestResult
from backtest.significance.skill import Skill, skill_interval

__all__ = ["TESTS", "Alternative", "LossTest", "Skill", "TestResult", "diebold_mariano", "holm", "skill_interval"]

TESTS: dict[str, LossTest] = {
    "diebold_mariano": diebold_mariano,
}
"""Tests that run on the losses of every model against every baseline, per fold and pooled."""
