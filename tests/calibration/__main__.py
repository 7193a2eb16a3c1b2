"""`make calibrate`: measure everything in worlds whose truth is known, and write CALIBRATION.md."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from backtest.data.run_files import runs_folder
from backtest.walk.environment import cores
from tests.calibration.page import write
from tests.calibration.plan import FULL, QUICK, carry_out


def main() -> None:
    """Measure what the command line asks for, going on where an earlier call was stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few draws: minutes, and wide Monte-Carlo errors")
    parser.add_argument("--out", type=Path, help="the page; CALIBRATION.md, or with --quick runs/calibration/quick.md")
    parser.add_argument("--jobs", type=int, default=cores(), help="processes; one for each core")
    arguments = parser.parse_args()
    folder = runs_folder() / "calibration"
    plan = QUICK if arguments.quick else FULL
    page = arguments.out or (folder / "quick.md" if arguments.quick else Path("CALIBRATION.md"))
    console = Console()
    with Progress(console=console) as progress:
        line = progress.add_task("measuring")
        findings = carry_out(
            plan, folder, arguments.jobs, lambda done, of: progress.update(line, completed=done, total=of)
        )
    command = "python -m tests.calibration --quick" if arguments.quick else "make calibrate"
    write(findings, plan, page, command=command, today=datetime.now(UTC).date())
    console.print(f"written: {page}", highlight=False)


if __name__ == "__main__":
    main()
