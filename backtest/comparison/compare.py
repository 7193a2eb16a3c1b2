"""Several finished runs against each other: one virtual run of all their models on the rows that they share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from pathlib import Path

import polars as pl

from backtest.comparison.common_sample import CommonSample, common_sample
from backtest.comparison.pairwise_tests import RunModels, compare_pairs, pairs_to_test
from backtest.comparison.runs import FinishedRun, differing_settings, read_runs
from backtest.data.errors import ConfigError, RunError
from backtest.data.question import Question
from backtest.data.records.audit import Suspects
from backtest.data.records.comparison import COMPARISON, Audited, ComparedRun, Comparison, Pair
from backtest.data.records.verdict import Verdict
from backtest.data.result_tables import DROPPED, RUN_TABLES, SCORES, SEEDS, TESTS
from backtest.data.run_files import VERDICT, json_bytes, runs_folder, sha256, table_bytes, write_bytes
from backtest.data.schema import FOLDS
from backtest.evaluation.evaluate import Evaluation, EvaluationSettings, evaluate
from backtest.evaluation.strategies import CostSettings
from backtest.significance.multiple_testing import MULTIPLICITY
from backtest.verdict.coincidence import BARS
from backtest.verdict.family import Key, Tried
from backtest.verdict.kept_losses import name_of
from backtest.verdict.ledger import Ledger, Trial, enter, joined, line_of, others, same, with_users
from backtest.verdict.multiple_testing import claimed, trial_of, tried_of
from backtest.verdict.record import entry_of
from backtest.verdict.rule import Evidence, judge
from backtest.walk.environment import versions

LONGEST = 60
"""Characters of a folder's name; longer ones are cut and made unique by a digest."""


@dataclass(frozen=True, slots=True, eq=False)
class ComparedRuns:
    """What is found between runs: the record, the verdict on the virtual run, and its tables by their file names.

    `trial` is the comparison as the ledger is to know it, `losses` the file of its loss differences.
    """

    record: Comparison
    verdict: Verdict
    tables: Mapping[str, pl.DataFrame]
    trial: Trial
    losses: bytes | None


def compare_runs(runs: Sequence[Path | FinishedRun], out: Path | None = None) -> Path:
    """Compare finished runs, in their folders or in memory, and return the folder with what was found.

    That is `out`, or `runs/compare-<names>`: see `place_of`. Raises ConfigError where the runs are not about the same
    thing or the folder holds something else, RunError and DataError where a run is unfinished or damaged.
    """
    found = compare(read_runs(runs))
    try:
        place = place_of(found.record.runs, out)
        write_bytes(place / COMPARISON, found.record.to_json().encode())  # first: the folder is known by it
        for name, content in files_of(found.tables, found.verdict).items():
            write_bytes(place / name, content)
        enter(place.parent, found.trial, found.losses)
    except OSError as error:
        raise ConfigError(
            f"--out: {error.filename} cannot be written ({error.strerror}): choose another folder"
        ) from error
    return place


def compare(runs: Sequence[FinishedRun]) -> ComparedRuns:
    """Evaluate and judge all models of the runs on the rows that they share, and test them pair by pair.

    That is done at every horizon that all runs have; the adjustment counts models, or pairs, at all of them together.
    The level is the smallest of the runs' verdicts, the adjustment theirs if they agree, otherwise Holm's. The verdict
    is that of any run, `verdict.rule`: its family holds all models of all runs and what else the ledgers list.
    """
    sample = common_sample(runs)
    alpha, card = min(run.verdict.alpha for run in runs), runs[0].manifest.data
    question = replace(runs[0].verdict.question, horizons=sample.horizons)
    agreed = {run.verdict.adjustment for run in runs}
    adjustment = agreed.pop() if len(agreed) == 1 and agreed <= set(MULTIPLICITY) else "holm"
    settings = EvaluationSettings(alpha, adjustment, CostSettings(), card.interval, card.always_open, question)
    models = [models_of(run, names) for run, names in zip(runs, sample.names, strict=True)]
    evaluation = evaluate(sample.forecasts, sample.folds, sample.fits, None, settings)
    pairs = pairs_to_test(evaluation.panels, models)
    if not pairs:
        besides = " and ".join(question.references)
        raise ConfigError(
            f"compare: expected a model that two of the runs have (got none besides {besides}): "
            "compare runs of the same models"
        )
    judged, family = compare_pairs(evaluation.panels, pairs, alpha)
    verdict, trial, losses = verdict_on(evaluation, settings, runs, models)
    sums = {name: sha256(content) for name, content in files_of(evaluation.tables, verdict).items()}
    record = record_of(runs, sample, judged, family, sums)
    return ComparedRuns(record, verdict, evaluation.tables, trial, losses)


