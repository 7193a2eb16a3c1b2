"""The runs that are compared, from their folders or from memory, and how their settings differ; none is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, count
from pathlib import Path
from typing import Any

import polars as pl

from backtest.data import run_files
from backtest.data.durations import format_duration
from backtest.data.errors import ConfigError
from backtest.data.records.audit import AUDIT, Audit, Suspects
from backtest.data.records.comparison import Setting
from backtest.data.records.manifest import Manifest
from backtest.data.records.reading import parse_record, parse_settings, printable, read_record
from backtest.data.records.verdict import Verdict
from backtest.data.schema import FORECASTS
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.verdict.ledger import LEDGER, SESSION, Ledger, read

NOT_SETTINGS = {"name"}
"""Settings that are not listed as differences."""

PLUGINS = "plugins"
NAMING = ("features", "models", "combine", "target.kind", "question.loss", "question.rival", "question.baselines")
"""Settings that name what a plugin can bring."""

OUTSIDE = ("series.", "context.")
"""Beginnings of settings of outside data, which features read."""


@dataclass(frozen=True, slots=True, eq=False)
class FinishedRun:
    """One run: its name among the others, its manifest with the SHA-256 of that, its settings, verdict and audit.

    `trial` is the SHA-256 of all that tells it from another trial on its bars, the code of plugins among it. `audit` is
    None where it was not audited; `matched` is what `match_forecasts` returns for its FORECASTS; `ledger` holds what
    else was tried beside it, or in this session, and is filled in by `read_runs`.
    """

    name: str
    manifest: Manifest
    sha256: str
    trial: str
    settings: dict[str, Any]
    verdict: Verdict
    audit: Audit | None
    matched: pl.DataFrame
    ledger: Ledger

    @property
    def horizons(self) -> tuple[int, ...]:
        """How many bars ahead it forecasts, ascending."""
        return tuple(self.matched["horizon"].unique().sort())

    @property
    def suspects(self) -> Suspects:
        """Whom a leak concerns that its audit found, or that its verdict tells of."""
        if self.audit and self.audit.leaks:
            return self.audit.suspects
        return Suspects(shared=self.verdict.status == "leak suspected")


def read_runs(runs: Sequence[Path | FinishedRun]) -> tuple[FinishedRun, ...]:
    """Return these runs, each under a name of its own; those named by their folders are read.

    Raises ConfigError for less than two runs, a run that is named twice, or bars of different lengths; RunError,
    WrongSchema, NotFinite or UnpairedForecasts where a run is unfinished or damaged.
    """
    if len(runs) < 2:
        raise ConfigError(f"compare: expected two runs or more (got {len(runs)}): name the folders of finished runs")
    twice = next((run.name for run in runs if isinstance(run, FinishedRun) and runs.count(run) > 1), None)
    if twice:
        raise ConfigError(f"compare: the run {twice} is named twice (expected different runs): name each run once")
    folders = [run for run in runs if isinstance(run, Path)]
    names = distinct_names(folders) if folders else []
    of_folders = iter(list(names))
    found = []
    for run in runs:
        if isinstance(run, Path):
            found.append(read_run(next(of_folders), run))
            continue
        name = next(each for each in chain([run.name], (f"{run.name}-{n}" for n in count(2))) if each not in names)
        names.append(name)
        found.append(replace(run, name=name, ledger=Ledger(tuple(SESSION))))  # as it is now, not as it was
    intervals = {run.manifest.data.interval for run in found}
    if len(intervals) > 1:
        got = ", ".join(f"{run.name} {format_duration(run.manifest.data.interval)}" for run in found)
        raise ConfigError(f"compare: expected runs on bars of one length (got {got}): compare those that share one")
    questions = {run.verdict.question for run in found}
    if len(questions) > 1:
        asked = ((run.name, run.verdict.question) for run in found)
        got = "; ".join(
            f"{name}: {one.target}, {one.loss} loss against {one.rival}"
            f"{' of ' * bool(one.baselines)}{', '.join(one.baselines)}"
            for name, one in asked
        )
        raise ConfigError(f"compare: expected runs with the same question (got {got}): compare those that share one")
    return tuple(found)


def read_run(name: str, folder: Path) -> FinishedRun:
    """Return the run in `folder`, to be called `name`; every file is checked against the manifest before it is read."""
    found, config = run_files.read_manifest(folder), folder / run_files.SETTINGS
    text = run_files.read_bytes(folder, run_files.SETTINGS, found)
    forecasts = run_files.read_table(folder, FORECASTS.file, FORECASTS, found)
    verdict = read_record(Verdict, folder, run_files.VERDICT, found)
    return FinishedRun(
        name=name,
        manifest=parse_record(Manifest, found, folder / run_files.MANIFEST),
        sha256=run_files.sha256((folder / run_files.MANIFEST).read_bytes()),
        trial=str(found.get("trial_sha256", "")),
        settings=parse_settings(text.decode(errors="replace"), config),
        verdict=verdict,
        audit=read_record(Audit, folder, AUDIT, found) if AUDIT in found["files"] else None,
        matched=match_forecasts(forecasts, verdict.question),
        ledger=read(folder.parent / LEDGER),
    )


def run_in_memory(
    manifest: dict[str, Any], config: str, verdict: Verdict, audit: Audit | None, forecasts: pl.DataFrame
) -> FinishedRun:
    """Return a run from memory under its own name: its manifest as JSON, settings in TOML, and FORECASTS."""
    card = parse_record(Manifest, manifest, "the run's manifest")
    return FinishedRun(
        name=card.name,
        manifest=card,
        sha256=run_files.sha256(run_files.json_bytes(manifest)),
        trial=manifest["trial_sha256"],
        settings=parse_settings(config, "the run's settings"),
        verdict=verdict,
        audit=audit,
        matched=match_forecasts(forecasts, verdict.question),
        ledger=Ledger(),
    )


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """Return the name of every folder, with as many of the folders above it as distinguish them all.

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


