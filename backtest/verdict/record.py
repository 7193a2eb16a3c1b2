"""Judge a run folder: write its tables, verdict.json and a line of the ledger, and judge again when more is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from backtest.data import result_tables, schema
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
    write_bytes,
    write_json,
    write_table,
)
from backtest.evaluation.evaluate import Evaluation, EvaluationSettings
from backtest.evaluation.forecast_tests import compare
from backtest.evaluation.loss_panel import LossPanel, loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.metrics import score
from backtest.evaluation.robustness import by_seed, without_each_fold
from backtest.significance.multiple_testing import MAX_T
from backtest.verdict.findings import leak_reason
from backtest.verdict.ledger import LEDGER, SESSION, Ledger, Trial, append
from backtest.verdict.multiple_testing import deflated_ratios, ledger_of, trial_of, tried_before
from backtest.verdict.rule import Evidence, judge


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
    networks: Sequence[str],
    data: str,
    config: str,
    leak: Suspects = NO_LEAK,
) -> Verdict:
    """Write the tables and the verdict into the folder `run`, and enter it into the ledger beside it.

    `networks` are the models to be judged, `data` is the SHA-256 of the bars, `config` that of the settings by which
    one trial on them differs from another (`hashes_of`), `leak` whom a leak concerns that the audit found.
    """
    for table in result_tables.RUN_TABLES:
        write_table(run / table.file, evaluation.tables[table.file], table)
    about: dict[str, Any] = {"networks": networks, "data": data, "config": config, "leak": leak}
    judged, entry = judge_evaluation(run.name, evaluation, settings, ledger_of(run), **about)
    write_bytes(run / VERDICT, judged.to_json().encode())
    append(run.parent / LEDGER, entry)
    return judged


def judge_evaluation(
    name: str,
    evaluation: Evaluation,
    settings: EvaluationSettings,
    known: Ledger,
    *,
    networks: Sequence[str],
    data: str,
    config: str,
    leak: Suspects = NO_LEAK,
) -> tuple[Verdict, Trial]:
    """Judge a run called `name` by its tables and by the trials `known`; return the verdict and the run as a trial.

    The others are those of `write_results`.
    """
    hashes = {"data": data, "config": config}
    evidence = _evidence(known, evaluation.tables, evaluation.panels, leak, settings.question, **hashes)
    judged = judge(evidence, networks=networks, alpha=settings.alpha, adjustment=settings.adjustment)
    strategies = evaluation.tables[result_tables.STRATEGIES.file]
    return judged, trial_of(name, judged, evidence.tests, strategies, **hashes)


def join_session(run: Path) -> None:
    """Let a finished run and the others of this session know of each other, and judge it again.

    What else was tried on its bars enters the ledger beside it, and its own trial the session.
    """
    hashes = hashes_of(read_manifest(run))
    copy_trials(SESSION, run)
    known = ledger_of(run).trials
    own = [trial for trial in known if {"data": trial.data, "config": trial.config} == hashes]
    SESSION.extend(trial for trial in own[-1:] if trial not in SESSION)
    judge_again(run)


def copy_trials(trials: Sequence[Trial], run: Path) -> None:
    """Enter other trials on the bars of a run into the ledger beside it, unless they stand there."""
    hashes, known = hashes_of(read_manifest(run)), ledger_of(run).trials
    for trial in trials:
        if trial.data == hashes["data"] and trial.config != hashes["config"] and trial not in known:
            append(run.parent / LEDGER, trial)


def judge_again(run: Path, audited: Audit | None = None) -> tuple[Verdict, Verdict] | None:
    """Judge a finished run again where its audit has changed, or more was tried on its bars since.

    `audited` is written into the folder first. Return the verdicts before and after, None where the verdict stands. A
    run that is not in the ledger beside it, because one of them was moved, keeps what it knew. After a crash the
    command that made the run finishes it. Raises RunError where the run is not finished, damaged or in use.
    """
    manifest = read_manifest(run)
    before = Verdict.from_json(read_bytes(run, VERDICT, manifest).decode())
    found = audited or _audit(run, manifest)
    leak = found.suspects if found else NO_LEAK
    outdated = _other_suspects(before, leak) or _more_tried(run, before, manifest)
    if not audited and not outdated:
        return None
    with locked(run):
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
    tables = {table.file: read_table(run, table.file, table, manifest) for table in result_tables.RUN_TABLES}
    networks = [candidate.model for candidate in before.candidates]
    panels = loss_panels(match_forecasts(tables[schema.FORECASTS.file], before.question), before.question)
    evidence = _evidence(ledger_of(run), tables, panels, leak, before.question, **hashes_of(manifest))
    return judge(evidence, networks=networks, alpha=before.alpha, adjustment=before.adjustment)


def _audit(run: Path, manifest: dict[str, Any]) -> Audit | None:
    """The audit that a finished run lists, if it has one."""
    return Audit.from_json(read_bytes(run, AUDIT, manifest).decode()) if AUDIT in manifest["files"] else None


def hashes_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The hashes by which the ledger knows a trial: of the bars, and of the settings."""
    card = manifest["data"]
    return {"data": card.get("bars_sha256") or card["sha256"], "config": manifest["trial_sha256"]}


def _more_tried(run: Path, before: Verdict, manifest: dict[str, Any]) -> bool:
    """Whether the ledger beside a run knows of more configurations than its verdict does."""
    known, hashes = ledger_of(run), hashes_of(manifest)
    own = any({"data": trial.data, "config": trial.config} == hashes for trial in known.trials)
    return own and tried_before(known, before.question, **hashes).configurations > before.configurations


def _evidence(
    known: Ledger,
    tables: Mapping[str, pl.DataFrame],
    panels: Sequence[LossPanel],
    leak: Suspects,
    question: Question,
    *,
    data: str,
    config: str,
) -> Evidence:
    """All that a verdict rests on: the tables of a run, whom a leak concerns, and the trials known."""
    return Evidence(
        tables[result_tables.SCORES.file],
        tables[result_tables.TESTS.file],
        tables[schema.FOLDS.file],
        tables[result_tables.SEEDS.file],
        tables[result_tables.DROPPED.file],
        panels,
        tried_before(known, question, data=data, config=config),
        deflated_ratios(tables[result_tables.STRATEGIES.file], known, question, data=data, config=config),
        leak,
        question,
    )
