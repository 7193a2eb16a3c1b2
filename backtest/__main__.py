"""The console command: `backtest`, or `python -m backtest`; first, whether this installation is whole."""

from __future__ import annotations

import sys
from pathlib import Path

LINKED = ("data", "features", "models", "reports")
"""Sub-packages that stand beside `backtest` in the repository; `backtest/data` is a link to `../data`, and so on."""


def main() -> None:
    """Run the command line; an error on purpose becomes one plain message and its exit status, never a traceback."""
    if broken := broken_links():
        sys.exit(show_error(broken))
    try:
        from backtest.cli.commands import app  # after the check: it needs the linked folders
        from backtest.data.errors import BacktestError, LeakError, RunError

        try:
            app()
        except BacktestError as error:
            status = 4 if isinstance(error, LeakError) else 3 if isinstance(error, RunError) else 2
            sys.exit(show_error(str(error), status))
    except ModuleNotFoundError as missing:
        sys.exit(show_error(missing_module(missing.name or "")))


def broken_links(package: Path = Path(__file__).parent) -> str:
    """Return what is wrong with the links in `package` and what to do, in one sentence; empty if nothing is.

    Git writes a link as a text file that holds its target where the system or a setting forbids links.
    """
    broken = [name for name in LINKED if not (package / name).is_dir()]
    if not broken:
        return ""
    return (
        f"{package}: expected folders named {', '.join(broken)}, got text files or nothing, because this checkout was "
        "made without symbolic links: on Windows, turn on Developer Mode, then run "
        "`git config core.symlinks true` and `git checkout -- backtest`; or install the wheel, which needs no links"
    )


def show_error(message: str, status: int = 2) -> int:
    """Print an error, wrapped to the terminal where rich is installed, and return the exit status."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ModuleNotFoundError:
        print(f"error {message}", file=sys.stderr)
    else:
        Console(stderr=True).print(Text.assemble(("error", "bold red"), " ", message), highlight=False)
    return status


def missing_module(name: str) -> str:
    """Say what to do about a module that cannot be imported: a part of this package, or a package that it needs."""
    package = name.partition(".")[0]
    if package == "backtest":
        return f"{name}: this part of beatzero is missing: install beatzero again"
    return (
        f"package {package}: not installed in {sys.prefix}: install beatzero with its dependencies "
        "(`make setup` or `pip install -e .` in a checkout)"
    )


if __name__ == "__main__":
    main()
