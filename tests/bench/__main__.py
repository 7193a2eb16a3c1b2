"""`make bench`: measure everything, print the table, write it to runs/bench/."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from backtest.data.run_files import runs_folder, write_bytes
from backtest.walk.environment import hardware, versions
from tests.bench import features, report, training, walk
from tests.bench.rows import Row


def main() -> None:
    """Measure what was asked for, row by row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="hourly BTCUSDT bars, for the rows that need them")
    arguments = parser.parse_args()
    folder = runs_folder() / "bench"
    os.environ["XDG_DATA_HOME"] = str(folder)  # what is run to be measured is no trial of the user's
    console = Console()
    lines = ["| what | measured | at | holds | note |", "|---|---|---|---|---|"]
    for row in _all(folder, arguments.data):
        lines.append(_line(row))
        console.print(lines[-1].strip("| "), highlight=False, soft_wrap=True)
    machine, used = hardware("cpu"), versions()
    lines += ["", f"{datetime.now(UTC):%Y-%m-%d}, {machine['cpu']}, {machine['cores']} cores, "]
    lines[-1] += f"Python {used['python']}, torch {used['torch']}, polars {used['polars']}"
    write_bytes(folder / "bench.md", "\n".join([*lines, ""]).encode())
    console.print(f"written: {folder / 'bench.md'}", highlight=False)


def _all(folder: Path, data: str | None) -> Iterator[Row]:
    yield from training.measure()
    yield from features.measure()
    yield from walk.measure(folder, data)
    yield from report.measure(folder / ("btcusdt" if data else "default"))


def _line(row: Row) -> str:
    value = "-" if row.value is None else f"{row.value:.4g} {row.unit}".strip()
    sign = ">=" if row.at_least else "<="
    return f"| {row.what} | {value} | {sign} {row.bound:g} {row.unit}".rstrip() + f" | {row.verdict} | {row.note} |"


if __name__ == "__main__":
    main()
