"""The console command: `backtest`, or `python -m backtest`."""

from __future__ import annotations

import sys

from rich.console import Console

from backtest.checkout import broken_links


def main() -> None:
    """Run the command line; an error on purpose becomes one plain message and its exit status, never a traceback."""
    if broken := broken_links():
        sys.exit(_refuse(broken))
    from backtest.cli.commands import app  # after the check: it needs the linked folders
    from backtest.data.errors import BacktestError, LeakError, RunError

    try:
        app()
    except BacktestError as problem:
        sys.exit(
            _refuse(str(problem), 4 if isinstance(problem, LeakError) else 3 if isinstance(problem, RunError) else 2)
        )


def _refuse(message: str, status: int = 2) -> int:
    """Print an error in the terminal and return the exit status."""
    plain = message.replace("[", r"\[")
    Console(stderr=True).print(f"[bold red]error[/] [default]{plain}[/]", highlight=False)
    return status


if __name__ == "__main__":
    main()
