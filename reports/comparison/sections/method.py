"""How the runs were compared, on what, and where the numbers are."""

from __future__ import annotations

from datetime import datetime

from backtest.data.records.comparison import COMPARISON
from backtest.data.result_tables import PATHS
from backtest.reports.blocks import Block, Facts, Files, Heading, Table, Text, table
from backtest.reports.comparison.result import Result
from backtest.reports.comparison.wording import spelt
from backtest.reports.formats import counted, duration, level, listed, whole

QUESTION = "How were the runs compared?"

METHOD = (
    "Every run is a finished folder; nothing in it was changed, and every file was checked against its SHA-256. A row "
    "is a symbol and the time of its last known bar. Rows that not all runs forecast are left out, those that are left "
    "must have the same outcomes and the same baselines in every run, and each model's forecast is the mean over its "
    "seeds."
)
TEST = (
    "Diebold-Mariano, two-sided, on squared errors, with the critical values of Kiefer and Vogelsang (fixed-b): the "
    "same test as a run's own verdict. With several symbols the errors of one time are averaged first."
)
INTERVAL = (
    "All differences, as a share of zero's squared error, that the same test does not reject (Fieller): it leaves 0 if "
    "and only if the unadjusted p is below 5 %."
)
BEST = (
    "Where the models with the smallest squared errors have different names in two runs, they are tested, too. They "
    "were picked after looking, so their p counts once for every pair that might have been picked."
)


def method(result: Result) -> tuple[Block, ...]:
    """How were the runs compared? Method, data, runs with their checksums, and files."""
    found = result.found
    title = f"{counted(found.rows, 'common row')} of {listed(found.symbols, 4)}, {counted(found.horizon, 'bar')} ahead"
    files = ((COMPARISON, "what was found, and of which runs"), (PATHS.file, PATHS.meaning))
    return Heading(title, QUESTION), Text(METHOD), Facts(facts(result)), runs(result), Facts(sums(result)), Files(files)


def facts(result: Result) -> tuple[tuple[str, str], ...]:
    """Return what was tested, and how."""
    found = result.found
    adjusted = f"Holm, over {counted(found.family, 'p-value')}: every pair that has one."
    at_most = level(found.alpha)
    return (
        ("The test", TEST),
        (
            "The level",
            f"A difference is claimed where its adjusted p is at most {at_most}, the smallest level of the runs.",
        ),
        ("The adjusted p", adjusted),
        ("The 95 % interval", INTERVAL),
        ("The best of two runs", BEST),
        ("The confidence set", f"Hansen, Lunde and Nason: {found.set_note}."),
        ("Bars", f"of {duration(found.interval_seconds)}; {counted(found.horizon, 'bar')} ahead"),
        ("Common rows", f"{whole(found.rows)} at {counted(found.times, 'time')}, {span(found.first, found.last)}"),
    )


def span(first: str, last: str) -> str:
    """Return from when to when, in UTC."""
    return f"{spelt(first, clock)} to {spelt(last, clock)} UTC"


def clock(time: datetime) -> str:
    """Return a time to the minute."""
    return f"{time:%Y-%m-%d %H:%M}"


def runs(result: Result) -> Table:
    """Return what each run forecast, and how much of it is common."""
    rows = [
        (run.name, run.source, listed(run.symbols, 4), span(run.first, run.last), *map(whole, counts))
        for run in result.found.runs
        for counts in [(run.folds, run.forecasts, run.left_out)]
    ]
    heads = ["Run", "Source", "Symbols", "Forecasts from", "Folds", "Forecasts", "Left out"]
    return table(heads, rows, "Forecasts of each model; left out: of rows that another run has not.", words=4)


def sums(result: Result) -> tuple[tuple[str, str], ...]:
    """Return the checksums by which bars and runs are known."""
    bars = {run.bars for run in result.found.runs}
    own = [(f"Manifest of {run.name}", run.manifest) for run in result.found.runs]
    if len(bars) == 1:
        return (("Bars of all runs", next(iter(bars))), *own)
    return (*((f"Bars of {run.name}", run.bars) for run in result.found.runs), *own)
