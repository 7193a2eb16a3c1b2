"""The results of a run: every table that follows from its forecasts, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from backtest.data import result_tables, schema
from backtest.data.records.audit import AUDIT, Audit
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
from backtest.evaluation.conformal import cover
from backtest.evaluation.costs import CostSettings
from backtest.evaluation.forecast_tests import compare, compare_jointly, follow
from backtest.evaluation.loss_panel import align
from backtest.evaluation.matched_forecasts import pair
from backtest.evaluation.regimes import by_regime
from backtest.evaluation.robustness import by_seed, without_each_fold
from backtest.evaluation.scoring import score
from backtest.evaluation.strategies import trade
from backtest.verdict.rule import Evidence, judge
from backtest.verdict.trials import deflated_ratios, enter, ledger_of, tried_before

Tables = Mapping[str, pl.DataFrame]
"""The tables of `result_tables.RUN_TABLES` by the names of their files."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What results depend on beside forecasts: how they are judged, what trades cost, and what the bars are.

    `bars` is the SHA-256 of the bars, `trial` that of all by which one trial on them differs from another, `leak` what
    the audit found in a clause, empty if nothing.
    """

    networks: tuple[str, ...]
    alpha: float
    adjustment: str
    costs: CostSettings
    trial: str
    bars: str
    interval: timedelta
    always_open: bool
    leak: str = ""


def tables_of(
    forecasts: pl.DataFrame, folds: pl.DataFrame, fits: pl.DataFrame, features: pl.DataFrame, terms: Terms
) -> dict[str, pl.DataFrame]:
    """Return every table of a run by the name of its file."""
    paired = pair(forecasts)
    evidence = evidence_of(paired, folds, adjustment=terms.adjustment)
    tables = {
        schema.FOLDS: folds,
        schema.FORECASTS: forecasts,
        schema.FITS: fits,
        result_tables.SCORES: evidence.scores,
        result_tables.TESTS: evidence.tests,
        result_tables.JOINT: compare_jointly(evidence.horizons, terms.alpha),
        result_tables.SEEDS: evidence.seeds,
        result_tables.DROPPED: evidence.dropped,
        result_tables.FLUCTUATION: follow(evidence.horizons),
        result_tables.STRATEGIES: trade(
            paired, features, terms.costs, always_open=terms.always_open, interval=terms.interval
        ),
        result_tables.REGIMES: by_regime(paired, evidence.horizons, terms.interval),
        result_tables.COVERAGE: cover(forecasts, terms.interval),
    }
    return {table.file: frame for table, frame in tables.items()}


def evidence_of(paired: pl.DataFrame, folds: pl.DataFrame, *, adjustment: str = "holm") -> Evidence:
    """Return all that a verdict rests on but what lies outside of the run; from `pairing.pair` and FOLDS."""
    horizons = align(paired)
    seeds, dropped = by_seed(paired), without_each_fold(horizons)
    return Evidence(score(paired), compare(horizons, adjustment), folds, seeds, dropped, horizons)


def write_results(run: Path, tables: Tables, terms: Terms) -> Verdict:
    """Write the tables and the verdict into the folder `run`, and enter it into the ledger beside it."""
    for table in result_tables.RUN_TABLES:
        write_table(run / table.file, tables[table.file], table)
    hashes = {"data": terms.bars, "config": terms.trial}
    evidence = _evidence(run, tables, terms.leak, **hashes)
    judged = judge(evidence, networks=terms.networks, alpha=terms.alpha, adjustment=terms.adjustment)
    write_bytes(run / VERDICT, judged.to_json().encode())
    enter(run, judged, evidence.tests, tables[result_tables.STRATEGIES.file], **hashes)
    return judged


def judge_again(run: Path, audited: Audit | None = None) -> tuple[Verdict, Verdict] | None:
    """Judge a finished run anew where its audit says otherwise, or more has been tried on its bars since.

    `audited` is put into the folder first. Return the verdicts before and after, None where nothing has to be judged.
    What was tried since is not known of a run that the ledger beside it does not have, because one of them was moved. A
    crash leaves a run that the command which made it finishes. Raises RunError where the run is not finished, damaged
    or in use.
    """
    manifest = read_manifest(run)
    before = Verdict.from_json(read_bytes(run, VERDICT, manifest).decode())
    found = audited or _audit(run, manifest)
    leak = found.reason if found else ""
    suspected = before.candidates[0].reason if before.status == "leak suspected" else ""
    outdated = leak != suspected or _more_tried(run, before, manifest)
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


def _judged(run: Path, before: Verdict, leak: str, manifest: dict[str, Any]) -> Verdict:
    """The verdict on a finished run, by the terms of the one before."""
    tables = {table.file: read_table(run, table.file, table, manifest) for table in result_tables.RUN_TABLES}
    networks = [candidate.model for candidate in before.candidates]
    evidence = _evidence(run, tables, leak, **_hashes(manifest))
    return judge(evidence, networks=networks, alpha=before.alpha, adjustment=before.adjustment)


def _audit(run: Path, manifest: dict[str, Any]) -> Audit | None:
    """The audit that a finished run lists, if it has one."""
    return Audit.from_json(read_bytes(run, AUDIT, manifest).decode()) if AUDIT in manifest["files"] else None


def _hashes(manifest: dict[str, Any]) -> dict[str, str]:
    """What tells a trial in the ledger from others."""
    return {"data": manifest["data"]["sha256"], "config": manifest["trial_sha256"]}


def _more_tried(run: Path, before: Verdict, manifest: dict[str, Any]) -> bool:
    """Whether the ledger beside a run knows of more configurations than its verdict does."""
    known, hashes = ledger_of(run), _hashes(manifest)
    own = any({"data": trial.data, "config": trial.config} == hashes for trial in known.trials)
    return own and tried_before(known, **hashes).configurations > before.configurations


def _evidence(run: Path, tables: Tables, leak: str, *, data: str, config: str) -> Evidence:
    """All that a verdict rests on: the tables of a run, the leak its audit found, and the ledger beside it."""
    known = ledger_of(run)
    return Evidence(
        tables[result_tables.SCORES.file],
        tables[result_tables.TESTS.file],
        tables[schema.FOLDS.file],
        tables[result_tables.SEEDS.file],
        tables[result_tables.DROPPED.file],
        align(pair(tables[schema.FORECASTS.file])),
        tried_before(known, data=data, config=config),
        deflated_ratios(tables[result_tables.STRATEGIES.file], known, data=data, config=config),
        leak,
    )
