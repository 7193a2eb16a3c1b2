"""The commands of `backtest`. Each imports what it needs when it is called, so that `--help` starts at once."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from backtest.cli.trials import ledger_app

if TYPE_CHECKING:
    from backtest.data.records.audit import Audit
    from backtest.walk.plan import WalkPlan

app = typer.Typer(
    help=(
        "Walk-forward backtests of forecasting models: would this model, retrained as time went on, have forecast "
        "better than zero?"
    ),
    epilog=(
        "Exit status: 0 done; 2 wrong input or settings; 3 the run did not finish; 4 a check failed "
        "(the audit found a leak, verify a changed file)."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Inspect files of bars.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(ledger_app, name="ledger")


def show_version(asked: bool) -> None:
    """Print the version and stop."""
    if asked:
        from importlib.metadata import version

        typer.echo(f"beatzero {version('beatzero')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Take the options that come before a command."""


ConfigName = Annotated[str, typer.Argument(metavar="CONFIG", help="A preset's name or a TOML file.")]
Source = Annotated[
    str | None, typer.Option("--data", metavar="SOURCE", help="File, folder, glob or built-in name of the bars.")
]
Out = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder of the run; default: runs/<name>.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, such as train.epochs=5; repeatable."),
]
Folds = Annotated[bool, typer.Option("--folds", help="Also print skill and test of every fold.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]
Plugins = Annotated[
    list[str] | None,
    typer.Option(metavar="MODULE", help="A plugin of the run; it is code, so name it if you trust it; repeatable."),
]


@app.command()
def run(
    config: ConfigName = "default",
    data: Source = None,
    out: Out = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Worker processes; default: one per core.")
    ] = None,
    depth: Annotated[
        Literal["quick", "full", "off"], typer.Option("--audit", help="How thoroughly to look for leaks first.")
    ] = "quick",
    folds: Folds = False,
    settings: Changes = None,
) -> None:
    """Audit for leaks, run (or resume) the walk-forward backtest, write the report; exit status 4 if it leaks."""
    import backtest.reports as reports
    from backtest.audit.levels import find_audit
    from backtest.cli.progress import WalkProgress
    from backtest.cli.terminal import console, show_folds, show_report, show_result, tell
    from backtest.reports.wording.audit import leak_reason
    from backtest.verdict.ledger import user_ledger_problem
    from backtest.walk.config_file import load
    from backtest.walk.engine import walk_forward
    from backtest.walk.plan import plan_walk
    from backtest.walk.run_folder import folder_of

    changes = [*(settings or []), *([f"jobs={jobs}"] if jobs else [])]
    loaded = load(config, data=data, settings=changes)
    prepared = plan_walk(loaded)
    folder = folder_of(prepared.config, out)
    if out is None and folder.name != loaded.config.name:
        tell(f"{folder.with_name(loaded.config.name)} holds a run with other settings; this run goes to {folder}")
    command = shlex.join(["backtest", *sys.argv[1:]])
    audited = find_audit(prepared, folder) if depth == "off" else _audit(prepared, folder, depth)
    if depth != "off" and audited and not audited.passed:
        _show_and_keep(prepared, folder, audited)
        tell("Run aborted: leak found. Fix it, or pass --audit off (results are then marked unreliable).")
        raise typer.Exit(4)
    tell(
        f"{audited.depth} audit: {leak_reason(audited.leaks) or 'no leak found'}"
        if audited
        else "not audited for leaks"
    )
    if problem := user_ledger_problem():
        tell(f"{problem}: the run is entered into the ledger beside its folder alone")
    walk_forward(prepared, folder, WalkProgress(console), command=command, audited=audited)
    page = reports.write(folder)
    result = reports.read(folder)
    show_result(result)
    if folds:
        show_folds(result)
    console.print()
    show_report(page)
    if audited and not audited.passed:
        raise typer.Exit(4)


@app.command("audit")
def audit_config(
    config: ConfigName = "default",
    data: Source = None,
    out: Out = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only the checks that `backtest run` makes before it starts.")
    ] = False,
    settings: Changes = None,
) -> None:
    """Search features, labels, folds and the whole walk for leaks; exit status 4 if there is one."""
    from backtest.walk.config_file import load
    from backtest.walk.plan import plan_walk
    from backtest.walk.run_folder import folder_of

    loaded = load(config, data=data, settings=settings or [])
    prepared = plan_walk(loaded)
    folder = folder_of(prepared.config, out)
    found = _audit(prepared, folder, "quick" if quick else "full")
    _show_and_keep(prepared, folder, found)
    if not found.passed:
        raise typer.Exit(4)


