"""A finished run as an object: its tables as Polars frames, its verdict, its report; a notebook shows it by itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from difflib import get_close_matches
from pathlib import Path

import polars as pl
from rich.text import Text

import backtest.reports as reports
from backtest.cli.terminal import console, show_audit, show_comparison, show_result
from backtest.comparison.compared_runs import Entrant, entrant_of
from backtest.data import run_files
from backtest.data.errors import ConfigError
from backtest.data.names import label
from backtest.data.records.audit import Audit, Leak
from backtest.data.records.verdict import Verdict
from backtest.data.result_tables import RUN_TABLES
from backtest.reports import comparison
from backtest.reports.comparison.document import compose as comparison_document
from backtest.reports.comparison.sections.verdict import verdict_of
from backtest.reports.formats import counted
from backtest.reports.render.html import document_html, to_fragment
from backtest.reports.report import compose
from backtest.reports.run import RunResult, from_tables, read
from backtest.verdict.ledger import LEDGER, SESSION, Ledger, append
from backtest.verdict.multiple_testing import ledger_of, trial_of
from backtest.verdict.record import judge_again, judge_evaluation
from backtest.walk.config import build, parse
from backtest.walk.engine import EvaluatedWalk, save_walk
from backtest.walk.run_folder import refuse_other
from backtest.walk.store import MemoryStore

IN_NOTEBOOKS = ("verdict", "scores", "forest")
"""The sections of the report that a notebook shows of a run."""

NOT_COPIED = (run_files.LOCK, run_files.MANIFEST, "report.html", "report.md", "figures")


class Run:
    """A finished walk: what was forecast, how good that was, and what to conclude.

    `bt.walk_forward` and `bt.open_run` return one. `print(run)` shows the verdict and the table of all models; a
    notebook shows the forest plot as well. Raises as `bt.open_run`.

    >>> import backtest as bt
    >>> folds = bt.Folds(first_train=300, validation=60, test=90)
    >>> run = bt.walk_forward("synthetic:n=700", models=["ridge"], folds=folds, progress=False)
    >>> run
    <Run default: ridge no evidence; 4 folds, 337 forecasts of each model>
    >>> run.folds.select("fold", "n_train", "n_test").row(0)
    (0, 229, 90)
    """

    def __init__(self, result: RunResult, source: Path | tuple[EvaluatedWalk, MemoryStore]) -> None:
        self._result, self._source = result, source
        self._entrant: Entrant | None = None

    @classmethod
    def from_walk(cls, walk: EvaluatedWalk, store: MemoryStore) -> Run:
        """Return a run in memory: judged with all else that was tried on the same bars in this session."""
        card, config = walk.manifest, walk.plan.config
        judged, trial = judge_evaluation(
            config.name,
            walk.evaluation,
            walk.settings,
            Ledger(tuple(SESSION)),
            networks=walk.networks,
            bars=card["data"]["sha256"],
            trial=card["trial_sha256"],
            leak=walk.leak,
        )
        SESSION.append(trial)
        result = from_tables(card, config.to_toml(), judged, walk.audit, walk.evaluation.tables)
        return cls(result, (walk, store))

    @property
    def folder(self) -> Path | None:
        """Folder of its files; None while the run is in memory alone."""
        return self._source if isinstance(self._source, Path) else None

    @property
    def saved(self) -> bool:
        """Whether the run has a folder."""
        return self.folder is not None

    @property
    def name(self) -> str:
        """Name of the run in its settings."""
        return self._result.manifest.name

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
    def fits(self) -> pl.DataFrame:
        """The losses of each epoch of each fit."""
        return self.table("fits")

    @property
    def verdict(self) -> Verdict:
        """What the run shows about each candidate, in codes and numbers."""
        return self._result.verdict

    @property
    def audit(self) -> Audit | None:
        """What the leak audit found; None if the run was not audited."""
        return self._result.audit

    @property
    def config(self) -> str:
        """The settings as TOML; `backtest run` takes it as a file."""
        return self._result.config

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

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report as one HTML file that needs no other, and return its path.

        Without a path, `report.html`, `report.md` and `figures/` go into the run folder; ConfigError if the run has
        none.
        """
        if path is not None:
            run_files.write_bytes(Path(path), reports.to_html(self._result).encode())
            return Path(path)
        if self.folder is None:
            raise ConfigError('report: this run was not saved: give a path, such as run.report("report.html")')
        return reports.write(self.folder)

    def save(self, folder: str | Path) -> Path:
        """Save the run as a run folder, which every command and `bt.open_run` accept, and return its path.

        The run then stands in the trial ledger beside that folder, with all else that was tried on the same bars in
        this session, and its verdict, here too, allows for everything in that ledger. Raises ConfigError if the folder
        holds anything else than a run of the same settings.
        """
        target = Path(folder)
        if self.folder and target.resolve() == self.folder.resolve():
            return target
        if isinstance(self._source, Path):
            tried = ledger_of(self._source).trials
            self._copy(self._source, target)
        else:
            tried = tuple(SESSION)
            save_walk(*self._source, target)
        manifest, known = run_files.read_manifest(target), ledger_of(target).trials
        for trial in tried:
            other = trial.data == manifest["data"]["sha256"] and trial.config != manifest["trial_sha256"]
            if other and trial not in known:
                append(target.parent / LEDGER, trial)
        judge_again(target)
        self._result, self._source = read(target), target
        return target

    def entrant(self) -> Path | Entrant:
        """Return the run as `compare_runs` takes it: its folder, or what it is in memory, the same object each time."""
        if isinstance(self._source, Path):
            return self._source
        if self._entrant is None:
            walk, _ = self._source
            about = (self.config, self.verdict, self.audit, self.forecasts)
            self._entrant = entrant_of(walk.manifest, *about)
        return self._entrant

    def _copy(self, source: Path, target: Path) -> None:
        """Copy the run folder, and enter the copy into the ledger beside it."""
        refuse_other(target, build(parse(self.config, where="config.toml"), where="config.toml"))
        manifest = run_files.read_manifest(source)
        with run_files.locked(target):
            (target / run_files.MANIFEST).unlink(missing_ok=True)
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_COPIED))
            run_files.write_json(target / run_files.MANIFEST, manifest)
        hashes = {"data": manifest["data"]["sha256"], "config": manifest["trial_sha256"]}
        entry = trial_of(target.name, self.verdict, self.tests, self.table("strategies"), **hashes)
        append(target.parent / LEDGER, entry)

    def __repr__(self) -> str:
        """Return the run's name, statuses and size on one line."""
        found = [f"{label(one.model)} {one.status}" for one in self.verdict.candidates] or ["no candidate"]
        size = f"{counted(self.verdict.folds, 'fold')}, {counted(self.verdict.forecasts, 'forecast')} of each model"
        return f"<Run {self.name}: {', '.join(found)}; {size}>"

    def __str__(self) -> str:
        """Return the verdict and the table of all models, as the command line prints them."""
        return captured(lambda: show_result(self._result))

    def _repr_html_(self) -> str:
        """Return the verdict, the table of all models and the forest plot for a notebook."""
        return to_fragment(compose(self._result, IN_NOTEBOOKS))


