"""`make calibrate`: measure everything in worlds whose truth is known, and write CALIBRATION.md and its other pages."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from backtest.data.run_files import runs_folder
from backtest.walk.environment import cores
from tests.calibration import many_page, page, plan, verdict_page, verdict_plan

PARTS = ("tests", "verdicts", "many")
"""The pages: CALIBRATION.md, that on the verdicts, and that on many models at once."""

VERDICTS, MANY = "calibration-verdicts.md", "calibration-many.md"


def main() -> None:
    """Measure what the command line asks for, going on where an earlier call was stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few draws: minutes, and wide Monte-Carlo errors")
    parser.add_argument("--only", choices=PARTS, help="one of the pages")
    parser.add_argument("--out", type=Path, help="CALIBRATION.md; with --quick runs/calibration/quick.md")
    parser.add_argument("--jobs", type=int, default=cores(), help="processes; one for each core")
    arguments = parser.parse_args()
    folder, quick, today = runs_folder() / "calibration", arguments.quick, datetime.now(UTC).date()
    out = arguments.out or (folder / "quick.md" if quick else Path("CALIBRATION.md"))
    told = [*(["--quick"] if quick else []), *(["--only", arguments.only] if arguments.only else [])]
    command = f"make calibrate ARGS='{' '.join(told)}'" if told else "make calibrate"
    console = Console()
    with Progress(console=console) as progress:
        if arguments.only in (None, "tests"):
            tell = _line(progress, "tests")
            draws = plan.QUICK if quick else plan.FULL
            page.write(plan.carry_out(draws, folder, arguments.jobs, tell), draws, out, command=command, today=today)
            console.print(f"written: {out}", highlight=False)
        if arguments.only in (None, "verdicts"):
            tell, path = _line(progress, "verdicts"), out.parent / "docs" / VERDICTS
            samples = verdict_plan.QUICK if quick else verdict_plan.FULL
            verdicts = verdict_plan.carry_out(samples, folder, arguments.jobs, tell)
            verdict_page.write(verdicts, samples, path, command=command, today=today)
            console.print(f"written: {path}", highlight=False)
        if arguments.only in (None, "many"):
            tell, path = _line(progress, "many models"), out.parent / "docs" / MANY
            asked = many_page.QUICK if quick else many_page.FULL
            many_page.write(
                many_page.carry_out(asked, folder, arguments.jobs, tell), asked, path, command=command, today=today
            )
            console.print(f"written: {path}", highlight=False)


def _line(progress: Progress, name: str) -> Callable[[int, int], None]:
    """A line of the progress, and what moves it."""
    line = progress.add_task(name)
    return lambda done, of: progress.update(line, completed=done, total=of)


if __name__ == "__main__":
    main()