def _audit(prepared: WalkPlan, folder: Path, depth: Literal["quick", "full"]) -> Audit:
    """Audit a walk, showing which level is done."""
    from backtest.audit.levels import find_or_make_audit
    from backtest.cli.terminal import console
    from backtest.reports.wording.audit import LEVELS

    with console.status("auditing for leaks") as status:
        return find_or_make_audit(
            prepared, folder, depth, lambda level: status.update(f"auditing for leaks: {LEVELS[level.code]} done")
        )


def _show_and_keep(prepared: WalkPlan, folder: Path, found: Audit) -> None:
    """Print an audit and save it in the folder of the run, whose report is rewritten if it is finished."""
    import backtest.reports as reports
    from backtest.audit.levels import save_audit
    from backtest.cli.terminal import show_audit, show_report, tell
    from backtest.data.run_files import MANIFEST

    show_audit(found)
    if not save_audit(prepared, folder, found):
        tell(f"audit not saved: {folder} holds a run on other bars or with other plugins")
    elif (folder / MANIFEST).is_file():
        show_report(reports.write(folder))


@app.command()
def report(run: RunFolder, folds: Folds = False) -> None:
    """Rewrite the report; update the verdict if more was tried on the same bars since."""
    import backtest.reports as reports
    from backtest.cli.terminal import show_folds, show_report, tell
    from backtest.reports.wording.verdict import headline
    from backtest.verdict.record import judge_again

    judged = judge_again(run)
    if judged:
        before, after = judged
        tell(f"verdict updated: {headline(after)}")
        if after.configurations > before.configurations:
            tell(f"configurations tried on these bars: {after.configurations}, up from {before.configurations}")
    page = reports.write(run)
    if folds:
        show_folds(reports.read(run))
    show_report(page)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of two or more finished runs.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of the comparison; default: runs/compare-<names>.")
    ] = None,
) -> None:
    """Compare the models of several runs on the forecasts they share; no run is changed."""
    import backtest.reports as reports
    from backtest.cli.terminal import console, show_comparison, show_report
    from backtest.comparison.compare import compare_runs
    from backtest.reports.compared import read

    folder = compare_runs(runs, out)
    page = reports.write(folder)
    show_comparison(read(folder))
    console.print()
    show_report(page)


@app.command()
def verify(run: RunFolder) -> None:
    """Check every file of a run against its manifest; exit status 4 if one was changed."""
    from backtest.cli.terminal import say, tell
    from backtest.data import run_files

    problems = run_files.verify(run)
    for problem in problems:
        say(f"{run}/{problem}")
    if problems:
        raise typer.Exit(4)
    tell(f"{run}: all files match the manifest (the report and its figures, made from them, are not checked)")


@app.command()
def forecast(
    run: RunFolder,
    data: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Newer bars of the same series; default: the run's own bars.")
    ] = None,
    plugins: Plugins = None,
) -> None:
    """Forecast the next step from the newest bars, with the models fitted on all bars of the run."""
    from backtest.cli.next_steps import show_next_steps
    from backtest.cli.terminal import show_verdict
    from backtest.forecast.next_step import next_steps

    steps, verdict = next_steps(run, data=data, plugin_names=plugins or [])
    show_next_steps(steps)
    show_verdict(verdict)


@app.command("list")
def list_tables() -> None:
    """List settings, presets, built-in data, features, models, losses, metrics, tests and report sections."""
    from rich.markup import escape
    from rich.table import Table

    from backtest.cli.catalog import entries
    from backtest.cli.terminal import console

    for title, rows in entries().items():
        table = Table(title=escape(title), title_justify="left", title_style="bold", box=None, show_header=False)
        for name, summary in rows:
            table.add_row(escape(name), escape(summary))
        console.print(table)
        console.print()


@data_app.command("check")
def check_data(
    file: Annotated[str, typer.Argument(metavar="SOURCE", help="A file, folder, glob or built-in name.")],
    symbol: Annotated[str | None, typer.Option(metavar="NAME", help="Check this symbol only.")] = None,
) -> None:
    """Show what a source of bars holds and every problem in it; exit status 2 if there is one."""
    from backtest.cli.terminal import say
    from backtest.data.reading.bars import inspect_bars

    found = inspect_bars(file, symbol)
    for line in found.lines():
        say(line)
    if found.problems:
        raise typer.Exit(2)


@app.command("app")
def open_app(
    run: Annotated[Path | None, typer.Argument(metavar="RUN", help="Folder of a run; default: the newest run.")] = None,
    plugins: Plugins = None,
) -> None:
    """Show runs and their next forecasts in the browser; served to this machine only."""
    from backtest.app.server import serve

    serve(run, plugins or [])
