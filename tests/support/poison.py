"""A run folder in which every string is hostile, as one from a stranger may be; its checksums are right."""

from __future__ import annotations

import json
import pickle
import shutil
import tomllib
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

import polars as pl
import tomli_w

from backtest import reports
from backtest.data.names import HOLDING
from backtest.data.question import Question
from backtest.data.records.audit import AUDIT
from backtest.data.run_files import MANIFEST, SETTINGS, file_sums, read_manifest, table_bytes, write_bytes
from backtest.data.schema import FORECASTS
from backtest.reports.blocks import Document
from backtest.reports.report import compose, put
from tests.support.audits import leaky
from tests.support.fake_run import Plan, make
from tests.support.payloads import PAYLOADS

PLAN = Plan(
    networks=tuple(f"network_{number}" for number in range(27)),
    baselines=("zero", "naive", "mean", "ridge"),
    symbols=("A", "B"),
    folds=3,
    test=80,
    seeds=1,
    epochs=3,
    audit=leaky(),
)
"""A run with many names, each of which is in every picture."""

TURNS = range(-(-len(PAYLOADS) // len(PLAN.networks)))
"""Runs that it takes to give every payload to a model."""

LOOKED_UP = {
    *("test", "loss", "alternative", "metric", "regime"),  # columns: keys by which the report finds rows
    *("status", "seed_verdicts", "code", "depth"),  # one of a few words, anything else is refused
    *("started", "finished", "start", "end"),  # instants, anything else is refused
    "files",  # sums by which every file is checked
    "question",  # names of a target, a loss, a rival and a test, by which rows are found
}
"""Columns and keys that keep their strings: with others there the folder is no run."""

CODES = frozenset({"kind", "perturbation", "trial"})
"""Keys of an audit whose values are one of a few words, anything else is refused."""

ALWAYS = {*Question().references, HOLDING}
"""Names that every run has; the report looks for them."""

OPEN = ("versions", "files")
"""Entries of the manifest whose keys are free."""


class Disguise:
    """Gives every string another one, always the same; those of the names that come first differ from each other."""

    def __init__(self, payloads: Iterable[str], names: Iterable[str]) -> None:
        payloads = tuple(payloads)
        self.any, self.storable = cycle(payloads), cycle(filter(storable, payloads))
        self.known = {name: next(self.storable) for name in names}

    def of(self, text: str, *, table: bool = False) -> str:
        """Return what stands for `text`; a `table` holds no lone surrogates."""
        if text in ALWAYS:
            return text
        return self.known.setdefault(text, next(self.storable if table else self.any))

    def of_tree(self, value: Any, kept: frozenset[str] = frozenset()) -> Any:
        """Return JSON with another string for every one that is neither looked up nor under a key that is `kept`."""
        if isinstance(value, dict):
            return {key: item if key in LOOKED_UP | kept else self.of_tree(item, kept) for key, item in value.items()}
        if isinstance(value, list):
            return [self.of_tree(item, kept) for item in value]
        return self.of(value) if isinstance(value, str) else value

    def of_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a table with another string for every one in a column that is not looked up."""
        columns = [name for name, kind in frame.schema.items() if kind == pl.String and name not in LOOKED_UP]
        strings = {name: frame[name].drop_nulls().unique(maintain_order=True).to_list() for name in columns}
        return frame.with_columns(
            pl.col(name).replace({text: self.of(text, table=True) for text in known}) for name, known in strings.items()
        )


def storable(text: str) -> bool:
    """Return whether a text can be UTF-8, as all is that stands in Parquet or TOML."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def poison(run: Path, payloads: Iterable[str] = PAYLOADS, first: int = 0) -> Path:
    """Put a payload in the place of every string of a finished run and return the folder.

    The payloads are taken in turn from the place `first`, the first ones for models and symbols.
    """
    payloads = tuple(payloads)
    payloads = payloads[first % len(payloads) :] + payloads[: first % len(payloads)]
    manifest = read_manifest(run)
    names = pl.read_parquet(run / FORECASTS.file).select("model", "symbol")
    disguise = Disguise(payloads, [name for column in names for name in column.unique(maintain_order=True)])
    for path in sorted(run.glob("*.parquet")):
        write_bytes(path, table_bytes(disguise.of_frame(pl.read_parquet(path))))
    for path in sorted(run.glob("*.json")):
        tree = disguise.of_tree(json.loads(path.read_bytes()), CODES if path.name == AUDIT else frozenset())
        write_bytes(path, json.dumps(tree).encode())
    write_bytes(run / SETTINGS, poisoned_settings((run / SETTINGS).read_text("utf-8"), disguise, payloads).encode())
    sums = file_sums(run, list(manifest["files"]))
    manifest = read_manifest(run) | {"files": sums}
    for name in OPEN:
        manifest[name] |= {payloads[0]: payloads[1]}
    write_bytes(run / MANIFEST, json.dumps(manifest).encode())
    return run


def report(run: Path) -> Path:
    """Write the report of a run, and beside its folder the document that it was written from; return the folder."""
    document = compose(reports.read(run))
    put(document, run)
    run.with_name(f"document_{run.name}.pickle").write_bytes(pickle.dumps(document))
    return run


def document_of(run: Path) -> Document:
    """Return the document that the report of a run was written from."""
    document: Document = pickle.loads(run.with_name(f"document_{run.name}.pickle").read_bytes())  # noqa: S301 -- our own
    return document


def poisoned_settings(text: str, disguise: Disguise, payloads: Iterable[str]) -> str:
    """Return settings in TOML whose strings are hostile, with plugins and comments by every name."""
    plugins = [payload for payload in payloads if storable(payload)]
    tree = disguise.of_tree(tomllib.loads(text)) | {"plugins": plugins}
    comments = "".join(f"# {' '.join(plugin.split())}\n" for plugin in plugins if plugin.isprintable())
    return comments + tomli_w.dumps(tree, multiline_strings=True)


def rotations(folder: Path) -> list[Path]:
    """Return a run for each of TURNS: in one of them a payload is a model, in all it stands in many other places."""
    run, step = make(folder, PLAN), len(PLAN.networks)
    return [poison(shutil.copytree(run, folder / f"turn_{turn}"), first=turn * step) for turn in TURNS]