def differing_settings(runs: Sequence[FinishedRun]) -> tuple[Setting, ...]:
    """Return what the runs do not have in common of settings, versions, device and bars."""
    same_settings = len({run.manifest.config_sha256 for run in runs}) == 1
    trees = [made_of(run) | ({"code of plugins": run.trial} if same_settings else {}) for run in runs]
    names = [name for name in dict.fromkeys(name for tree in trees for name in tree) if name not in NOT_SETTINGS]
    found = [(name, [tree.get(name) for tree in trees]) for name in names]
    return tuple(
        Setting(name, in_words(values), (name == PLUGINS and only_bring(trees)) or only_one_has(name, trees))
        for name, values in found
        if any(value != values[0] for value in values)
    )


def only_bring(trees: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether plugins that one run has and another has not bring what other settings name, and nothing else.

    Of every two runs one has all plugins of the other, and where it has more, they differ in a setting of NAMING too.
    """
    for one, other in combinations(trees, 2):
        own, others = ({*(tree.get(PLUGINS) or ())} for tree in (one, other))
        if own != others and not (own < others or others < own):
            return False
        if own != others and all(one.get(name) == other.get(name) for name in NAMING):
            return False
    return True


def only_one_has(name: str, trees: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a setting is of outside data that a run has and others have not, whose features differ with it."""
    return name.startswith(OUTSIDE) and all(
        one.get(name) == other.get(name)
        or (None in (one.get(name), other.get(name)) and one.get("features") != other.get("features"))
        for one, other in combinations(trees, 2)
    )


def made_of(run: FinishedRun) -> dict[str, Any]:
    """Return the settings of a run by their dotted names, and what else its forecasts depend on."""
    manifest = run.manifest
    bars = {"SHA-256 of the bars": manifest.data.sha256, "device": manifest.hardware.device}
    sums = {f"series.{one.name}.sha256": one.sha256 for one in manifest.data.series}
    return dict(flat(run.settings)) | bars | sums | dict(flat({"versions": manifest.versions}))


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a tree by their dotted names."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def in_words(values: Sequence[Any]) -> tuple[str, ...]:
    """Return one text for each value, empty for None; of lists only the items that they do not share."""
    lists = [value for value in values if isinstance(value, list)]
    shared = [item for item in lists[0] if all(item in other for other in lists)] if len(lists) == len(values) else []
    own = [[item for item in value if item not in shared] for value in lists]
    if not shared or not any(own):
        return tuple("" if value is None else shown(value) for value in values)
    return tuple(
        f"{shown(items)} and the {len(shared)} in common" if items else f"only the {len(shared)} in common"
        for items in own
    )


def shown(value: Any) -> str:
    """Return a value of TOML in words: names as they are, lists with commas."""
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    if isinstance(value, Mapping):
        return " ".join([str(value.get("name", "")), *(f"{key}={shown(value[key])}" for key in value if key != "name")])
    return value if isinstance(value, str) else json.dumps(value, default=str)
