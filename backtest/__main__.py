"""The console command: `backtest`, or `python -m backtest`."""

from __future__ import annotations

import sys

from rich.console import Console

from backtest.cli.commands import app
from backtest.data.errors import BacktestError, LeakError, RunError


def main() -> None:
    """Run the command line; an error on purpose becomes one plain message and its exit status, never a traceback."""
    try:
        app()
    except BacktestError as problem:
        Console(stderr=True).print(f"[bold red]error[/] [default]{_plain(problem)}[/]", highlight=False)
        sys.exit(4 if isinstance(problem, LeakError) else 3 if isinstance(problem, RunError) else 2)


def _plain(problem: BacktestError) -> str:
    return str(problem).replace("[", r"\[")


if __name__ == "__main__":
    main()
