"""The commands; each imports what it needs when it is called, so that `--help` starts at once."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from backtest.cli.terminal import console, say, show_audit, show_result
from backtest.data.records.audit import Audit, Depth
from backtest.data.run_files import MANIFEST

if TYPE_CHECKING:
    from backtest.walk.plan import WalkPlan

app = typer.Typer(
    help="Would this network, retrained as time went on, have forecast better than saying zero?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Look at files of bars.", no_args_is_help=True)
app.add_typer(data_app, name="data")


def show_version(asked: bool) -> None:
    """Print the version and stop."""
    if asked:
        from importlib.metadata import version

        say(f"beatzero {version('beatzero')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="print the version and stop")
    ] = False,
) -> None:
    """Ask whether a network, retrained as time went on, would have forecast better than saying zero."""


ConfigName = Annotated[str, typer.Argument(metavar="[CONFIG]", help="a preset's name or a TOML file")]
Source = Annotated[str | None, typer.Option("--data", help="source of the bars instead of the configured one")]
Out = Annotated[Path | None, typer.Option(help="folder of the run instead of runs/<name>")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="train.epochs=5, as often as needed")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="folder of a finished run")]


@app.command()
def run(
    config: ConfigName = "default",
    data: Source = None,
    out: Out = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="workers; one for each core if left out")] = None,
    depth: Annotated[
        Literal["quick", "full", "off"], typer.Option("--audit", help="how deep to look for leaks first")
    ] = "quick",
    settings: Changes = None,
) -> None:
    """Look for leaks, walk forward, or finish an unfinished walk, then write the report."""
    from backtest import reports
    from backtest.audit.record import known_audit
    from backtest.cli.progress import WalkProgress
    from backtest.walk.config import load
    from backtest.walk.engine import walk_forward
    from backtest.walk.plan import plan_walk
    from backtest.walk.run_folder import folder_of

    changes = [*(settings or []), *([f"jobs={jobs}"] if jobs else [])]
    loaded = load(config, data=data, settings=changes)
    folder = folder_of(loaded.config, out)
    if out is None and folder.name != loaded.config.name:
        say(f"{folder.with_name(loaded.config.name)} holds other settings, so this run goes to {folder}")
    command, prepared = shlex.join(["backtest", *sys.argv[1:]]), plan_walk(loaded)
    audited = known_audit(prepared, folder) if depth == "off" else _audited(prepared, folder, depth)
    if depth != "off" and audited and not audited.passed:
        _keep(prepared, folder, audited)
        say("no walk was made: mend it, or run with --audit off, and believe nothing of what you see")
        raise typer.Exit(4)
    found = f"{audited.depth} audit: {audited.reason or 'no leak found'}" if audited else "not audited"
    say(found)
    walk_forward(prepared, folder, WalkProgress(console), command=command, audited=audited)
    page = reports.write(folder)
    show_result(folder)
    say(f"\nreport: {page}")


@app.command("audit")
def look_for_leaks(
    config: ConfigName = "default",
    data: Source = None,
    out: Out = None,
    quick: Annotated[bool, typer.Option("--quick", help="what `backtest run` does first, not all of it")] = False,
    settings: Changes = None,
) -> None:
    """Hunt for leaks in features, labels, folds and the whole walk; exit status 4 where there is one."""
    from backtest.walk.config import load
    from backtest.walk.plan import plan_walk
    from backtest.walk.run_folder import folder_of

    loaded = load(config, data=data, settings=settings or [])
    folder, prepared = folder_of(loaded.config, out), plan_walk(loaded)
    found = _audited(prepared, folder, "quick" if quick else "full")
    _keep(prepared, folder, found)
    if not found.passed:
        raise typer.Exit(4)


def _audited(prepared: WalkPlan, folder: Path, depth: Depth) -> Audit:
    """Audit, telling what is being done."""
    from backtest.audit.record import audit_of

    with console.status("looking for leaks") as status:
        return audit_of(prepared, folder, depth, lambda level: status.update(f"looking for leaks: {level.name} done"))


def _keep(prepared: WalkPlan, folder: Path, found: Audit) -> None:
    """Show an audit and keep it in the folder; a finished run there has a report that knows of it."""
    from backtest import reports
    from backtest.audit.record import keep

    show_audit(found)
    if not keep(prepared, folder, found):
        say(f"{folder} holds a run of other bars or plugins: this audit is not kept there")
    elif (folder / MANIFEST).is_file():
        say(f"report: {reports.write(folder)}")


@app.command()
def report(run: RunFolder) -> None:
    """Write report.html and report.md again; where more was tried on the run's bars since, judge it anew."""
    from backtest import reports
    from backtest.verdict.record import judge_again

    judged = judge_again(run)
    if judged:
        before, after = judged
        tried = f", with {after.configurations} configurations tried on these bars instead of {before.configurations}"
        say(f"judged anew{tried if after.configurations > before.configurations else ''}: {after.headline}")
    say(f"report: {reports.write(run)}")


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="folders of two or more finished runs")],
    out: Annotated[Path | None, typer.Option(help="folder instead of runs/compare-<names>")] = None,
) -> None:
    """Test models of several runs against each other, on the rows that all of them forecast; no run is changed."""
    from backtest.cli.terminal_comparison import show_comparison
    from backtest.comparison.compare import compare_runs
    from backtest.reports import comparison as compared

    folder = compare_runs(runs, out)
    page = compared.write(folder)
    show_comparison(folder)
    say(f"\nreport: {page}")


