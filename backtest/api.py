"""The functions of `import backtest as bt`: walk, audit and compare from Python, by the rules of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Unpack

import polars as pl
from rich.console import Console

import backtest.reports as reports
from backtest.arguments import Bars, Settings, call_of, dataset_of, plan_of
from backtest.audit.levels import find_audit, find_or_make_audit, save_audit
from backtest.cli.progress import WalkProgress
from backtest.comparison.compare import compare as compare_finished
from backtest.comparison.compare import compare_runs
from backtest.comparison.runs import read_runs
from backtest.data.errors import LeakError
from backtest.data.records.audit import Audit, Depth, Level
from backtest.reports.compared import from_tables, read
from backtest.reports.wording.audit import LEVELS, leak_reason, leak_words
from backtest.result_views import AuditResult, Comparison
from backtest.run_view import Run
from backtest.verdict.record import enter_session, join_session, judge_again
from backtest.walk import engine
from backtest.walk.plan import WalkPlan


def walk_forward(
    bars: Bars | None = None,
    *,
    config: str | Path | None = None,
    preset: str | None = None,
    save: str | Path | None = None,
    audit: Depth | Literal["off"] = "quick",
    progress: bool = True,
    **settings: Unpack[Settings],
) -> Run:
    """Retrain models as time goes on, forecast, test and judge: what `backtest run` does.

    Parameters
    ----------
    bars
        A file, folder, glob or built-in name, or a polars or pandas data frame, whose columns are recognised like a
        file's (`data={"symbol": "ABC"}` names its instrument); None: the source in `config`.
    config, preset
        A TOML file or a preset's name, as on the command line, whose settings the others change; None: the defaults.
    save
        Run folder to write; a walk that was interrupted there is resumed. None: the run is held in memory, and
        nothing is written until it is saved (`Run.save`).
    audit
        How thoroughly to look for leaks first.
    progress
        Whether to show the progress.
    settings
        Those of the TOML file: `models=["ridge", "lstm"]`, `features=[...]`, `target="log_return"`,
        `folds=bt.Folds(...)` or a dict, `net={"hidden": 16}`, `train={"epochs": 5}`, `seeds=3`, `jobs=2`, ... A dict
        changes the settings that it names and leaves the others of its table.

    Raises
    ------
    ConfigError
        Settings cannot be used.
    DataError
        Bars cannot be trusted.
    LeakError
        The audit finds a leak.
    RunError
        The walk cannot be finished.

    Examples
    --------
    >>> import backtest as bt
    >>> folds = bt.Folds(first_train=300, validation=60, test=90)
    >>> run = bt.walk_forward("synthetic:n=700", models=["ridge"], folds=folds, progress=False)
    >>> run.verdict.status
    'no evidence'
    >>> run.forecasts.columns
    ['model', 'seed', 'fold', 'symbol', 'horizon', 'time', 'target_time', 'y', 'y_hat', 'variance']
    """
    console = Console(stderr=True, quiet=not progress)
    plan = plan_of(bars, config, preset, settings)
    folder = Path(save) if save is not None else None
    found = find_audit(plan, folder) if audit == "off" else _audit(plan, folder, audit, console)
    if audit != "off" and found and not found.passed:
        if folder:
            save_audit(plan, folder, found)
        leaks = "\n".join(map(leak_words, found.leaks))
        raise LeakError(f'{leaks}\nFix it, or pass audit="off" (the results are then marked unreliable).')
    command = call_of(bars, config or preset, settings)
    watcher = WalkProgress(console)
    if folder is None:
        return Run.from_walk(*engine.evaluate_in_memory(plan, watcher, command=command, audited=found))
    engine.walk_forward(plan, folder, watcher, command=command, audited=found)
    join_session(folder)
    return Run(reports.read(folder), folder)


def audit(
    bars: Bars | None = None,
    *,
    config: str | Path | None = None,
    preset: str | None = None,
    depth: Depth = "full",
    progress: bool = True,
    **settings: Unpack[Settings],
) -> AuditResult:
    """Look for leaks in features, labels, folds and the whole walk: what `backtest audit` does.

    Parameters are those of `walk_forward`. Raises as it does, but a leak is no error here: see `passed` and `leaks`.

    >>> import backtest as bt
    >>> found = bt.audit("synthetic:n=700", depth="quick", models=["ridge"], folds={"first_train": 300}, progress=False)
    >>> found.passed
    True
    """
    plan = plan_of(bars, config, preset, settings)
    return AuditResult(_audit(plan, None, depth, Console(stderr=True, quiet=not progress)))


def open_run(folder: str | Path) -> Run:
    """Open a finished run folder.

    Raises RunError if it is unfinished or damaged, WrongSchema if a table in it is another one.

    >>> import backtest as bt
    >>> bt.open_run("runs/nothing")
    Traceback (most recent call last):
    backtest.data.errors.RunError: runs/nothing: expected a finished run ...
    """
    return Run(reports.read(Path(folder)), Path(folder))


def judge_run(folder: str | Path) -> Run:
    """Judge a finished run again, allowing for what was tried on its bars since, and write its report again.

    This is what `backtest report` does. Raises as `open_run`, RunError also if the folder is in use.

    >>> import backtest as bt
    >>> bt.judge_run("runs/nothing")
    Traceback (most recent call last):
    backtest.data.errors.RunError: runs/nothing: expected a finished run ...
    """
    judge_again(Path(folder))
    reports.write(Path(folder))
    return open_run(folder)


def compare(*runs: Run | str | Path, save: str | Path | None = None) -> Comparison:
    """Test the models of two or more runs against each other, on the rows that all of them forecast.

    Runs may be folders. `save` names a folder for the comparison; None: nothing is written. Raises ConfigError if the
    runs are not about the same thing.

    >>> import backtest as bt
    >>> common = {"folds": bt.Folds(first_train=300, validation=60, test=90), "models": ["ridge"], "progress": False}
    >>> short = bt.walk_forward("synthetic:n=700", name="short", net={"window": 10}, **common)
    >>> long = bt.walk_forward("synthetic:n=700", name="long", net={"window": 40}, **common)
    >>> bt.compare(short, long).pairs.select("run", "other_run").row(0)
    ('short', 'long')
    """
    finished = [run.finished if isinstance(run, Run) else Path(run) for run in runs]
    if save is not None:
        return Comparison(read(compare_runs(finished, Path(save))))
    found = compare_finished(read_runs(finished))
    enter_session(found.trial, found.losses)
    return Comparison(from_tables(found.record, found.verdict, found.tables))


def load_bars(source: Bars, symbol: str | None = None) -> pl.DataFrame:
    """Read bars from a file, a folder, a glob, a built-in name or a data frame; refuse what cannot be trusted.

    Returns BARS: `symbol`, `time` (the open, UTC), `open`, `high`, `low`, `close`, `volume` and what else is there,
    sorted by symbol and time. `symbol` picks an instrument, or names the one of a source that does not. Raises
    DataError.

    >>> import backtest as bt
    >>> bt.load_bars("synthetic:n=100").height
    100
    """
    return dataset_of(source, symbol).bars


def _audit(plan: WalkPlan, folder: Path | None, depth: Depth, console: Console) -> Audit:
    """Audit a planned walk, unless its folder holds an audit of the same; a full one tells of every level."""

    def tell(level: Level) -> None:
        if depth == "full":
            console.print(f"audit: {LEVELS[level.code]} done", style="dim")

    found = find_or_make_audit(plan, folder, depth, tell)
    console.print(f"{found.depth} audit: {leak_reason(found.leaks) or 'no leak found'}", highlight=False, markup=False)
    return found
