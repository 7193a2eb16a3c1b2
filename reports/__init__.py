"""The report of a run or a comparison: reads its folder and nothing else, writes HTML, Markdown and figures."""

from __future__ import annotations

if __name__ != "backtest.reports":
    raise ImportError("import it as backtest.reports: the folder reports of this repository is a part of backtest")

from backtest.reports.compared import ComparisonResult
from backtest.reports.report import to_html, write
from backtest.reports.run import RunResult, from_tables, read
from backtest.reports.sections import COMPARISON_SECTIONS, SECTIONS
from backtest.reports.sections.scores import headline

__all__ = [
    "COMPARISON_SECTIONS",
    "SECTIONS",
    "ComparisonResult",
    "RunResult",
    "from_tables",
    "headline",
    "read",
    "to_html",
    "write",
]
