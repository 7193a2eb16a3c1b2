"""How runs were compared, on what, and where the numbers are."""

from __future__ import annotations

from datetime import datetime

from backtest.data.records.comparison import COMPARISON
from backtest.data.result_tables import RUN_TABLES
from backtest.data.run_files import VERDICT
from backtest.reports.blocks import Block, Facts, Files, Heading, Table, Text, table
from backtest.reports.compared import ComparisonResult
from backtest.reports.formats import bars, counted, duration, level, listed, whole
from backtest.reports.wording.comparison import spelt

METHOD = (
    "A comparison is a run of its own: its forecasts are those of all runs on the rows that they share, and they are "
    "evaluated and judged like those of any run. Nothing in the runs was changed, and every file was checked against "
    "its SHA-256. Compared is every horizon that all runs have. A row is a symbol and the time of its last known bar. "
    "Rows that not all runs forecast are left out, those that are left must have the same outcomes and the same "
    "baselines in every run. A model whose forecasts are the same in all runs stands once, under its name alone. "
    "Folds are ten equal stretches of the common times, because the runs may be folded otherwise."
)
FACTS = {
    "The test of a pair": (
        "The {test} test, two-sided, on {losses}, with the critical values of Kiefer and Vogelsang (fixed-b): "
        "the same test as a run's own verdict. With several symbols the losses of one time are averaged first."
    ),
    "The 95 % interval": (
        "All differences, as a share of that of {rival}, that the same test does not reject (Fieller): it "
        "excludes 0 if and only if the unadjusted p is below 5 %."
    ),
    "The best of two runs": (
        "Where the models with the smallest {losses} have different names in two runs, they are tested, too. "
        "They were picked after looking, so their p counts once for every pair that might have been picked."
    ),
    "Against the rival": (
        "The table of all models and the tests below it judge every model of every run against {rival} on the common "
        "rows. Their adjusted p allows for all of them and for what else was tried on the bars, so it may be larger "
        "than in a run's own report."
    ),
}


def comparison_method(result: ComparisonResult) -> tuple[Block, ...]:
    """How were the runs compared? Method, data, runs with their checksums, and files."""
    found = result.found
    title = f"{counted(found.rows, 'common row')} of {listed(found.symbols, 4)}, {bars(found.horizons)} ahead"
    at_most = level(result.verdict.alpha)
    facts = (
        *((name, result.fill(text)) for name, text in FACTS.items()),
        (
            "The level",
            f"A difference is claimed where its adjusted p is at most {at_most}, the smallest level of the runs.",
        ),
        (
            "The adjusted p of a pair",
            f"Holm, over {counted(found.family, 'p-value')}: every pair that has one, at every horizon.",
        ),
        ("Bars", f"of {duration(found.interval_seconds)}; {bars(found.horizons)} ahead"),
        ("Common rows", f"{whole(found.rows)} at {counted(found.times, 'time')}, {span(found.first, found.last)}"),
    )
    files = (
        (COMPARISON, "the runs, their settings and the tests between them"),
        (VERDICT, "the verdict on all models"),
    )
    tables = tuple((table.file, table.meaning) for table in RUN_TABLES if result.tables[table.name.lower()].height)
    return (
        Heading(title, "How were the runs compared?"),
        Text(METHOD),
        Facts(facts),
        runs_table(result),
        Facts(checksums(result)),
        Files((*files, *tables)),
    )


def span(first: str, last: str) -> str:
    """Return from when to when, in UTC."""
    return f"{spelt(first, clock)} to {spelt(last, clock)} UTC"


def clock(time: datetime) -> str:
    """Return a time to the minute."""
    return f"{time:%Y-%m-%d %H:%M}"


def runs_table(result: ComparisonResult) -> Table:
    """Return what each run forecast, and how much of it is common."""
    rows = [
        (run.name, run.source, listed(run.symbols, 4), span(run.first, run.last), *map(whole, counts))
        for run in result.found.runs
        for counts in [(run.folds, run.forecasts, run.left_out)]
    ]
    heads = ["Run", "Source", "Symbols", "Forecasts from", "Folds", "Forecasts", "Left out"]
    return table(heads, rows, "Forecasts of each model; left out: of rows that are missing from another run.", words=4)


def checksums(result: ComparisonResult) -> tuple[tuple[str, str], ...]:
    """Return the checksums by which bars and runs are known."""
    bars = {run.bars for run in result.found.runs}
    own = [(f"Manifest of {run.name}", run.manifest) for run in result.found.runs]
    if len(bars) == 1:
        return (("Bars of all runs", next(iter(bars))), *own)
    return (*((f"Bars of {run.name}", run.bars) for run in result.found.runs), *own)
