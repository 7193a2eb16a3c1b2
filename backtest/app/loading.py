"""What the app reads, once for each state of a run and of its bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import streamlit as st

from backtest.app.uploads import as_file
from backtest.data.reading.built_in import BUILT_IN
from backtest.data.reading.files import find_files
from backtest.data.run_files import MANIFEST, runs_folder, sha256
from backtest.forecast.next_step import NextStep, Series, read_config, read_series, steps_from
from backtest.reports.result import Result, assemble
from backtest.reports.run_folder import Folder
from backtest.reports.run_folder import read as read_folder

KEPT = 8
"""Runs, and series of bars, that are kept in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """A finished run: its tables, and what its report is made of."""

    folder: Folder
    result: Result


@dataclass(frozen=True, slots=True)
class Source:
    """Bars by the name of their source, or uploaded under it with their content; `state` changes when they do."""

    name: str
    content: bytes | None = field(default=None, repr=False)
    state: str = ""


def finished_runs(given: Path | None) -> list[Path]:
    """Return the run that was asked for, finished or not, and the folders of finished runs, the newest first."""
    manifests = sorted(runs_folder().glob(f"*/{MANIFEST}"), key=lambda path: path.stat().st_mtime, reverse=True)
    others = [path.parent for path in manifests if given is None or path.parent.resolve() != given.resolve()]
    return [given, *others] if given else others


def stamp_of(run: Path) -> str:
    """Return what tells one state of a run from another: the SHA-256 of its manifest."""
    path = run / MANIFEST
    return sha256(path.read_bytes()) if path.is_file() else ""


def current(run: Path, stamp: str, source: Source | None) -> Source:
    """Return a source, that of the run where it is None, with the state its files are in.

    Raises UnknownSource where there is none of that name, ConfigError where the run's settings are no settings.
    """
    source = source or Source(own_source(run, stamp))
    if source.content is not None or source.name.partition(":")[0] in BUILT_IN:
        return source
    files = ((path, path.stat()) for path in find_files(source.name))
    return replace(source, state=repr([(str(path), found.st_mtime_ns, found.st_size) for path, found in files]))


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def read_run(run: Path, stamp: str) -> Contents:
    """Return the contents of a run; nobody changes them. Raises what `reports.read` raises."""
    folder = read_folder(run)
    return Contents(folder, assemble(folder))


@st.cache_data(max_entries=KEPT, show_spinner=False)
def own_source(run: Path, stamp: str) -> str:
    """Return the name of the source that the run was fed from."""
    return read_config(run).data.source


@st.cache_resource(max_entries=KEPT, show_spinner="Reading the bars", hash_funcs={Source: repr})
def read_bars(run: Path, stamp: str, source: Source) -> Series:
    """Return the bars that the run's forecasts go on from; nobody changes them. Raises what `read_series` raises."""
    if source.content is None:
        return read_series(run, source.name)
    with as_file(source.name, source.content) as path:
        return read_series(run, path)


@st.cache_data(max_entries=KEPT, show_spinner="Forecasting", hash_funcs={Source: repr})
def forecast(run: Path, stamp: str, source: Source, plugins: Sequence[str]) -> list[NextStep]:
    """Return the next step of every model for every symbol; wakes torch."""
    return steps_from(run, read_bars(run, stamp, source), plugins)
