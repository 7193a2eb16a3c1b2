"""Several finished runs against each other: read, compared on the rows that all of them forecast, and written down."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from backtest.comparison.common_sample import CommonRows, common_rows, key_of
from backtest.comparison.compared_runs import Entrant, read_entrants
from backtest.comparison.config_diff import differing
from backtest.comparison.pairwise_tests import Team, duels_of, fight, first_alike, paths_of
from backtest.data.errors import ConfigError, RunError, UndefinedTest
from backtest.data.names import REFERENCES
from backtest.data.records.comparison import COMPARISON, Audited, ComparedRun, Comparison, Contestant
from backtest.data.result_tables import PATHS
from backtest.data.run_files import json_bytes, runs_folder, sha256, table_bytes, write_bytes
from backtest.evaluation.loss_panel import RIVAL, LossPanel
from backtest.evaluation.robustness import skill_of
from backtest.significance.equal_accuracy import skill_interval
from backtest.significance.superiority import ModelConfidenceSet, model_confidence_set
from backtest.walk.environment import versions

LONGEST = 60
"""Characters of a folder's name; longer ones are cut and made unique by a digest."""


def compare_runs(runs: Sequence[Path | Entrant], out: Path | None = None) -> Path:
    """Compare finished runs, in their folders or in memory, and return the folder with what was found.

    That is `out`, or `runs/compare-<names>`: see `place_of`. Raises ConfigError where the runs are not about the same
    thing or the folder holds something else, RunError and DataError where a run is unfinished or damaged.
    """
    entrants = read_entrants(runs)
    found, paths = compare(entrants)
    try:
        place = place_of(found.runs, out)
        write_bytes(place / PATHS.file, table_bytes(paths))
        write_bytes(place / COMPARISON, found.to_json().encode())
    except OSError as error:
        raise ConfigError(
            f"--out: {error.filename} cannot be written ({error.strerror}): choose another folder"
        ) from error
    return place


def compare(entrants: Sequence[Entrant]) -> tuple[Comparison, pl.DataFrame]:
    """Return what is found between the runs, and PATHS; the level is the smallest of their verdicts'."""
    common = common_rows(entrants)
    panel, alpha = common.panel, min(entrant.verdict.alpha for entrant in entrants)
    teams = [team_of(entrant, panel.horizon) for entrant in entrants]
    duels = duels_of(panel, teams)
    if not duels:
        raise ConfigError(
            f"compare: expected a model that two of the runs have (got none beside {' and '.join(REFERENCES)}): "
            "compare runs of the same models"
        )
    first = first_alike(panel.y_hat)
    pairs, family = fight(panel, duels, first, alpha)
    paths = paths_of(panel, duels, pairs)
    chosen, note = confidence_set(panel, alpha)
    times = common.rows["time"]
    found = Comparison(
        version=versions()["beatzero"],
        horizon=panel.horizon,
        interval_seconds=entrants[0].manifest.data.interval_seconds,
        symbols=tuple(common.rows["symbol"].unique().sort()),
        rows=common.rows.height,
        times=times.n_unique(),
        first=iso(times.min()),
        last=iso(times.max()),
        alpha=alpha,
        family=family,
        set_note=note,
        paths=sha256(table_bytes(paths)),
        runs=tuple(run_of(*each) for each in zip(entrants, common.left_out, strict=True)),
        settings=differing(entrants),
        contestants=contestants(common, entrants, teams, first, chosen),
        pairs=pairs,
    )
    return found, paths


def team_of(entrant: Entrant, horizon: int) -> Team:
    """Return the run as a duel sees it."""
    models = entrant.paired.filter(horizon=horizon)["model"].unique(maintain_order=True).to_list()
    asked = {candidate.model for candidate in entrant.verdict.candidates} & set(models)
    return entrant.name, tuple(models), frozenset(asked)


def confidence_set(panel: LossPanel, alpha: float) -> tuple[ModelConfidenceSet | None, str]:
    """Return the Model Confidence Set of all contestants with how it was drawn; without one, why there is none."""
    losses = {key: panel.loss(key) for key in panel.models}
    try:
        found = model_confidence_set(losses, horizon=panel.horizon, alpha=alpha)
    except UndefinedTest as error:
        return None, str(error)
    return found, f"{found.reps:,} resamples in blocks of {found.block:,} on average"


