"""What the runs were told, fed with or made with that differs."""

from __future__ import annotations

from backtest.reports.blocks import Block, Column, Group, Heading, Table, Text
from backtest.reports.comparison.result import Result
from backtest.reports.formats import MISSING, listed

QUESTION = "What differs between the runs?"

CAPTION = (
    "Settings by their dotted names, versions of libraries and the device; what is not listed is the same in all runs. "
    "A dash: not set."
)

WIDE = 24
"""Characters beyond which a value may be broken into lines."""


def settings(result: Result) -> tuple[Block, ...]:
    """What differs between the runs? Every setting that is not the same in all, with its value in each."""
    found = result.found
    names = [setting.name for setting in found.settings]
    if not names:
        return Heading("Nothing differs between the runs", QUESTION), Text(
            "They have the same settings, code, bars, versions and device; only the processor may round differently."
        )
    wide = [max(len(setting.values[place]) for setting in found.settings) > WIDE for place in range(len(found.runs))]
    of_runs = (Column(run.name, number=False, wraps=wraps) for run, wraps in zip(found.runs, wide, strict=True))
    columns = (Column("Setting", number=False, wraps=True), *of_runs)
    rows = tuple((setting.name, *(value or MISSING for value in setting.values)) for setting in found.settings)
    title = f"The runs differ in {listed(names, 4)}"
    return Heading(title, QUESTION), Table(columns, (Group(rows),), CAPTION)