def models_of(run: FinishedRun, names: Mapping[str, str]) -> RunModels:
    """Return the models of a run; its candidates are those of its own verdict."""
    return RunModels(run.name, names, frozenset({one.model for one in run.verdict.candidates} & set(names)))


def verdict_on(
    evaluation: Evaluation, settings: EvaluationSettings, runs: Sequence[FinishedRun], models: Sequence[RunModels]
) -> tuple[Verdict, Trial, bytes | None]:
    """Judge the virtual run, in which the leak of a run concerns the models of that run.

    Return the verdict, the comparison as a trial, and the file of its loss differences if it has any.
    """
    tables = evaluation.tables
    trial = trial_on(evaluation, settings, runs, models)
    evidence = Evidence(
        scores=tables[SCORES.file],
        tests=tables[TESTS.file],
        folds=tables[FOLDS.file],
        seeds=tables[SEEDS.file],
        dropped=tables[DROPPED.file],
        panels=evaluation.panels,
        tried=tried_besides(runs, trial, settings.question.horizons),
        leak=suspects_among(runs, models, settings.question),
        question=settings.question,
    )
    candidates = dict.fromkeys(own.names[model] for own in models for model in own.names if model in own.candidates)
    judged = judge(evidence, candidates=list(candidates), alpha=settings.alpha, adjustment=settings.adjustment)
    return judged, *entry_of(trial, judged, evidence)


def suspects_among(runs: Sequence[FinishedRun], models: Sequence[RunModels], question: Question) -> Suspects:
    """Whom the leaks of runs concern, by their names in the loss panel.

    A leak that all models of a run share concerns its references only where they are named as leaking: they read no
    feature, and their outcomes are those of the other runs.
    """
    return Suspects(
        models=frozenset(
            name
            for run, own in zip(runs, models, strict=True)
            for model, name in own.names.items()
            if model in run.suspects.models or (run.suspects.shared and model not in question.references)
        )
    )


def trial_on(
    evaluation: Evaluation, settings: EvaluationSettings, runs: Sequence[FinishedRun], models: Sequence[RunModels]
) -> Trial:
    """Return the comparison as a trial: what it tests on the shared rows, without the tests that the runs had made."""
    name = f"compare {' '.join(run.name for run in runs)}"
    config = sha256(json_bytes(sorted(run.trial for run in runs)))
    found = trial_of(name, evaluation, settings, data=runs[0].manifest.data.traded, config=config)
    made = {
        (name_of(Key(own.names[claim.model], claim.horizon, claim.loss)), claim.p_value)
        for run, own in zip(runs, models, strict=True)
        for claim in run.verdict.claims
        if claim.model in own.names
    }
    new = {test for test, p_value in found.p_values.items() if (test, p_value) not in made}
    p_values, p_worse = ({test: side[test] for test in side if test in new} for side in (found.p_values, found.p_worse))
    known = ledgers_of(runs)
    lines = [line_of(known, claimed_by(run)) for run in runs]
    bars = next((line.rows[BARS] for line in lines if line and BARS in line.rows), None)
    return replace(found, p_values=p_values, p_worse=p_worse, rows=found.rows | ({BARS: bars} if bars else {}))


def ledgers_of(runs: Sequence[FinishedRun]) -> Ledger:
    """Return what the ledgers beside the runs, that of the session and that of the user know."""
    different = list[Ledger]()
    different += (run.ledger for run in runs if run.ledger not in different)
    return with_users(reduce(joined, different, Ledger()))


