"""The commands `backtest ledger` and `backtest ledger forget`: what was tried on data, and how that is deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backtest.data.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backtest.verdict.ledger import Ledger, Trial

ledger_app = typer.Typer(help="Show what was tried on data, or forget it.", invoke_without_command=True)

Bars = Annotated[
    str | None, typer.Option("--data", metavar="SOURCE", help="Trials on these bars; default: on any bars.")
]
Run = Annotated[
    Path | None, typer.Option("--run", metavar="RUN", help="Trials on the test rows of this run, in its ledger.")
]


@ledger_app.callback()
def show(context: typer.Context, data: Bars = None, run: Run = None) -> None:
    """Show what was tried: the trials in the ledgers of the runs folder and of the user."""
    if context.invoked_subcommand:
        if data or run:
            raise ConfigError(
                f"--data, --run: expected after the word {context.invoked_subcommand} (got before it, where they would "
                f"be ignored): backtest ledger {context.invoked_subcommand} --data SOURCE"
            )
        return
    from rich.markup import escape
    from rich.table import Table

    from backtest.cli.terminal import console, tell
    from backtest.reports.formats import counted
    from backtest.verdict.ledger import distinct, on_same_data

    _, known, own = _chosen(data, run)
    trials = on_same_data(known, own).trials if own else known.trials
    table = Table("when", "run", "question", "status", "p", "alpha", box=None, pad_edge=False)
    for trial in distinct(trials):
        smallest = min(trial.p_values.values(), default=None)
        p_value = "" if smallest is None else f"{smallest:.4f}"
        alpha = "" if trial.alpha is None else f"{trial.alpha:g}"
        cells = (trial.finished[:10], trial.run, trial.question or "", trial.status or "", p_value, alpha)
        table.add_row(*map(escape, cells))
    if trials:
        console.print(table, highlight=False)
    number = counted(len(distinct(trials)), "trial")
    tell(f"{number}; p is the smallest raw p-value of all its models, by plain or weighted errors")
    if known.unreadable:
        tell(f"{counted(known.unreadable, 'line')} cannot be read; each counts as a trial on any bars")
    for line in known.forgotten:
        tell(f"{line.finished[:10]}: {counted(line.forgotten, 'trial')} forgotten")


@ledger_app.command()
def forget(
    data: Bars = None,
    run: Run = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the trials with at least half of their test rows there; how many is entered, and later verdicts say so."""
    from backtest.cli.terminal import tell
    from backtest.reports.formats import counted
    from backtest.verdict import ledger
    from backtest.verdict.forgetting import forgotten_lines, mostly_within

    folder, known, own = _chosen(data, run)
    trials = [trial for trial in known.trials if own is None or mostly_within(trial, own)]
    staying = [] if own is None else [one for one in ledger.on_same_data(known, own).trials if one not in trials]
    unreadable = known.unreadable if own is None else 0
    lines = forgotten_lines(trials, unreadable)
    if staying:
        kept = counted(len(ledger.distinct(staying)), "trial")
        tell(f"{kept} kept: fewer than half of the test rows are on these bars")
    if not lines:
        tell("nothing to forget")
        return
    lost = counted(sum(line.forgotten for line in lines), "trial")
    tell(
        f"{lost} would be deleted, with their p-values and loss differences. Later verdicts on the same bars cannot "
        "allow for them any more, so a claim that is false is made more often. That they were forgotten is entered, "
        "and every later verdict on these bars says so."
    )
    if not yes:
        _show_lost(trials, unreadable)
        typer.confirm("Forget them?", abort=True)
    for path in dict.fromkeys(each.resolve() for each in (folder / ledger.LEDGER, ledger.user_ledger())):
        try:
            ledger.forget(path, trials, lines, unreadable=bool(unreadable))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written ({error.strerror}): nothing in it was forgotten") from error
    tell(f"{lost} forgotten:")
    _show_lost(trials, unreadable)


def _show_lost(trials: Sequence[Trial], unreadable: int) -> None:
    """List what is deleted, to be checked by name, date, models and number of test rows."""
    from rich.markup import escape
    from rich.table import Table

    from backtest.cli.terminal import console, tell
    from backtest.reports.formats import counted
    from backtest.verdict.coincidence import height
    from backtest.verdict.kept_losses import key_of
    from backtest.verdict.ledger import distinct

    table = Table("when", "run", "models", "test rows", box=None, pad_edge=False)
    for trial in distinct(trials):
        models = dict.fromkeys(key_of(name).model for name in (*trial.p_values, *trial.sharpes))
        rows = f"{height(trial.rows):,}" if trial.rows else "not known"
        table.add_row(*map(escape, (trial.finished[:10], trial.run, ", ".join(models), rows)))
    if trials:
        console.print(table, highlight=False)
    if unreadable:
        tell(f"{counted(unreadable, 'line')} that cannot be read")


def _chosen(data: str | None, run: Path | None) -> tuple[Path, Ledger, Trial | None]:
    """The folder of the ledger, what it and the user's know, and the trial on the data that are asked for, if any."""
    from backtest.data.dataset import Dataset
    from backtest.data.run_files import runs_folder
    from backtest.verdict.coincidence import bar_rows
    from backtest.verdict.ledger import Trial, known_in
    from backtest.verdict.record import trial_in

    if data and run:
        raise ConfigError(f"--run: expected either bars or a run (got --data {data} and --run {run}): leave one out")
    folder = run.parent if run else runs_folder()
    known = known_in(folder)
    own = None
    if run:
        own = trial_in(run, known)
    elif data:
        dataset = Dataset.from_source(data)
        rows = bar_rows(dataset.bars, dataset.interval)
        own = Trial("", dataset.traded_sha256, "", "", {}, {}, {}, rows=rows)
    return folder, known, own
