"""A whole walk in processes of its own: wall time, how well the workers were used, peak memory; and `--help`."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from backtest.data.run_files import read_manifest
from tests.bench.rows import Row, seconds

COMMAND = [sys.executable, "-m", "backtest"]


def measure(folder: Path, data: str | None) -> Iterator[Row]:
    """Rows for `--help` and for the walk: of the hourly preset where `data` names its bars, else of the default one."""
    starts = [seconds(lambda: subprocess.run([*COMMAND, "--help"], check=True, capture_output=True)) for _ in range(6)]  # noqa: S603
    yield Row("backtest --help", statistics.median(starts[1:]), "s", 0.5, False)
    preset = "btcusdt" if data else "default"
    shutil.rmtree(folder / preset, ignore_errors=True)
    wall, peak = _run(["run", preset, *(["--data", data] if data else []), "--out", str(folder / preset)])
    manifest = read_manifest(folder / preset)
    yield _overhead(preset, manifest)
    note = (
        f"{manifest['data']['bars']:,} bars, {manifest['tasks']['total']} fits, {manifest['tasks']['workers']} workers"
    )
    reason = "" if data else "not measured: name hourly BTCUSDT bars with DATA="
    yield Row("btcusdt preset: wall time", wall / 60 if data else None, "min", 15.0, False, reason or note)
    yield Row("btcusdt preset: peak memory of all processes", peak if data else None, "GiB", 2.0, False, reason)


def _overhead(preset: str, manifest: dict[str, Any]) -> Row:
    tasks = manifest["tasks"]
    ideal = tasks["seconds"] / tasks["workers"]
    note = f"{preset}: {manifest['seconds']:.0f} s against {ideal:.0f} s of fits for each worker"
    return Row(
        "walk: wall time over (sum of fit seconds / workers)", manifest["seconds"] / ideal, "", 1.15, False, note
    )


def _run(arguments: list[str]) -> tuple[float, float]:
    """Wall seconds of a command, and the peak of its processes' resident memory together in GiB."""
    started = time.perf_counter()
    process = subprocess.Popen([*COMMAND, *arguments])  # noqa: S603
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        with suppress(psutil.Error):
            family = [watched, *watched.children(recursive=True)]
            peak = max(peak, sum(_resident(member) for member in family))
        time.sleep(0.2)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return time.perf_counter() - started, peak / 2**30


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0