def claimed_by(run: FinishedRun) -> Trial:
    """Return what the verdict of a run tells of it as a trial."""
    return claimed(run.name, run.verdict, data=run.manifest.data.traded, config=run.trial)


def tried_besides(runs: Sequence[FinishedRun], trial: Trial, horizons: Sequence[int]) -> Tried:
    """Return what was tried on the rows of a comparison, its runs included, by the ledgers beside them.

    What the runs themselves claim at other horizons than those that are compared counts as well.
    """
    own, besides = [claimed_by(run) for run in runs], list[Trial]()
    known = ledgers_of(runs)
    for data in dict.fromkeys(one.data for one in own):
        found = others(known, replace(trial, data=data))
        besides += [one for one in found if one not in besides and not any(same(one, each) for each in own)]
    tried = tried_of(besides, known, runs[0].verdict.question, trial)
    better, worse = set(tried.better), set(tried.worse)
    for run in runs:
        for claim in (claim for claim in run.verdict.claims if claim.horizon not in horizons):
            key = Key(f"{claim.model} of {run.name}", claim.horizon, claim.loss)
            better.add((key, claim.p_value))
            worse.add((key, claim.p_worse))
    different = len({(one.config, one.data) for one in own})
    return replace(
        tried,
        configurations=tried.configurations + different - 1,
        better=frozenset(better),
        worse=frozenset(worse),
    )


def record_of(
    runs: Sequence[FinishedRun],
    sample: CommonSample,
    pairs: Sequence[Pair],
    family: int,
    sums: Mapping[str, str],
) -> Comparison:
    """Return what `comparison.json` is to hold."""
    times = sample.rows["time"]
    return Comparison(
        version=versions()["beatzero"],
        horizons=sample.horizons,
        interval_seconds=runs[0].manifest.data.interval_seconds,
        symbols=tuple(sample.rows["symbol"].unique().sort()),
        rows=sample.rows.height,
        times=times.n_unique(),
        first=iso(times.min()),
        last=iso(times.max()),
        family=family,
        files=dict(sums),
        runs=tuple(run_of(*each) for each in zip(runs, sample.left_out, strict=True)),
        settings=differing_settings(runs),
        pairs=tuple(pairs),
    )


def run_of(run: FinishedRun, left_out: int) -> ComparedRun:
    """Return what is recorded of one run."""
    manifest, verdict, audit = run.manifest, run.verdict, run.audit
    of_each = {"model": verdict.question.references[0], "horizon": run.horizons[0]}
    own = run.matched.filter(pl.col("seed").is_null(), **of_each)
    audited: Audited = "leak" if audit and audit.leaks else "passed" if audit and audit.done else "not audited"
    return ComparedRun(
        name=run.name,
        settings=manifest.config_sha256,
        bars=manifest.data.sha256,
        manifest=run.sha256,
        source=manifest.data.source,
        symbols=manifest.data.symbols,
        horizons=run.horizons,
        forecasts=own.height,
        left_out=left_out,
        folds=own["fold"].n_unique(),
        first=iso(own["time"].min()),
        last=iso(own["time"].max()),
        verdict=verdict,
        audited=audited,
        depth=audit.depth if audit else None,
    )


def files_of(tables: Mapping[str, pl.DataFrame], verdict: Verdict) -> dict[str, bytes]:
    """Return the files of a comparison, all but its record, by name."""
    found = {table.file: table_bytes(tables[table.file]) for table in RUN_TABLES}
    return found | {VERDICT: verdict.to_json().encode()}


def iso(time: object) -> str:
    """Return a time in ISO 8601."""
    if not isinstance(time, datetime):
        raise RunError(f"compare: expected the time of a forecast (got {time!r}): run `backtest run` again")
    return time.isoformat()


def place_of(runs: Sequence[ComparedRun], out: Path | None) -> Path:
    """Return `out`, or `runs/compare-<names>`, with a digest where names are cut or another comparison has the folder.

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
