"""A finished run as the report reads it: its evaluation, manifest, settings and audit, from a folder or memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from backtest.data import run_files
from backtest.data.errors import RunError
from backtest.data.records.audit import AUDIT, Audit
from backtest.data.records.manifest import Manifest
from backtest.data.records.reading import (
    parse_record,
    parse_settings,
    printable,
    printable_frame,
    printable_json,
    printable_record,
    read_record,
)
from backtest.data.records.verdict import Verdict
from backtest.data.result_tables import RUN_TABLES
from backtest.data.schema import check
from backtest.reports.result import Result
from backtest.reports.validation import check_manifest, check_tables


@dataclass(frozen=True, slots=True)
class Costs:
    """Fee and slippage of a trade in basis points; forecasts are traded beyond `threshold` times both."""

    fee: float
    slippage: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Training:
    """By how much of the training range inputs may leave it at each end; `off`: they are not held."""

    clip: float | Literal["off"] = "off"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the report reads from the settings; their text is shown as it is."""

    costs: Costs
    train: Training = field(default_factory=Training)
    model: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class RunResult(Result):
    """A finished run; `audit` is None if it was not audited, `config` the settings in TOML, `clip` one of them.

    `own_settings` are those of single models, by their names in the run; under `name` stands which model it is.
    """

    manifest: Manifest
    config: str
    costs: Costs
    audit: Audit | None
    clip: float | Literal["off"] = "off"
    own_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read(folder: Path) -> RunResult:
    """Return the finished run in `folder`, each file checked against the manifest, each string printable.

    Raises RunError where a file is missing, damaged or holds what no finished run does, WrongSchema where a table has
    other columns.
    """
    found = run_files.read_manifest(folder)
    tables = {
        table.name.lower(): printable_frame(run_files.read_table(folder, table.file, table, found))
        for table in RUN_TABLES
    }
    manifest = parse_record(Manifest, found, folder / run_files.MANIFEST)
    check_manifest(folder / run_files.MANIFEST, manifest)
    verdict = read_record(Verdict, folder, run_files.VERDICT, found)
    check_tables(folder, tables, verdict.question)
    config = run_files.read_bytes(folder, run_files.SETTINGS, found).decode(errors="replace")
    settings = settings_of(config, folder / run_files.SETTINGS)
    return RunResult(
        manifest=manifest,
        config=printable(config, keep="\n\t"),
        costs=settings.costs,
        clip=settings.train.clip,
        own_settings=printable_json(settings.model),
        verdict=verdict,
        audit=read_record(Audit, folder, AUDIT, found) if AUDIT in found["files"] else None,
        tables=tables,
    )


def from_tables(
    manifest: Manifest | Mapping[str, Any],
    config: str,
    verdict: Verdict,
    audit: Audit | None,
    tables: Mapping[str, pl.DataFrame],
) -> RunResult:
    """Return a run from memory: its manifest, typed or as JSON, settings in TOML, verdict, audit and RUN_TABLES.

    `tables` are named `scores` or `scores.parquet`. They are checked as those of a folder are; raises
    RunError or WrongSchema.
    """
    card = manifest if isinstance(manifest, Manifest) else parse_record(Manifest, dict(manifest), "the run's manifest")
    given = {name.removesuffix(".parquet"): frame for name, frame in tables.items()}
    missing = [table.name.lower() for table in RUN_TABLES if table.name.lower() not in given]
    if missing:
        raise RunError(f"{card.name}: expected every table of a run (missing: {', '.join(missing)}): pass all of them")
    named = {table.name.lower(): printable_frame(check(given[table.name.lower()], table)) for table in RUN_TABLES}
    check_manifest(Path(card.name) / run_files.MANIFEST, card)
    check_tables(Path(card.name), named, verdict.question)
    settings = settings_of(config, "the run's settings")
    return RunResult(
        manifest=card,
        config=printable(config, keep="\n\t"),
        costs=settings.costs,
        clip=settings.train.clip,
        own_settings=printable_json(settings.model),
        verdict=printable_record(verdict),
        audit=printable_record(audit) if audit else None,
        tables=named,
    )


def settings_of(config: str, where: Path | str) -> Settings:
    """Return what the report reads from settings in TOML; RunError where costs are missing or no numbers."""
    return parse_record(Settings, parse_settings(config, where), where)
