"""Judge a run folder: write its tables, verdict.json and a line of the ledger, and judge again when more is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from backtest.data import result_tables, schema
from backtest.data.names import MAX_T
from backtest.data.question import Question
from backtest.data.records.audit import AUDIT, NO_LEAK, Audit, Suspects
from backtest.data.records.verdict import Verdict
from backtest.data.run_files import (
    MANIFEST,
    VERDICT,
    file_sums,
    locked,
    read_bytes,
    read_manifest,
    read_table,
    sha256,
    write_bytes,
    write_json,
    write_table,
)
from backtest.evaluation.evaluate import Evaluation, EvaluationSettings
from backtest.evaluation.forecast_tests import compare
from backtest.evaluation.loss_panel import loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.metrics import score
from backtest.evaluation.robustness import by_seed, without_each_fold
from backtest.evaluation.strategies import CostSettings
from backtest.verdict.findings import leak_reason
from backtest.verdict.kept_losses import SESSION_LOSSES, find_losses, key_of, losses_file
from backtest.verdict.ledger import LEDGER, SESSION, Ledger, Trial, counted, enter, known_in, line_of, others, read
from backtest.verdict.multiple_testing import claimed, deflated_ratios, trial_of, tried_before
from backtest.verdict.rule import Evidence, hypotheses_of, judge


def evidence_of(
    forecasts: pl.DataFrame, folds: pl.DataFrame, *, adjustment: str = MAX_T, question: Question | None = None
) -> Evidence:
    """Return what FORECASTS and FOLDS alone say: nothing is known of earlier runs, strategies or leaks."""
    question = question or Question()
    panels = loss_panels(match_forecasts(forecasts, question), question)
    seeds, dropped = by_seed(panels), without_each_fold(panels)
    return Evidence(score(panels), compare(panels, adjustment), folds, seeds, dropped, panels, question=question)


def write_results(
    run: Path,
    evaluation: Evaluation,
    settings: EvaluationSettings,
    *,
    candidates: Sequence[str],
    data: str,
    config: str,
    leak: Suspects = NO_LEAK,
) -> Verdict:
    """Write the tables and the verdict into the folder `run`, and enter it into the ledger beside it and the user's.

    `candidates` are the models to be judged, `data` is the SHA-256 of the bars, `config` that of the settings by which
    one trial on them differs from another (`hashes_of`), `leak` whom a leak concerns that the audit found.
    """
    for table in result_tables.RUN_TABLES:
        write_table(run / table.file, evaluation.tables[table.file], table)
    about: dict[str, Any] = {"candidates": candidates, "data": data, "config": config, "leak": leak}
    judged, entry, losses = judge_evaluation(run.name, evaluation, settings, known_in(run.parent), **about)
    write_bytes(run / VERDICT, judged.to_json().encode())
    enter(run.parent, entry, losses)
    return judged


def judge_evaluation(
    name: str,
    evaluation: Evaluation,
    settings: EvaluationSettings,
    known: Ledger,
    *,
    candidates: Sequence[str],
    data: str,
    config: str,
    leak: Suspects = NO_LEAK,
) -> tuple[Verdict, Trial, bytes | None]:
    """Judge a run called `name` by its tables and by the trials `known`.

    Return the verdict, the run as a trial, and the file of its loss differences if it has any. The other arguments are
    those of `write_results`.
    """
    trial = trial_of(name, evaluation, settings, data=data, config=config)
    evidence = _evidence(known, evaluation, leak, settings.question, trial)
    judged = judge(evidence, candidates=candidates, alpha=settings.alpha, adjustment=settings.adjustment)
    return judged, *entry_of(trial, judged, evidence)


def entry_of(trial: Trial, judged: Verdict, evidence: Evidence) -> tuple[Trial, bytes | None]:
    """Return a trial with its verdict as it is entered, and the file of its loss differences if it has any."""
    losses = losses_file(hypotheses_of(evidence, map(key_of, trial.p_values)))
    return replace(trial, status=judged.status, losses=sha256(losses) if losses else None), losses


def enter_session(trial: Trial, losses: bytes | None) -> None:
    """Let this session remember a trial that is in memory alone."""
    SESSION.append(trial)
    if losses:
        SESSION_LOSSES[sha256(losses)] = losses


def join_session(run: Path) -> None:
    """Let a finished run and the others of this session know of each other, and judge it again.

    What else was tried on its rows enters the ledger beside it, and its own trial the session.
    """
    copy_trials(Ledger(tuple(SESSION)), run)
    known = read(run.parent / LEDGER)
    own = _line(run, known)
    if own and own not in SESSION:
        enter_session(own, find_losses(own.losses, known.folders) if own.losses else None)
    judge_again(run)


def copy_trials(source: Ledger, run: Path) -> None:
    """Enter the trials of another ledger, or of this session, on the rows of a run into the one beside it.

    The run itself is entered as well, unless it stands there.
    """
    known, entered = known_in(run.parent), read(run.parent / LEDGER)
    own = _line(run, known) or trial_in(run, source)
    copied = [] if _line(run, entered) else [replace(own, run=run.name)]
    copied += [trial for trial in others(source, own) if trial not in entered.trials]
    for trial in copied:
        folders = (*source.folders, *known.folders)
        enter(run.parent, trial, find_losses(trial.losses, folders) if trial.losses else None)


def judge_again(run: Path, audited: Audit | None = None) -> tuple[Verdict, Verdict] | None:
    """Judge a finished run again where its audit has changed, or more was tried on its bars since.

    `audited` is written into the folder first. Return the verdicts before and after, None where the verdict stands. A
    run that is not in the ledger beside it, because one of them was moved, keeps what it knew. After a crash the
    command that made the run finishes it. Raises RunError where the run is not finished, damaged or in use.
    """
    manifest = read_manifest(run)
    before = _verdict(run)
    found = audited or _audit(run, manifest)
    leak = found.suspects if found else NO_LEAK
    outdated = _other_suspects(before, leak) or _more_tried(run, before)
    if not audited and not outdated:
        return None
    with locked(run):
        manifest, before = read_manifest(run), _verdict(run)  # as they are now that no other process writes
        after = _judged(run, before, leak, manifest) if outdated else before
        content = {VERDICT: after.to_json()} | ({AUDIT: audited.to_json()} if audited else {})
        (run / MANIFEST).unlink()
        for name, text in content.items():
            write_bytes(run / name, text.encode())
        write_json(run / MANIFEST, {**manifest, "files": manifest["files"] | file_sums(run, list(content))})
    return (before, after) if outdated else None


def _other_suspects(before: Verdict, leak: Suspects) -> bool:
    """Whether a leak concerns other candidates than a verdict says, or for other reasons."""
    if not before.candidates:
        return bool(leak) != (before.status == "leak suspected")
    known = [one.reason if one.status == "leak suspected" else None for one in before.candidates]
    return known != [leak_reason(leak, one.model, before.question) for one in before.candidates]


def _judged(run: Path, before: Verdict, leak: Suspects, manifest: dict[str, Any]) -> Verdict:
    """The verdict on a finished run, with the settings of the one before."""
    candidates = [candidate.model for candidate in before.candidates]
    evaluation, settings = _evaluated(run, before, manifest)
    trial = trial_of(run.name, evaluation, settings, **hashes_of(manifest))
    evidence = _evidence(known_in(run.parent), evaluation, leak, before.question, trial)
    return judge(evidence, candidates=candidates, alpha=before.alpha, adjustment=before.adjustment)


def _evaluated(run: Path, judged: Verdict, manifest: dict[str, Any]) -> tuple[Evaluation, EvaluationSettings]:
    """A finished run as it was evaluated; the costs, of which its tables tell, are not read again."""
    tables = {table.file: read_table(run, table.file, table, manifest) for table in result_tables.RUN_TABLES}
    panels = loss_panels(match_forecasts(tables[schema.FORECASTS.file], judged.question), judged.question)
    returns = read_table(run, schema.FEATURES.file, schema.FEATURES, manifest).select("symbol", "time", "bar_return")
    card = manifest["data"]
    interval, always_open = timedelta(seconds=card["interval_seconds"]), card["always_open"]
    settings = EvaluationSettings(
        judged.alpha, judged.adjustment, CostSettings(), interval, always_open, judged.question
    )
    return Evaluation(tuple(panels), tables, returns), settings


def _trial(run: Path) -> Trial:
    """A finished run as a trial, from its files."""
    manifest, judged = read_manifest(run), _verdict(run)
    evaluation, settings = _evaluated(run, judged, manifest)
    return replace(trial_of(run.name, evaluation, settings, **hashes_of(manifest)), status=judged.status)


def trial_in(run: Path, known: Ledger) -> Trial:
    """Return a finished run as a trial: its line in a ledger, or what its files say. Raises RunError."""
    return _line(run, known) or _trial(run)


def _verdict(run: Path) -> Verdict:
    """The verdict on a finished run."""
    return Verdict.from_json(read_bytes(run, VERDICT, read_manifest(run)).decode())


def _line(run: Path, known: Ledger) -> Trial | None:
    """The line of a finished run in a ledger."""
    return line_of(known, claimed(run.name, _verdict(run), **hashes_of(read_manifest(run))))


def _audit(run: Path, manifest: dict[str, Any]) -> Audit | None:
    """The audit that a finished run lists, if it has one."""
    return Audit.from_json(read_bytes(run, AUDIT, manifest).decode()) if AUDIT in manifest["files"] else None


def hashes_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The hashes by which the ledger knows a trial: of the bars, and of the settings."""
    card = manifest["data"]
    return {"data": card.get("bars_sha256") or card["sha256"], "config": manifest["trial_sha256"]}


def _more_tried(run: Path, before: Verdict) -> bool:
    """Whether the ledgers know of a run, and of more configurations than its verdict does."""
    known = known_in(run.parent)
    own = _line(run, known)
    return own is not None and counted(known, own) > before.configurations


def _evidence(known: Ledger, evaluation: Evaluation, leak: Suspects, question: Question, trial: Trial) -> Evidence:
    """All that a verdict rests on: the tables of a run, whom a leak concerns, and the trials known."""
    tables = evaluation.tables
    return Evidence(
        tables[result_tables.SCORES.file],
        tables[result_tables.TESTS.file],
        tables[schema.FOLDS.file],
        tables[result_tables.SEEDS.file],
        tables[result_tables.DROPPED.file],
        evaluation.panels,
        tried_before(known, question, trial),
        deflated_ratios(tables[result_tables.STRATEGIES.file], known, question, trial),
        leak,
        question,
    )
