"""Reads the files of a finished run folder: checked against the manifest, typed, every string fit to be shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from pydantic import TypeAdapter, ValidationError

from data import runs
from data.errors import RunError
from data.names import Status
from data.schema import FITS, FOLDS, FORECASTS, SCORES, TESTS, Schema

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DataCard:
    """What the run was fed with."""

    source: str
    sha256: str
    symbols: tuple[str, ...]
    bars: int
    start: datetime
    end: datetime
    interval_seconds: float
    always_open: bool
    gaps: int
    missing_bars: int
    longest_gap_bars: int
    zero_volume_bars: int
    rows_lost: int

    @property
    def interval(self) -> timedelta:
        """Length of a bar."""
        return timedelta(seconds=self.interval_seconds)


@dataclass(frozen=True, slots=True)
class Hardware:
    """The machine that the run was made on."""

    cpu: str
    cores: int
    device: str
    memory_gib: float


@dataclass(frozen=True, slots=True)
class Tasks:
    """Number of fits, the sum of the time they took, and how many ran side by side."""

    total: int
    seconds: float
    workers: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """How the run was made, and the SHA-256 of every file that it wrote."""

    format: int
    name: str
    command: str
    started: datetime
    finished: datetime
    seconds: float
    config_sha256: str
    data: DataCard
    versions: dict[str, str]
    hardware: Hardware
    tasks: Tasks
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What was found about one of the models that the question is about."""

    model: str
    horizon: int
    status: Status
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the run found, in words; `status` is that of the first candidate."""

    status: Status
    headline: str
    sentence: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Folder:
    """The contents of a run folder, as far as the report needs them."""

    manifest: Manifest
    config: str
    verdict: Verdict
    folds: pl.DataFrame
    forecasts: pl.DataFrame
    fits: pl.DataFrame
    scores: pl.DataFrame
    tests: pl.DataFrame


def read(run: Path) -> Folder:
    """Return the contents of the run folder `run`.

    Raises RunError where a file is missing or not the one that the run wrote, WrongSchema where a table is another one.
    """
    found = runs.read_manifest(run)
    manifest = parse(Manifest, found, run / runs.MANIFEST)
    if manifest.format != runs.FORMAT:
        raise RunError(
            f"{run / runs.MANIFEST}: expected a run of format {runs.FORMAT} (got {manifest.format}): "
            "use the version of beatzero that wrote it"
        )

    def frame(table: Schema) -> pl.DataFrame:
        return printable_frame(runs.read_table(run, f"{table.name.lower()}.parquet", table, found))

    return Folder(
        manifest,
        printable(runs.read_bytes(run, "config.toml", found).decode(errors="replace"), keep="\n\t"),
        parse(Verdict, json.loads(runs.read_bytes(run, "verdict.json", found)), run / "verdict.json"),
        *(frame(table) for table in (FOLDS, FORECASTS, FITS, SCORES, TESTS)),
    )


def parse(kind: type[T], tree: Any, path: Path) -> T:
    """Return JSON as the dataclass `kind`; RunError names the first field that is missing or of another type."""
    try:
        return TypeAdapter(kind).validate_python(printable_json(tree))
    except ValidationError as invalid:
        first = invalid.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(
            f"{path}: {where}: {first['msg']}: run `backtest run` again, it writes what is missing"
        ) from invalid


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
