"""Tests of the verdict as the report reads and shows it, and of the rows of tables as types."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from backtest.data.errors import RunError
from backtest.data.question import Question
from backtest.data.records.verdict import Candidate
from backtest.data.result_tables import TESTS
from backtest.reports.blocks import Verdict
from backtest.reports.formats import tied
from backtest.reports.rows import seed_rows
from backtest.reports.run import RunResult, read
from backtest.reports.sections import SECTIONS
from backtest.reports.wording.verdict import remark
from tests.support.audits import passed
from tests.support.candidates import candidate, judged
from tests.support.fake_run import Plan, make


def shown(result: RunResult) -> Verdict:
    """The first block of the report."""
    (block,) = SECTIONS["verdict"](result)
    assert isinstance(block, Verdict)
    return block


@pytest.mark.parametrize(
    ("found", "tone"),
    [
        ([candidate("better")], "good"),
        ([candidate("better", fragile=True)], "care"),
        ([candidate("better", fragile=True), candidate("better", "lstm")], "good"),
        ([candidate("better", fragile=True), candidate("no evidence", "lstm")], "care"),
        ([candidate("worse", fragile=True)], "bad"),
        ([candidate("leak suspected")], "bad"),
        ([candidate("no evidence")], "open"),
    ],
)
def test_a_claim_that_one_fold_carries_does_not_look_like_one_that_holds(
    usual: RunResult, found: list[Candidate], tone: str
) -> None:
    block = shown(judged(usual, *found))
    assert block.tone == tone
    assert ("fragile" in block.word) == (found[0].fragile and tone != "good")


def test_what_else_was_tried_stands_below_the_verdict(usual: RunResult) -> None:
    audited = replace(usual, audit=passed())
    assert shown(audited).remark == ""
    tried = replace(usual.verdict, configurations=50, comparisons=51)
    assert shown(replace(audited, verdict=tried)).remark == tied(remark(tried))
    assert remark(tried).startswith("50 configurations were tried on these bars: ")


def test_the_adjusted_p_allows_for_all_that_was_tried(tmp_path: Path) -> None:
    make(tmp_path, Plan(folds=4, test=100, seed=3), "first")
    make(tmp_path, Plan(folds=4, test=100, seed=3, name="the same by another name"), "again")
    run = make(tmp_path, Plan(folds=4, test=100, seeds=4), "second")
    second = read(run)
    tests = pl.read_parquet(run / TESTS.file).filter(pl.col("fold").is_null(), **Question().primary, alternative="less")
    alone = dict(tests.select("model", "p_adjusted").iter_rows())
    assert second.verdict.configurations == 2
    assert "2 configurations" in remark(second.verdict)
    claims = {claim.model: claim.p_adjusted for claim in second.verdict.claims}
    assert {score.model: score.p_adjusted for score in second.scores if score.model in claims} == claims
    assert any(claims[model] > alone[model] for model in claims)


def test_seeds_have_the_verdicts_of_their_own_numbers() -> None:
    numbers = {"skill": [0.1, -0.2, 0.3], "p_value": [0.01, 0.9, 0.4]}
    seeds = pl.DataFrame({"model": ["gru", "gru", "ar"], "seed": [7, 3, 0], **numbers})
    found = seed_rows(seeds, [candidate("no evidence", seed_verdicts=("worse", "better"))])
    assert {(one.model, one.seed): (one.skill, one.status) for one in found} == {
        ("gru", 3): (-0.2, "worse"),
        ("gru", 7): (0.1, "better"),
        ("ar", 0): (0.3, None),
    }
    with pytest.raises(RunError, match=r"a verdict on each of the 2 seeds of gru \(got 1\)"):
        seed_rows(seeds, [candidate("no evidence", seed_verdicts=("worse",))])
