"""The report of a comparison: reads its folder and nothing else, writes HTML, Markdown and figures into it."""

from __future__ import annotations

from backtest.reports.comparison.report import write
from backtest.reports.comparison.result import Result, from_tables, read
from backtest.reports.comparison.sections import SECTIONS

__all__ = ["SECTIONS", "Result", "from_tables", "read", "write"]
