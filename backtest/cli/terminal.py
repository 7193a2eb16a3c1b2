"""What the commands print: a run's verdict and table, a comparison, an audit."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import backtest.reports as reports
from backtest.data.records.audit import Audit, Leak
from backtest.data.records.verdict import Verdict
from backtest.reports.blocks import Table as ReportTable
from backtest.reports.formats import counted, plain, tied
from backtest.reports.sections.by_horizon import at_horizon
from backtest.reports.sections.compared_runs import verdict_of
from backtest.reports.sections.fold_tests import every_fold, fold_pairs, fold_tests_title, summary_table
from backtest.reports.sections.pairs import pairs_table
from backtest.reports.wording.audit import LEVELS, checked, leak_words, notes, subject_words
from backtest.reports.wording.evidence import sentences
from backtest.reports.wording.verdict import headline, remark

console = Console()
WIDE = 110
"""Columns from which on a table is shown with those that a narrow terminal leaves out."""

PASSED = {"passed": "[green]yes[/]", "leak": "[bold red]NO[/]", "not run": "–"}


def say(line: str) -> None:
    """Print a line as it is and unbroken, such as a path to be copied."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)


def tell(text: str, style: str | None = None) -> None:
    """Print lines wrapped to the terminal, each with its indent; no line breaks between a number and its unit."""
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        wrapped = fill(
            tied(line), console.width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
        )
        console.print(plain(wrapped), style=style, soft_wrap=True, highlight=False, markup=False)


def show_result(result: reports.RunResult) -> None:
    """Print the verdict on a run with its numbers, and the table of all models."""
    console.print()
    show_verdict(result.verdict, result.audit)
    console.print()
    show_table(reports.headline(result), labelled=len(result.horizons) > 1)


def show_folds(result: reports.RunResult) -> None:
    """Print skill and test of every fold, in how many folds each model was better, horizon by horizon."""
    for horizon in result.horizons:
        view = result.at(horizon)
        pairs = fold_pairs(view)
        found = fold_tests_title(pairs, view)
        console.print()
        tell(at_horizon(found, horizon) if len(result.horizons) > 1 else found, "bold")
        if pairs:
            show_table(every_fold(pairs, view), labelled=True)
            console.print()
            show_table(summary_table(pairs, view))


def show_verdict(verdict: Verdict, audit: Audit | None = None) -> None:
    """Print a verdict: the headline, then a sentence on each candidate, then what else was tried on the bars."""
    tell(headline(verdict), "bold")
    for sentence in filter(None, (*sentences(verdict, audit), remark(verdict))):
        tell(sentence)


def show_comparison(result: reports.ComparisonResult) -> None:
    """Print the headline of a comparison, what it does not say, and the table of pairs."""
    found = verdict_of(result)
    console.print()
    tell(found.headline, "bold")
    tell(f"{found.remark}\n")
    show_table(pairs_table(result))


def show_table(block: ReportTable, *, labelled: bool = False) -> None:
    """Print a table of a report, without its spare columns in a narrow terminal; `labelled` names its groups."""
    table = Table(box=None, pad_edge=False)
    shown = [place for place, column in enumerate(block.columns) if console.width >= WIDE or not column.spare]
    for place in shown:
        column = block.columns[place]
        head = "\n".join(escape(column.label).rsplit(" ", 1))
        table.add_column(head, justify="right" if column.number else "left", no_wrap=column.number)
    for group in block.groups:
        if labelled:
            table.add_row(escape(group.label), style="dim")
        for row in group.rows:
            table.add_row(*(escape(row[place]) for place in shown))
        table.add_section()
    console.print(table, highlight=False)


def show_report(page: Path) -> None:
    """Print where a report was written."""
    say(f"report: {page} (and report.md)")


def show_audit(audit: Audit) -> None:
    """Print the levels of an audit as a table, and below it each leak with its counterexample and remedy."""
    table = Table("level", "checked", "passed", "counterexample", box=None, pad_edge=False)
    for one in audit.levels:
        first = _leak_summary(one.leaks[0]) if one.leaks else ""
        table.add_row(
            escape(f"{one.number} {LEVELS[one.code]}"), escape(checked(one)), PASSED[one.state], escape(first)
        )
    console.print(table, highlight=False)
    for note in dict.fromkeys(note for one in audit.levels for note in notes(one)):
        tell(f"note: {note}", "dim")
    for leak in audit.leaks:
        seen, _, proof = leak_words(leak).partition("\n")
        tell(f"\nleak: {seen}", "bold red")
        tell(proof)
    tell(f"\n{counted(len(audit.leaks), 'leak') if audit.leaks else 'no leak found'}", "bold")


def _leak_summary(leak: Leak) -> str:
    """What leaks, and how far it reaches."""
    ahead, subject = leak.counterexample.ahead if leak.counterexample else None, subject_words(leak.subject)
    return f"{subject}, bars {'ahead' if ahead > 0 else 'back'}: {abs(ahead)}" if ahead else subject
