"""A finished run as an object: its tables as Polars frames, its verdict, its report; a notebook shows it by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl

import backtest.reports as reports
from backtest.cli.terminal import show_result
from backtest.comparison.runs import FinishedRun, run_in_memory
from backtest.data import run_files
from backtest.data.errors import ConfigError
from backtest.data.records.audit import Audit
from backtest.reports.formats import counted
from backtest.reports.render.html import to_fragment
from backtest.reports.report import compose
from backtest.reports.run import RunResult, from_tables, read
from backtest.reports.wording.verdict import candidate_name
from backtest.result_views import EvaluationView, captured
from backtest.verdict.ledger import SESSION, Ledger, known_in, with_users
from backtest.verdict.record import copy_trials, enter_session, hashes_of, join_session, judge_evaluation
from backtest.walk.config_file import build, parse
from backtest.walk.engine import EvaluatedWalk, save_walk
from backtest.walk.run_folder import refuse_other
from backtest.walk.store import MemoryStore

IN_NOTEBOOKS = ("verdict", "scores", "horizons", "forest")
"""The sections of the report that a notebook shows of a run."""

NOT_COPIED = (run_files.LOCK, run_files.MANIFEST, "report.html", "report.md", "figures")


class Run(EvaluationView):
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

    _result: RunResult

    def __init__(self, result: RunResult, source: Path | tuple[EvaluatedWalk, MemoryStore]) -> None:
        self._result, self._source = result, source
        self._in_memory: FinishedRun | None = None

    @classmethod
    def from_walk(cls, walk: EvaluatedWalk, store: MemoryStore) -> Run:
        """Return a run in memory: judged with all else that was tried on the same bars in this session."""
        card, config = walk.manifest, walk.plan.config
        judged, trial, losses = judge_evaluation(
            config.name,
            walk.evaluation,
            walk.settings,
            with_users(Ledger(tuple(SESSION))),
            candidates=walk.candidates,
            **hashes_of(card),
            leak=walk.leak,
        )
        enter_session(trial, losses)
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
    def fits(self) -> pl.DataFrame:
        """The losses of each epoch of each fit."""
        return self.table("fits")

    @property
    def audit(self) -> Audit | None:
        """What the leak audit found; None if the run was not audited."""
        return self._result.audit

    @property
    def config(self) -> str:
        """The settings as TOML; `backtest run` takes it as a file."""
        return self._result.config

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
            self._copy(self._source, target)
            copy_trials(known_in(self._source.parent), target)
        else:
            save_walk(*self._source, target)
        join_session(target)
        self._result, self._source = read(target), target
        return target

    @property
    def finished(self) -> Path | FinishedRun:
        """The run as `compare_runs` takes it: its folder, or what it is in memory, the same object each time."""
        if isinstance(self._source, Path):
            return self._source
        if self._in_memory is None:
            walk, _ = self._source
            self._in_memory = run_in_memory(walk.manifest, self.config, self.verdict, self.audit, self.forecasts)
        return self._in_memory

    def _copy(self, source: Path, target: Path) -> None:
        """Copy the run folder."""
        refuse_other(target, build(parse(self.config, where="config.toml"), where="config.toml"))
        manifest = run_files.read_manifest(source)
        with run_files.locked(target):
            (target / run_files.MANIFEST).unlink(missing_ok=True)
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_COPIED))
            run_files.write_json(target / run_files.MANIFEST, manifest)

    def __repr__(self) -> str:
        """Return the run's name, statuses and size on one line."""
        found = [f"{candidate_name(one, self.verdict)} {one.status}" for one in self.verdict.candidates] or [
            "no candidate"
        ]
        size = f"{counted(self.verdict.folds, 'fold')}, {counted(self.verdict.forecasts, 'forecast')} of each model"
        return f"<Run {self.name}: {', '.join(found)}; {size}>"

    def __str__(self) -> str:
        """Return the verdict and the table of all models, as the command line prints them."""
        return captured(lambda: show_result(self._result))

    def _repr_html_(self) -> str:
        """Return the verdict, the table of all models and the forest plot for a notebook."""
        return to_fragment(compose(self._result, IN_NOTEBOOKS))