def contestants(
    common: CommonRows,
    entrants: Sequence[Entrant],
    teams: Sequence[Team],
    first: Mapping[str, str],
    chosen: ModelConfidenceSet | None,
) -> tuple[Contestant, ...]:
    """Return zero and naive, then every other model of every run by squared error."""
    places = {key: place for place, key in enumerate(first)}
    alike = {key: places[other] for key, other in first.items()}
    shared = [contestant(common.panel, model, model, None, alike[model], chosen) for model in REFERENCES]
    others = [
        contestant(common.panel, key, model, entrants[place], alike[key], chosen)
        for place, (_, models, _) in enumerate(teams)
        for model in models
        if model not in REFERENCES
        for key in [key_of(place, model)]
    ]
    return (*shared, *sorted(others, key=lambda one: (one.mse, one.model, one.run)))


def contestant(
    panel: LossPanel, key: str, model: str, entrant: Entrant | None, alike: int, chosen: ModelConfidenceSet | None
) -> Contestant:
    """Return how one model did; its errors are means over rows, its skill weighs times alike, as in a run's report."""
    losses = panel.loss(key), panel.loss(RIVAL)
    low, high, value = None, None, skill_of(*losses).get("skill")
    try:
        skill = skill_interval(*losses, horizon=panel.horizon)
        low, high = skill.low, skill.high
    except UndefinedTest:
        pass
    judged = {one.model: one.status for one in entrant.verdict.candidates} if entrant else {}
    return Contestant(
        model=model,
        run=entrant.name if entrant else None,
        alike=alike,
        mse=float(panel.row_loss(key).mean()),
        mae=float(panel.row_loss(key, "absolute").mean()),
        skill=value,
        skill_low=low,
        skill_high=high,
        status=judged.get(model),
        in_set=key in chosen.included if chosen else None,
        set_p=chosen.p_values[key] if chosen else None,
    )


def run_of(entrant: Entrant, left_out: int) -> ComparedRun:
    """Return what is told of one run."""
    manifest, verdict, audit = entrant.manifest, entrant.verdict, entrant.audit
    own = entrant.paired.filter(model=REFERENCES[0])
    audited: Audited = "leak" if audit and audit.leaks else "passed" if audit and audit.done else "not audited"
    return ComparedRun(
        name=entrant.name,
        settings=manifest.config_sha256,
        bars=manifest.data.sha256,
        manifest=entrant.sha256,
        source=manifest.data.source,
        symbols=manifest.data.symbols,
        forecasts=own.height,
        left_out=left_out,
        folds=own["fold"].n_unique(),
        first=iso(own["time"].min()),
        last=iso(own["time"].max()),
        status=verdict.status,
        verdict=verdict,
        configurations=verdict.configurations,
        audited=audited,
        depth=audit.depth if audit else None,
    )


def iso(time: object) -> str:
    """Return a time in ISO 8601."""
    if not isinstance(time, datetime):
        raise RunError(f"compare: expected the time of a forecast (got {time!r}): run `backtest run` again")
    return time.isoformat()


def place_of(runs: Sequence[ComparedRun], out: Path | None) -> Path:
    """Return `out`, or `runs/compare-<names>`, with a digest where the names do not tell or another comparison has it.

    ConfigError where the folder holds anything but these runs' earlier comparison: nothing else is overwritten.
    """
    digest = sha256(json_bytes([run.identity for run in runs]))[:8]
    exact = "-".join(["compare", *(run.name for run in runs)])
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", exact)[:LONGEST].strip("-.")
    plain, apart = runs_folder() / readable, runs_folder() / f"{readable}-{digest}"
    choice = [out] if out else [plain, apart] if readable == exact else [apart]
    for place in choice:
        if free(place, runs):
            return place
    raise ConfigError(
        f"--out: {choice[-1]} holds something else than a comparison of these runs: choose another folder"
    )


def free(place: Path, runs: Sequence[ComparedRun]) -> bool:
    """Whether a folder holds nothing but hidden files, or a comparison of these runs."""
    if not (place / COMPARISON).is_file():
        return not place.exists() or (place.is_dir() and all(one.name.startswith(".") for one in place.iterdir()))
    try:
        before = Comparison.from_json((place / COMPARISON).read_text("utf-8"))
    except (RunError, UnicodeDecodeError):
        return False
    return [run.identity for run in before.runs] == [run.identity for run in runs]
