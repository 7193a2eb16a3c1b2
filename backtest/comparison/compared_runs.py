"""The runs that are to be compared, from their folders or from memory; nothing in them is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

import polars as pl

from backtest.data import run_files
from backtest.data.durations import format_duration
from backtest.data.errors import ConfigError
from backtest.data.records.audit import AUDIT, Audit
from backtest.data.records.manifest import Manifest
from backtest.data.records.reading import parse_record, parse_settings, printable, read_record
from backtest.data.records.verdict import Verdict
from backtest.data.schema import FORECASTS
from backtest.evaluation.matched_forecasts import match_forecasts


@dataclass(frozen=True, slots=True, eq=False)
class Entrant:
    """One run: its name among the others, its manifest with the SHA-256 of that, its settings, verdict and audit.

    `trial` is the SHA-256 of all that tells it from another trial on its bars, the code of plugins among it. `audit` is
    None where it was not audited; `paired` is what `match_forecasts` makes of its means over seeds.
    """

    name: str
    manifest: Manifest
    sha256: str
    trial: str
    settings: dict[str, Any]
    verdict: Verdict
    audit: Audit | None
    paired: pl.DataFrame


def read_entrants(runs: Sequence[Path | Entrant]) -> tuple[Entrant, ...]:
    """Return these runs, each under a name of its own; those named by their folders are read.

    Raises ConfigError for less than two runs, a run that is named twice, or bars of different lengths; RunError,
    WrongSchema, NotFinite or UnpairedForecasts where a run is unfinished or damaged.
    """
    if len(runs) < 2:
        raise ConfigError(f"compare: expected two runs or more (got {len(runs)}): name the folders of finished runs")
    twice = next((run.name for run in runs if isinstance(run, Entrant) and runs.count(run) > 1), None)
    if twice:
        raise ConfigError(f"compare: the run {twice} is named twice (expected different runs): name each run once")
    folders = [run for run in runs if isinstance(run, Path)]
    names = distinct_names(folders) if folders else []
    of_folders = iter(names)
    entrants = []
    for run in runs:
        if isinstance(run, Path):
            entrants.append(read_entrant(next(of_folders), run))
            continue
        name = next(each for each in chain([run.name], (f"{run.name}-{n}" for n in count(2))) if each not in names)
        names.append(name)
        entrants.append(replace(run, name=name))
    intervals = {entrant.manifest.data.interval for entrant in entrants}
    if len(intervals) > 1:
        got = ", ".join(f"{entrant.name} {format_duration(entrant.manifest.data.interval)}" for entrant in entrants)
        raise ConfigError(f"compare: expected runs on bars of one length (got {got}): compare those that share one")
    return tuple(entrants)


def read_entrant(name: str, folder: Path) -> Entrant:
    """Return the run in `folder`, to be called `name`; every file is checked against the manifest before it is read."""
    found, config = run_files.read_manifest(folder), folder / run_files.SETTINGS
    forecasts = run_files.read_table(folder, FORECASTS.file, FORECASTS, found)
    text = run_files.read_bytes(folder, run_files.SETTINGS, found)
    return Entrant(
        name=name,
        manifest=parse_record(Manifest, found, folder / run_files.MANIFEST),
        sha256=run_files.sha256((folder / run_files.MANIFEST).read_bytes()),
        trial=str(found.get("trial_sha256", "")),
        settings=parse_settings(text.decode(errors="replace"), config),
        verdict=read_record(Verdict, folder, run_files.VERDICT, found),
        audit=read_record(Audit, folder, AUDIT, found) if AUDIT in found["files"] else None,
        paired=match_forecasts(forecasts.filter(pl.col("seed").is_null())),
    )


def entrant_of(
    manifest: dict[str, Any], config: str, verdict: Verdict, audit: Audit | None, forecasts: pl.DataFrame
) -> Entrant:
    """Return a run from memory under its own name: its manifest as JSON, settings in TOML, and FORECASTS."""
    card = parse_record(Manifest, manifest, "the run's manifest")
    return Entrant(
        name=card.name,
        manifest=card,
        sha256=run_files.sha256(run_files.json_bytes(manifest)),
        trial=manifest["trial_sha256"],
        settings=parse_settings(config, "the run's settings"),
        verdict=verdict,
        audit=audit,
        paired=match_forecasts(forecasts.filter(pl.col("seed").is_null())),
    )


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """Return the name of every folder, with as many of the folders above it as it takes to tell them all apart.

    Raises ConfigError where a folder is named twice.
    """
    places = [folder.resolve() for folder in folders]
    twice = next((place for place in places if places.count(place) > 1), None)
    if twice:
        raise ConfigError(f"compare: {twice} is named twice (expected different runs): name each folder once")
    deepest = max(len(place.parts) for place in places)
    choice = [[printable("/".join(place.parts[1:][-depth:])) for place in places] for depth in range(1, deepest)]
    for names in choice:
        if len(set(names)) == len(names):
            return names
    raise ConfigError(f"compare: these folders look alike ({', '.join(map(str, places))}): rename one of them")
