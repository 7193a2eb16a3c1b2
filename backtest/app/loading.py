"""What the app reads, cached by the state of the run and its bars, and what the reader chose to see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from backtest.data.errors import BacktestError
from backtest.data.reading.built_in import BUILT_IN
from backtest.data.reading.tables import find_files
from backtest.data.records.reading import printable
from backtest.data.run_files import MANIFEST, runs_folder, sha256
from backtest.forecast.next_step import Series, read_config, read_series, steps_from
from backtest.forecast.step import NextStep
from backtest.reports.run import RunResult, read

KEPT = 8
"""How many runs, and how many series of bars, stay in memory."""

LONGEST_NAME = 60
"""Characters of a file's name that are kept, the last ones; in any script fewer bytes than a name may have."""


@dataclass(frozen=True, slots=True)
class Source:
    """Bars by the name of their source, or uploaded under it with their content; `state` changes when they do."""

    name: str
    content: bytes | None = field(default=None, repr=False)
    state: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The forecasts to show: one model's for one symbol, by one seed or the mean over its `seeds` (None).

    `level` is that of the intervals.
    """

    symbol: str
    model: str
    seed: int | None
    seeds: int
    level: float


def finished_runs(given: Path | None) -> list[Path]:
    """Return the `given` run, finished or not, then the folders of finished runs, the newest first."""
    manifests = sorted(runs_folder().glob(f"*/{MANIFEST}"), key=lambda path: path.stat().st_mtime, reverse=True)
    others = [path.parent for path in manifests if given is None or path.parent.resolve() != given.resolve()]
    return [given, *others] if given else others


def run_state(run: Path) -> str:
    """Return the SHA-256 of a run's manifest, empty where there is none; it changes when the run does."""
    path = run / MANIFEST
    return sha256(path.read_bytes()) if path.is_file() else ""


def with_state(run: Path, state: str, source: Source | None) -> Source:
    """Return a source with the state of its files; None: the source of the run.

    Raises UnknownSource if there is none of that name, ConfigError if the run's settings are invalid.
    """
    source = source or Source(own_source(run, state))
    if source.content is not None or source.name.partition(":")[0] in BUILT_IN:
        return source
    files = ((path, path.stat()) for path in find_files(source.name))
    return replace(source, state=repr([(str(path), found.st_mtime_ns, found.st_size) for path, found in files]))


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def read_run(run: Path, state: str) -> RunResult:
    """Return a run, shared by all sessions. Raises what `reports.read` raises."""
    return read(run)


@st.cache_data(max_entries=KEPT, show_spinner=False)
def own_source(run: Path, state: str) -> str:
    """Return the source of the run's bars."""
    return read_config(run).data.source


@st.cache_resource(max_entries=KEPT, show_spinner="Reading the bars", hash_funcs={Source: repr})
def read_bars(run: Path, state: str, source: Source, plugins: Sequence[str]) -> Series:
    """Return the bars to forecast from, shared by all sessions. Raises what `read_series` raises."""
    if source.content is None:
        return read_series(run, source.name, plugins)
    with temporary_file(source.name, source.content) as path:
        return read_series(run, path, plugins)


@st.cache_data(max_entries=KEPT, show_spinner="Forecasting", hash_funcs={Source: repr})
def forecast(run: Path, state: str, source: Source, plugins: Sequence[str]) -> list[NextStep]:
    """Return the next step of every model for every symbol; loads torch."""
    return steps_from(run, read_bars(run, state, source, plugins), plugins)


@contextmanager
def temporary_file(name: str, content: bytes) -> Iterator[str]:
    """Write an upload into a file for the length of a `with` block, and yield its path.

    An error in the block is raised again with the file's name instead of its path, as if it had been named on the
    command line from its own folder.
    """
    with TemporaryDirectory(prefix="beatzero-") as folder:
        path = Path(folder) / safe_name(name)
        path.write_bytes(content)
        try:
            yield str(path)
        except BacktestError as error:
            raise type(error)(str(error).replace(f"{folder}/", "")) from None


def safe_name(name: str) -> str:
    """Return a file name that is valid in any folder and leads to no other one."""
    own = Path(printable(name)).name[-LONGEST_NAME:]
    return "upload" if own in {"", ".", ".."} else own