@app.command()
def verify(run: RunFolder) -> None:
    """Check every file of a run against its manifest; exit status 4 where one is not what it was."""
    from backtest.data import run_files

    problems = run_files.verify(run)
    for problem in problems:
        say(f"{run}/{problem}")
    if problems:
        raise typer.Exit(4)
    say(f"{run}: every file is as the manifest says; report and figures are made from them")


@app.command()
def forecast(
    run: RunFolder,
    data: Annotated[str | None, typer.Option(help="newer bars than the run's own")] = None,
    plugins: Annotated[list[str] | None, typer.Option(help="a plugin of the run that you trust")] = None,
) -> None:
    """Forecast the next step from the newest bars, with the networks that were fitted on all of the run's."""
    from backtest.cli.terminal_forecast import show_evidence, show_steps
    from backtest.forecast.next_step import next_steps

    steps, verdict = next_steps(run, data=data, plugin_names=plugins or [])
    show_steps(steps)
    show_evidence(verdict)


@app.command("list")
def list_tables() -> None:
    """List every preset, feature, model, metric, test and report section with its first line."""
    from backtest.cli.catalog import entries

    for title, rows in entries().items():
        table = Table(
            "", "", title=escape(title), title_justify="left", title_style="bold", box=None, show_header=False
        )
        for name, doc in rows:
            table.add_row(escape(name), escape(doc))
        console.print(table)


@data_app.command("check")
def check_data(
    file: Annotated[str, typer.Argument(metavar="FILE", help="a file, a folder, a glob or a built-in name")],
    symbol: Annotated[str | None, typer.Option(help="the one to look at")] = None,
) -> None:
    """Tell what a file of bars holds, and everything that is wrong or odd in it; exit status 2 where it is wrong."""
    from backtest.data.reading.bars import inspect_bars

    found = inspect_bars(file, symbol)
    for line in found.lines():
        console.print(line, highlight=False, markup=False)
    if found.problems:
        raise typer.Exit(2)


@app.command("app")
def open_app(
    run: Annotated[Path | None, typer.Argument(metavar="[RUN]", help="the newest run if left out")] = None,
    plugins: Annotated[list[str] | None, typer.Option(help="a plugin of the runs that you trust")] = None,
) -> None:
    """Show runs and their next step in the browser; the page is served to this machine alone."""
    from backtest.app.serving import serve

    serve(run, plugins or [])
