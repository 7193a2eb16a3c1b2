"""What a person sees in the terminal when something is done: the verdict with its table, an audit and its leaks.

The report's packages are imported when they are needed, so that `--help` starts at once.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from backtest.data.records.audit import Audit, Leak

if TYPE_CHECKING:
    from backtest.reports.blocks import Table as Block

console = Console()
WIDE = 110
PASSED = {"passed": "[green]yes[/]", "leak": "[bold red]NO[/]", "not run": "–"}


def say(line: str) -> None:
    """Print a line as it is, whatever it holds."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)


def tell(sentence: str) -> None:
    """Print a sentence in lines as wide as the terminal; a number stays with its sign."""
    from backtest.reports.formats import plain, tied

    say(plain(fill(tied(sentence), console.width)))


def show_result(folder: Path) -> None:
    """Print the verdict in one sentence and the table, both as the report has them."""
    from backtest import reports

    result = reports.read(folder)
    console.print(f"\n[bold]{escape(result.verdict.headline)}[/]", highlight=False)
    for one in result.verdict.candidates:
        tell(one.sentence)
    if result.verdict.remark:
        tell(result.verdict.remark)
    console.print()
    show_table(reports.headline(result))


def show_table(block: Block) -> None:
    """Print a table of a report, without the columns that can be spared where the terminal is narrow."""
    table = Table(box=None, pad_edge=False)
    shown = [place for place, column in enumerate(block.columns) if console.width >= WIDE or not column.spare]
    for place in shown:
        column = block.columns[place]
        head = "\n".join(escape(column.label).rsplit(" ", 1))
        table.add_column(head, justify="right" if column.number else "left", no_wrap=column.number)
    for group in block.groups:
        for row in group.rows:
            table.add_row(*(escape(row[place]) for place in shown))
        table.add_section()
    console.print(table, highlight=False)


def show_audit(found: Audit) -> None:
    """Print the levels of an audit as a table, and under it every leak with what to do about it."""
    from backtest.reports.formats import counted
    from backtest.reports.wording.audit import leak_words

    table = Table("level", "checked", "passed", "counterexample", box=None, pad_edge=False)
    for level in found.levels:
        counterexample = _short(level.leaks[0]) if level.leaks else ""
        name = f"{level.number} {level.name}"
        table.add_row(escape(name), escape(level.checked), PASSED[level.state], escape(counterexample))
    console.print(table, highlight=False)
    for note in dict.fromkeys(note for level in found.levels for note in level.notes):
        console.print(f"[dim]note: {escape(note)}[/]", highlight=False)
    for leak in found.leaks:
        console.print(f"\n[bold red]leak[/] {escape(leak_words(leak))}", highlight=False)
    end = counted(len(found.leaks), "leak") if found.leaks else "no leak found"
    console.print(f"\n[bold]{end}[/]", highlight=False)


def _short(leak: Leak) -> str:
    """What a leak is of, and how far it reaches."""
    ahead = leak.counterexample.ahead if leak.counterexample else None
    return f"{leak.subject}, bars {'ahead' if ahead > 0 else 'back'}: {abs(ahead)}" if ahead else leak.subject