class Comparison:
    """What `bt.compare` found: every pair of models on the rows that all runs forecast.

    `print(comparison)` shows the pairs; a notebook shows them too.

    Examples
    --------
    >>> import backtest as bt
    >>> folds = bt.Folds(first_train=300, validation=60, test=90)
    >>> runs = [
    ...     bt.walk_forward("synthetic:n=700", name=name, models=["ridge"], net=net, folds=folds, progress=False)
    ...     for name, net in (("short", {"window": 10}), ("long", {"window": 40}))
    ... ]
    >>> bt.compare(*runs)
    <Comparison of short, long: Ridge of short and of long cannot be told apart.>
    """

    def __init__(self, result: comparison.Result) -> None:
        self._result = result

    @property
    def pairs(self) -> pl.DataFrame:
        """One row per pair of models: difference, its interval, p-value and adjusted p-value."""
        return pl.DataFrame([asdict(pair) for pair in self._result.found.pairs])

    @property
    def models(self) -> pl.DataFrame:
        """One row per model of each run: errors and skill on the common rows."""
        return pl.DataFrame([asdict(one) for one in self._result.found.contestants])

    def report(self, path: str | Path) -> Path:
        """Write the report of the comparison as one HTML file that needs no other, and return its path."""
        run_files.write_bytes(Path(path), document_html(comparison_document(self._result)).encode())
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
        document = comparison_document(self._result)
        kept = tuple(section for section in document.sections if section.name in ("verdict", "pairs"))
        return to_fragment(replace(document, sections=kept))


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
