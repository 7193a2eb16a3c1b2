"""Reads the files of a finished run folder: checked against the manifest, typed, every string fit to be shown."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from backtest.data import run_files
from backtest.data.errors import RunError
from backtest.data.json_io import from_tree, parse_json
from backtest.data.records.audit import AUDIT, Audit
from backtest.data.records.verdict import Verdict
from backtest.data.result_tables import RUN_TABLES
from backtest.reports.manifest import Manifest
from backtest.reports.validation import checked

T = TypeVar("T")

AGAIN = "run `backtest run` again, it writes what is missing"


@dataclass(frozen=True, slots=True)
class Costs:
    """What a trade cost in the strategies, in basis points, and how many of that a forecast had to promise."""

    fee: float
    slippage: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Settings:
    """What the report reads from the settings; their text is shown as it is."""

    costs: Costs


@dataclass(frozen=True, slots=True)
class Folder:
    """The contents of a run folder, as far as the report needs them: a table of RUN_TABLES under its name.

    `audit` is None where the run was not audited.
    """

    manifest: Manifest
    config: str
    costs: Costs
    verdict: Verdict
    audit: Audit | None
    folds: pl.DataFrame
    forecasts: pl.DataFrame
    fits: pl.DataFrame
    scores: pl.DataFrame
    tests: pl.DataFrame
    joint: pl.DataFrame
    seeds: pl.DataFrame
    dropped: pl.DataFrame
    fluctuation: pl.DataFrame
    strategies: pl.DataFrame
    regimes: pl.DataFrame
    coverage: pl.DataFrame


def read(run: Path) -> Folder:
    """Return the contents of the run folder `run`.

    Raises RunError where a file is missing, not the one that the run wrote, or holds what no finished run does,
    WrongSchema where a table is another one.
    """
    found = run_files.read_manifest(run)
    tables = {
        table.name.lower(): printable_frame(run_files.read_table(run, table.file, table, found)) for table in RUN_TABLES
    }
    manifest = parse(Manifest, found, run / run_files.MANIFEST)
    checked(run, manifest, tables)
    config = run_files.read_bytes(run, run_files.SETTINGS, found).decode(errors="replace")
    return Folder(
        manifest=manifest,
        config=printable(config, keep="\n\t"),
        costs=parse(Settings, settings(config, run / run_files.SETTINGS), run / run_files.SETTINGS).costs,
        verdict=read_json(Verdict, run, run_files.VERDICT, found),
        audit=read_json(Audit, run, AUDIT, found) if AUDIT in found["files"] else None,
        **tables,
    )


def settings(config: str, path: Path) -> dict[str, Any]:
    """Return settings in TOML as a tree; RunError where they are no TOML."""
    try:
        return tomllib.loads(config)
    except (ValueError, RecursionError) as broken:
        raise RunError(
            f"{path}: expected the settings of a run in TOML ({broken}): run `backtest run` again"
        ) from broken


def read_json(kind: type[T], run: Path, name: str, manifest: dict[str, Any]) -> T:
    """Return a JSON file of a run as the dataclass `kind`; RunError where it is damaged or another thing."""
    return parse(
        kind, parse_json(run_files.read_bytes(run, name, manifest), name=str(run / name), remedy=AGAIN), run / name
    )


def parse(kind: type[T], tree: Any, path: Path) -> T:
    """Return a tree as the dataclass `kind`, its strings printable; RunError names the first field that is amiss."""
    try:
        shown = printable_json(tree)
    except RecursionError as deep:
        raise RunError(f"{path}: expected what a finished run writes (got lists in lists, {deep}): {AGAIN}") from deep
    return from_tree(kind, shown, name=str(path), remedy=AGAIN)


def printable(text: str, keep: str = "") -> str:
    """Return the text with a replacement character for whatever cannot be seen: controls, directions, surrogates."""
    return "".join(sign if sign.isprintable() or sign in keep else "\N{REPLACEMENT CHARACTER}" for sign in text)


def printable_json(value: Any) -> Any:
    """Return JSON with every string, keys too, made printable."""
    if isinstance(value, dict):
        return {printable(key): printable_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [printable_json(item) for item in value]
    return printable(value) if isinstance(value, str) else value


def printable_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with every string made printable."""
    columns = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    replaced = {name: {text: printable(text) for text in frame[name].drop_nulls().unique()} for name in columns}
    return frame.with_columns(pl.col(name).replace(new) for name, new in replaced.items() if new)
