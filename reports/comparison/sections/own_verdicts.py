"""What every run found by itself, which no comparison changes."""

from __future__ import annotations

from collections.abc import Sequence

from backtest.data.records.comparison import ComparedRun
from backtest.reports.blocks import Block, Column, Group, Heading, Table
from backtest.reports.comparison.result import Result
from backtest.reports.formats import listed, whole
from backtest.reports.sections.verdict import TONES
from backtest.reports.wording.verdict import headline

QUESTION = "What did each run find by itself?"

CAPTION = (
    "As each run's own report has it, over all of its rows. The number tried allows for what was tried on its bars "
    "when it was judged; backtest report RUN judges it again where more has been tried since."
)


def own_verdicts(result: Result) -> tuple[Block, ...]:
    """What did each run find by itself? Its verdict against zero, in its own words, and its leak audit."""
    runs = result.found.runs
    columns = (
        Column("Run", number=False),
        Column("Verdict", number=False),
        Column("In words", number=False, wraps=True),
        Column("Leak audit", number=False),
        Column("Tried on its bars"),
    )
    rows = tuple(
        (run.name, TONES[run.status][1], headline(run.verdict), audited(run), whole(run.configurations)) for run in runs
    )
    return Heading(finding(runs), QUESTION), Table(columns, (Group(rows),), CAPTION)


def finding(runs: Sequence[ComparedRun]) -> str:
    """Return which runs have a model that beats zero, in one sentence."""
    winners = [run.name for run in runs if run.status == "better"]
    if not winners:
        return f"{'Neither' if len(runs) == 2 else 'No'} run has shown a model that beats zero"
    if len(winners) == len(runs):
        return f"{'Both runs have' if len(runs) == 2 else 'Every run has'} shown a model that beats zero"
    return f"Only {listed(winners, 4)} {'has' if len(winners) == 1 else 'have'} shown a model that beats zero"


def audited(run: ComparedRun) -> str:
    """Return how the audit of a run came out."""
    return f"{run.audited}, {run.depth}" if run.audited == "passed" else run.audited
