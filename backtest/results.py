"""The results of a run: every table that follows from its forecasts, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import polars as pl

from backtest.blocks import blocks
from backtest.comparison import compare, compare_jointly, follow
from backtest.costs import CostSettings, trade
from backtest.judging import Evidence, judge
from backtest.pairing import pair
from backtest.robustness import by_seed, without_each_fold
from backtest.scoring import score
from backtest.trials import enter, tried_before
from data import schema
from data.runs import (
    MANIFEST,
    file_sums,
    read_bytes,
    read_manifest,
    read_table,
    write_bytes,
    write_json,
    write_table,
)
from data.verdict import Verdict

VERDICT = "verdict.json"
TABLES = {table.file: table for table in schema.RUN_TABLES}
"""The tables of a run by their files."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What results depend on beside forecasts: how they are judged, what trades cost, and what the bars are.

    `bars` is the SHA-256 of the bars, `trial` that of the settings by which one trial on them differs from another.
    """

    networks: tuple[str, ...]
    alpha: float
    adjustment: str
    costs: CostSettings
    trial: str
    bars: str
    interval: timedelta
    always_open: bool


def evidence_of(paired: pl.DataFrame, folds: pl.DataFrame, *, adjustment: str = "holm") -> Evidence:
    """Return all that a verdict rests on but what lies outside of the run; from `pairing.pair` and FOLDS."""
    whole = blocks(paired)
    seeds, dropped = by_seed(paired), without_each_fold(whole)
    return Evidence(score(paired), compare(whole, adjustment), folds, seeds, dropped, whole)


def tables_of(
    forecasts: pl.DataFrame, folds: pl.DataFrame, fits: pl.DataFrame, features: pl.DataFrame, terms: Terms
) -> tuple[dict[str, pl.DataFrame], Evidence]:
    """Return every table of TABLES by its file, and the evidence that some of them are."""
    evidence = evidence_of(pair(forecasts), folds, adjustment=terms.adjustment)
    frames = (
        folds,
        forecasts,
        fits,
        evidence.scores,
        evidence.tests,
        compare_jointly(evidence.blocks, terms.alpha),
        evidence.seeds,
        evidence.dropped,
        follow(evidence.blocks),
        trade(forecasts, features, terms.costs, always_open=terms.always_open, interval=terms.interval),
    )
    return dict(zip(TABLES, frames, strict=True)), evidence


def write_results(run: Path, tables: Mapping[str, pl.DataFrame], evidence: Evidence, terms: Terms) -> Verdict:
    """Write the tables and the verdict into the folder `run`, and enter it into the ledger."""
    for name, frame in tables.items():
        write_table(run / name, frame, TABLES[name])
    strategies, hashes = tables[schema.STRATEGIES.file], {"data": terms.bars, "config": terms.trial}
    tried, deflated = tried_before(strategies, **hashes)
    found = replace(evidence, tried=tried, deflated=deflated)
    judged = judge(found, networks=terms.networks, alpha=terms.alpha, adjustment=terms.adjustment)
    write_bytes(run / VERDICT, judged.to_json().encode())
    enter(run, judged, evidence.tests, strategies, **hashes)
    return judged


def judge_again(run: Path) -> None:
    """Judge a finished run anew where more has been tried on its bars since, so that its report does not hide that.

    Raises RunError where the run is not finished or damaged.
    """
    manifest = read_manifest(run)
    before = Verdict.from_json(read_bytes(run, VERDICT, manifest).decode())
    strategies = read_table(run, schema.STRATEGIES.file, schema.STRATEGIES, manifest)
    tried, deflated = tried_before(strategies, data=manifest["data"]["sha256"], config=manifest["trial_sha256"])
    if tried.configurations == before.configurations:
        return
    scores, tests, folds, seeds, dropped, forecasts = (
        read_table(run, table.file, table, manifest)
        for table in (schema.SCORES, schema.TESTS, schema.FOLDS, schema.SEEDS, schema.DROPPED, schema.FORECASTS)
    )
    evidence = Evidence(scores, tests, folds, seeds, dropped, blocks(pair(forecasts)), tried, deflated)
    networks: Sequence[str] = [candidate.model for candidate in before.candidates]
    judged = judge(evidence, networks=networks, alpha=before.alpha, adjustment=before.adjustment)
    write_bytes(run / VERDICT, judged.to_json().encode())
    write_json(run / MANIFEST, {**manifest, "files": manifest["files"] | file_sums(run, [VERDICT])})
