"""The report of a finished run: reads the run folder and nothing else, writes HTML, Markdown and figures into it."""

from __future__ import annotations

from reports.report import write
from reports.result import Result, read
from reports.sections import SECTIONS
from reports.summary import headline

__all__ = ["SECTIONS", "Result", "headline", "read", "write"]
