"""Writes the report of a comparison into its folder."""

from __future__ import annotations

from pathlib import Path

from backtest.reports.comparison.document import compose
from backtest.reports.comparison.result import read
from backtest.reports.report import put


def write(folder: Path) -> Path:
    """Write `report.html`, `report.md` and `figures/*.svg` into the folder of a comparison; return the HTML's path.

    The same folder gives the same bytes. Raises RunError or WrongSchema where it cannot be read.
    """
    return put(compose(read(folder)), folder)
