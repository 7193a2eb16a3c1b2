"""What a person sees in the terminal of a comparison: what was found in one sentence, and the table of pairs."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape

from backtest.cli.terminal import console, say, show_table
from backtest.reports.comparison import read
from backtest.reports.comparison.sections.pairs import pairs_table
from backtest.reports.comparison.sections.verdict import verdict_of


def show_comparison(folder: Path) -> None:
    """Print the first sentence of the comparison in `folder`, what stands beside it, and its pairs, as reported."""
    result = read(folder)
    said = verdict_of(result)
    console.print(f"\n[bold]{escape(said.headline)}[/]", highlight=False, soft_wrap=True)
    say(f"{said.remark}\n")
    show_table(pairs_table(result))
