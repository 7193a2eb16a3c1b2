"""Tests of what the report makes of the verdict and of the tests beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from data.verdict import Candidate
from reports.blocks import Details, Table, Verdict
from reports.evidence import JointTest, PairTest
from reports.result import Result, read
from reports.sections import SECTIONS
from reports.sections.other_tests import answers, leading, said
from reports.sections.other_tests import finding as finding_of_tests
from tests.candidates import candidate, judged
from tests.fake_run import Plan, make


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("evidence"), Plan(source="evidence", folds=4, test=100))


@pytest.fixture(scope="module")
def usual(run: Path) -> Result:
    return read(run)


def shown(result: Result) -> Verdict:
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
    usual: Result, found: list[Candidate], tone: str
) -> None:
    block = shown(judged(usual, *found))
    assert block.tone == tone
    assert ("fragile" in block.word) == (found[0].fragile and tone != "good")


def test_what_else_was_tried_stands_below_the_verdict(usual: Result) -> None:
    assert shown(usual).remark == ""
    remark = "50 configurations were tried on these bars."
    assert shown(replace(usual, verdict=replace(usual.verdict, remark=remark))).remark == remark


def test_the_adjusted_p_is_that_of_the_verdicts_family(tmp_path: Path) -> None:
    make(tmp_path / "first", Plan(folds=4, test=100, seed=3, source="same"))
    second = read(make(tmp_path / "second", Plan(folds=4, test=100, seeds=4, source="same")))
    tests = pl.read_parquet(tmp_path / "second" / "run" / "tests.parquet").filter(
        pl.col("fold").is_null(), test="diebold_mariano", loss="squared", baseline="zero", alternative="less"
    )
    alone = dict(tests.select("model", "p_adjusted").iter_rows())
    assert second.verdict.configurations == 2
    assert "2 configurations" in second.verdict.remark
    family = {claim.model: claim.p_adjusted for claim in second.verdict.family}
    assert {score.model: score.p_adjusted for score in second.scores if score.model in family} == family
    assert any(family[model] > alone[model] for model in family)


def pair(test: str, p_value: float | None, model: str = "gru", loss: str = "squared") -> PairTest:
    alternative = "less" if test == "diebold_mariano" else "two-sided"
    note = "" if p_value is not None else "the forecasts are all the same"
    return PairTest(test, loss, model, "zero", alternative, -1.0, p_value, p_value, f"{test}?", note)


@pytest.mark.parametrize(
    ("tests", "title"),
    [
        ([("diebold_mariano", 0.01), ("clark_west", 0.01)], "GRU: all 2 tests of skill say yes"),
        ([("diebold_mariano", 0.01), ("clark_west", 0.2)], "GRU: 1 of 2 tests of skill say yes"),
        ([("diebold_mariano", 0.3), ("clark_west", 0.01)], "Clark-West sees a signal in GRU that squared error does"),
        ([("diebold_mariano", 0.3), ("pesaran_timmermann", 0.01)], "Pesaran-Timmermann speaks for GRU, squared error"),
        ([("diebold_mariano", 0.3), ("clark_west", 0.2)], "All tests of skill agree: no sign of any"),
        ([("diebold_mariano", 0.3), ("mincer_zarnowitz", 0.0)], "All tests of skill agree: no sign of any"),
        ([("diebold_mariano", None)], "No test of skill could be made"),
    ],
)
def test_the_title_of_the_tests_says_what_they_say_together(
    usual: Result, tests: list[tuple[str, float | None]], title: str
) -> None:
    result = judged(usual, candidate("no evidence"))
    scores = tuple(replace(score, p_adjusted=tests[0][1]) if score.model == "gru" else score for score in result.scores)
    result = replace(result, scores=scores, tests=tuple(pair(*test) for test in tests))
    assert finding_of_tests(leading(result), result).startswith(title)


def test_no_test_is_believed_where_a_leak_is_suspected(usual: Result) -> None:
    result = judged(usual, candidate("leak suspected"))
    assert "no test here can be believed" in finding_of_tests(leading(result), result)


def test_an_undefined_test_says_so_with_its_reason(usual: Result) -> None:
    result = replace(judged(usual, candidate("no evidence")), tests=(pair("pesaran_timmermann", None),))
    assert answers(leading(result), result).rows == (("pesaran_timmermann?", "undefined", "Pesaran-Timmermann"),)
    unfolded = next(block.inside for block in SECTIONS["tests"](result) if isinstance(block, Details))
    assert isinstance(unfolded, Table)
    assert unfolded.rows[0][-1] == "the forecasts are all the same"


def test_a_test_that_the_report_does_not_know_is_shown_last(usual: Result) -> None:
    tests = (pair("brand_new", 0.2), pair("clark_west", 0.2), pair("diebold_mariano", 0.2))
    result = replace(judged(usual, candidate("no evidence")), tests=tests)
    assert [row.test for row in leading(result)] == ["diebold_mariano", "clark_west", "brand_new"]
    assert answers(leading(result), result).rows[-1][-1] == "brand new"


def test_every_test_against_zero_has_one_answer_per_leading_model(usual: Result) -> None:
    table = answers(leading(usual), usual)
    named = {one.test for one in usual.tests}
    assert len(table.rows) == len(named) + 1, "Diebold-Mariano is asked of squared and of absolute errors"
    assert {cell.split(" (")[0] for row in table.rows for cell in row[1:-1]} <= {"yes", "not shown", "undefined"}


def joint(model: str | None, p_value: float | None, *, selected: bool | None) -> JointTest:
    return JointTest("stepwise", model, p_value, selected, "which?", "")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([joint("gru", None, selected=True), joint("lstm", None, selected=False)], "GRU"),
        ([joint("gru", None, selected=False)], "no model"),
        ([joint(None, 0.01, selected=None)], "yes"),
        ([joint(None, 0.06, selected=None)], "not shown"),
        ([joint(None, None, selected=None)], "undefined"),
    ],
)
def test_a_joint_test_names_the_models_that_it_selects(rows: list[JointTest], words: str) -> None:
    assert said(rows, 0.05) == words
