"""What a person sees in the terminal of a comparison: what was found in one sentence, and the table of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rich.markup import escape
from rich.table import Table

from backtest.terminal import WIDE, console, say
from reports.comparison import read
from reports.comparison.sections.pairs import pairs_table
from reports.comparison.sections.verdict import verdict_of


def show_comparison(folder: Path) -> None:
    """Print the first sentence of the comparison in `folder`, what stands beside it, and its pairs, as reported."""
    result = read(folder)
    said, pairs = verdict_of(result), pairs_table(result)
    console.print(f"\n[bold]{escape(said.headline)}[/]", highlight=False, soft_wrap=True)
    say(f"{said.remark}\n")
    table = Table(box=None, pad_edge=False)
    shown = [place for place, column in enumerate(pairs.columns) if console.width >= WIDE or not column.spare]
    for place in shown:
        column = pairs.columns[place]
        side: Literal["left", "right"] = "right" if column.number else "left"
        table.add_column("\n".join(column.label.rsplit(" ", 1)), justify=side, no_wrap=column.number)
    for group in pairs.groups:
        for row in group.rows:
            table.add_row(*(escape(row[place]) for place in shown))
        table.add_section()
    console.print(table, highlight=False)
