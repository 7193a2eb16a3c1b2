"""Reads what a run folder records: checked against the manifest, typed, and every string safe to print."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from backtest.data.errors import RunError
from backtest.data.json_io import from_tree, parse_json, to_json
from backtest.data.run_files import read_bytes

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
R = TypeVar("R", bound="DataclassInstance")

AGAIN = "run `backtest run` again, it writes what is missing"


def read_record(kind: type[T], run: Path, name: str, manifest: dict[str, Any]) -> T:
    """Return a JSON file of a run as the dataclass `kind`; RunError where it is damaged or has another content."""
    path = run / name
    return parse_record(kind, parse_json(read_bytes(run, name, manifest), name=str(path), remedy=AGAIN), path)


def parse_record(kind: type[T], tree: Any, where: Path | str) -> T:
    """Return a tree as the dataclass `kind`, its strings printable; RunError names `where` and the invalid field."""
    try:
        shown = printable_json(tree)
    except RecursionError as deep:
        raise RunError(f"{where}: expected what a finished run writes (got lists in lists, {deep}): {AGAIN}") from deep
    return from_tree(kind, shown, name=str(where), remedy=AGAIN)


def printable_record(record: R) -> R:
    """Return a dataclass as it would be read from its file: of JSON, its strings printable."""
    return parse_record(type(record), parse_json(to_json(record), name=type(record).__name__, remedy=AGAIN), "memory")


def parse_settings(config: str, where: Path | str) -> dict[str, Any]:
    """Return settings in TOML as a tree; RunError where they are not valid TOML."""
    try:
        return tomllib.loads(config)
    except (ValueError, RecursionError) as broken:
        raise RunError(
            f"{where}: expected the settings of a run in TOML ({broken}): run `backtest run` again"
        ) from broken


def printable(text: str, keep: str = "") -> str:
    """Return the text with a replacement character for control characters, direction marks and surrogates."""
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
