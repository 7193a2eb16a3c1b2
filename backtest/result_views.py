"""What `bt.compare` and `bt.audit` return: objects that print and, in a notebook, show what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path

import polars as pl
from rich.text import Text

import backtest.reports as reports
from backtest.cli.terminal import console, show_audit, show_comparison
from backtest.data import run_files
from backtest.data.errors import ConfigError
from backtest.data.records.audit import Audit, Leak
from backtest.data.records.verdict import Verdict
from backtest.data.result_tables import RUN_TABLES
from backtest.reports.formats import counted
from backtest.reports.render.html import to_fragment
from backtest.reports.report import compose
from backtest.reports.result import Result
from backtest.reports.sections.compared_runs import verdict_of

IN_NOTEBOOKS = ("verdict", "pairs")
"""The sections of its report that a notebook shows of a comparison."""


class EvaluationView:
    """The tables and the verdict of a run or of a comparison."""

    _result: Result

    @property
    def forecasts(self) -> pl.DataFrame:
        """One row per model, seed, symbol and time: the realised value `y`, the forecast `y_hat`.

        Models with several seeds have a row for each seed and one with `seed` null, their mean, which is scored.
        """
        return self.table("forecasts")

    @property
    def scores(self) -> pl.DataFrame:
        """Each metric of each model, by fold and over all folds (`fold` null)."""
        return self.table("scores")

    @property
    def tests(self) -> pl.DataFrame:
        """Each test of each model against each reference: statistic, p-value, adjusted p-value, sample size."""
        return self.table("tests")

    @property
    def folds(self) -> pl.DataFrame:
        """The training, validation and test span of each fold (half-open, UTC), and how many rows they hold."""
        return self.table("folds")

    @property
    def verdict(self) -> Verdict:
        """What the run shows about each candidate, in codes and numbers."""
        return self._result.verdict

    def table(self, name: str) -> pl.DataFrame:
        """Return a table by its name: folds, forecasts, fits, scores, tests, joint, seeds, strategies, regimes, ...

        Raises ConfigError for an unknown name, with all names there are.
        """
        known = [table.name.lower() for table in RUN_TABLES]
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it may be one of {', '.join(known)}"
            raise ConfigError(f"table: unknown name {name!r}: {hint}")
        return self._result.tables[name]


class Comparison(EvaluationView):
    """What `bt.compare` found: every pair of models on the rows that all runs forecast, in `pairs`.

    It has the tables of a run, too: forecasts, scores, tests and the rest, with models named `run:model`, or by the
    model alone where all runs forecast the same. `print(comparison)` shows the pairs; a notebook shows them too.

    Examples
    --------
    >>> import backtest as bt
    >>> folds = bt.Folds(first_train=300, validation=60, test=90)
    >>> runs = [
    ...     bt.walk_forward("synthetic:n=700", name=name, models=["ridge"], net=net, folds=folds, progress=False)
    ...     for name, net in (("short", {"window": 10}), ("long", {"window": 40}))
    ... ]
    >>> bt.compare(*runs)
    <Comparison of short, long: No significant difference between ridge of short and of long.>
    """

    _result: reports.ComparisonResult

    def __init__(self, result: reports.ComparisonResult) -> None:
        self._result = result

    @property
    def pairs(self) -> pl.DataFrame:
        """One row per pair of models: difference, its interval, p-value and adjusted p-value."""
        return pl.DataFrame([asdict(pair) for pair in self._result.found.pairs])

    def report(self, path: str | Path) -> Path:
        """Write the report of the comparison as one HTML file that needs no other, and return its path."""
        run_files.write_bytes(Path(path), reports.to_html(self._result).encode())
        return Path(path)

    def __repr__(self) -> str:
        """Return the names of the runs and the headline on one line."""
        names = ", ".join(run.name for run in self._result.found.runs)
        return f"<Comparison of {names}: {verdict_of(self._result).headline}>"

    def __str__(self) -> str:
        """Return the headline and the table of pairs, as the command line prints them."""
        return captured(lambda: show_comparison(self._result))

    def _repr_html_(self) -> str:
        """Return the headline and the pairs for a notebook."""
        return to_fragment(compose(self._result, IN_NOTEBOOKS))


class AuditResult:
    """What `bt.audit` found; `print(found)` shows the levels and every leak, as the command line does.

    Examples
    --------
    >>> import backtest as bt
    >>> folds = bt.Folds(first_train=300, validation=60, test=90)
    >>> bt.audit("synthetic:n=700", depth="quick", models=["ridge"], folds=folds, progress=False)
    <AuditResult: quick audit, no leak found>
    """

    record: Audit
    """Levels, leaks and counterexamples, as `audit.json` holds them."""

    def __init__(self, record: Audit) -> None:
        self.record = record

    @property
    def passed(self) -> bool:
        """Whether no leak was found."""
        return self.record.passed

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """Every leak, with its counterexample."""
        return self.record.leaks

    def __repr__(self) -> str:
        """Return the depth and the outcome on one line."""
        found = counted(len(self.leaks), "leak") if self.leaks else "no leak found"
        return f"<AuditResult: {self.record.depth} audit, {found}>"

    def __str__(self) -> str:
        """Return the levels and the leaks, as the command line prints them."""
        return captured(lambda: show_audit(self.record))


def captured(show: Callable[[], None]) -> str:
    """Return what `show` prints, without colours."""
    with console.capture() as shown:
        show()
    lines = Text.from_ansi(shown.get()).plain.split("\n")
    return "\n".join(map(str.rstrip, lines)).strip("\n")
