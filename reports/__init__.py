"""The report of a finished run: reads the run folder and nothing else, writes HTML, Markdown and figures into it."""

from __future__ import annotations

if __name__ != "backtest.reports":
    raise ImportError("import it as backtest.reports: the folder reports of this repository is a part of backtest")

from backtest.reports.report import to_html, write
from backtest.reports.run import RunResult, from_tables, read
from backtest.reports.sections import SECTIONS
from backtest.reports.summary import headline

__all__ = ["SECTIONS", "RunResult", "from_tables", "headline", "read", "to_html", "write"]
