"""Tests of what the report says of the tests beside the verdict's own: true of any set of them, from columns alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backtest.data.names import Status
from backtest.data.records.verdict import Claim, ClarkWest
from backtest.data.result_tables import JOINT, TESTS
from backtest.data.targets import PRIMARY_TEST
from backtest.reports.blocks import Details, Table
from backtest.reports.families import adjusted, family_text, is_primary
from backtest.reports.rows import Row
from backtest.reports.run import RunResult
from backtest.reports.sections import SECTIONS
from backtest.reports.sections.other_tests import (
    answer_table,
    joint_answer,
    leading_tests,
    other_tests_title,
)
from tests.support.candidates import altered, candidate, judged, table_row, with_rows


def named(test: str, p_value: float | None, **changes: Any) -> Row:
    """A test of GRU against zero: of skill, on squared errors, as long as nothing else is said."""
    note = "" if p_value is not None else "the forecasts are all the same"
    usual: dict[str, Any] = {"of_skill": True, "loss": "squared", "model": "gru", "baseline": "zero"}
    usual |= {"alternative": "less", "statistic": -1.0, "p_value": p_value, "p_adjusted": p_value, "note": note}
    return table_row(TESTS, **{**usual, "test": test, "title": test.title(), "asks": f"{test}?", **changes})


def asked(usual: RunResult, *tests: Row, status: Status = "no evidence") -> RunResult:
    """A run with these tests; the verdict's own has the adjusted p-value of the test itself."""
    result = judged(usual, candidate(status), candidate(status, "lstm"), claims=claims_of(usual, *tests))
    return with_rows(result, TESTS, tests)


def claims_of(usual: RunResult, *tests: Row) -> tuple[Claim, ...]:
    """The claims that these rows make."""
    return tuple(
        Claim(row.model, row.horizon, row.p_value, row.p_adjusted)
        for row in tests
        if is_primary(row, usual.question) and row.p_value is not None
    )


OWN, ABSOLUTE = PRIMARY_TEST, {"loss": "absolute"}
SIGN, SIGN_OF_LSTM = {"loss": "direction", "alternative": "greater"}, {"loss": "direction", "model": "lstm"}


@pytest.mark.parametrize(
    ("tests", "title"),
    [
        (
            [named(OWN, 0.01), named("bold", 0.01)],
            "GRU: 2 of 2 tests of skill find it, including the one behind the verdict",
        ),
        (
            [named(OWN, 0.01), named("bold", 0.2)],
            "GRU: 1 of 2 tests of skill finds it, including the one behind the verdict",
        ),
        ([named(OWN, 0.3), named("bold", 0.01)], "Bold finds skill in GRU; the test behind the verdict does not"),
        (
            [named(OWN, 0.3), named("sign", 0.01, **SIGN)],
            "Sign finds skill in GRU; the test behind the verdict does not",
        ),
        (
            [named(OWN, 0.3), named("bold", 0.01), named("bold", 0.01, model="lstm"), named("bold", 0.01, **ABSOLUTE)],
            (
                "Bold finds skill in GRU and LSTM; Bold on absolute errors finds skill in GRU; "
                "the test behind the verdict does not"
            ),
        ),
        (
            [named("bold", 0.01), named("new", 0.01), named("sign", 0.01, **SIGN_OF_LSTM)],
            "Bold and New find skill in GRU; Sign finds skill in LSTM; the test behind the verdict does not",
        ),
        ([named(OWN, 0.3), named("bold", 0.2)], "No test finds skill against zero"),
        (
            [named(OWN, 0.3), named("bold", None)],
            "No test that could be computed finds skill against zero",
        ),
        (
            [named(OWN, 0.3), named("size", 0.0, of_skill=False)],
            "No test finds skill against zero",
        ),
        (
            [named(OWN, 0.3), named("bold", 0.0, baseline="naive")],
            "No test finds skill against zero",
        ),
        (
            [named(OWN, 0.3), named("bold", 0.01, p_adjusted=0.2), named("bold", 0.6, model="lstm")],
            "No test finds skill against zero once 2 models are allowed for",
        ),
        (
            [named(OWN, 0.01, p_adjusted=0.3), named("bold", 0.2)],
            "No test finds skill against zero once 5 comparisons are allowed for",
        ),
        ([named(OWN, None)], "No test of skill could be computed"),
        ([], "No test of skill could be computed"),
    ],
)
def test_the_title_of_the_tests_says_what_they_say_together(usual: RunResult, tests: list[Row], title: str) -> None:
    result = asked(usual, *tests)
    assert other_tests_title(leading_tests(result), result) == title


@pytest.mark.parametrize(
    ("tests", "text"),
    [
        ([named("bold", 0.1), named("bold", 0.2, model="lstm")], "2 models"),
        ([named("bold", 0.1), named("new", 0.2)], "not adjusted"),
        ([named("bold", 0.1, p_adjusted=None)], "not adjusted"),
        ([named(OWN, 0.1)], "5 comparisons"),
        ([named(OWN, 0.1, loss="weighted")], "not adjusted"),
    ],
)
def test_each_test_says_what_its_p_is_adjusted_over(usual: RunResult, tests: list[Row], text: str) -> None:
    found = asked(usual, *tests)
    result = replace(found, verdict=replace(found.verdict, comparisons=5))
    assert family_text(tests[0], result) == text


def test_clark_west_has_the_p_and_the_family_that_the_verdict_gives_it(usual: RunResult) -> None:
    row = named("clark_west", 0.02, p_adjusted=0.3)
    own = candidate("no evidence", clark_west=ClarkWest(0.02, 0.04, 2))
    found = with_rows(judged(usual, own, candidate("no evidence", "lstm")), TESTS, [row])
    assert (adjusted(row, found), family_text(row, found)) == (0.04, "2 candidates")


def test_no_test_is_believed_where_there_is_too_little_evidence(usual: RunResult) -> None:
    result = asked(usual, named(OWN, 0.01), status="cannot tell")
    assert "There is too little evidence to rely on" in other_tests_title(leading_tests(result), result)


def test_the_numbers_of_a_note_have_three_digits_and_true_minus_signs(usual: RunResult) -> None:
    noted = named(OWN, 0.3)._replace(note="intercept 6.62429e-05, slope -0.0928412")
    (unfolded,) = next(block.inside for block in SECTIONS["tests"](asked(usual, noted)) if isinstance(block, Details))
    assert isinstance(unfolded, Table)
    assert unfolded.rows[0][-1] == "intercept 0.0000662, slope −0.0928"


def test_what_all_tests_agree_on_is_said_of_the_models_that_are_shown_alone(usual: RunResult) -> None:
    four = [replace(usual.candidates[0], model=model) for model in "abcd"]
    tests = tuple(
        named(OWN, p_value, model=model) for model, p_value in zip("abcd", (0.5, 0.5, 0.5, 0.01), strict=True)
    )
    known = replace(usual, verdict=replace(usual.verdict, claims=claims_of(usual, *tests)))
    found = altered(with_rows(known, TESTS, tests), scores=tuple(four))
    assert {row.model for row in leading_tests(found)} == {"a", "b", "c"}
    assert other_tests_title(leading_tests(found), found) == "No test finds skill against zero in the 3 best models"


def test_an_undefined_test_says_so_with_its_reason(usual: RunResult) -> None:
    result = asked(usual, named("sign", None))
    assert answer_table(leading_tests(result), result).rows == (("sign?", "undefined", "–", "Sign"),)
    (unfolded,) = next(block.inside for block in SECTIONS["tests"](result) if isinstance(block, Details))
    assert isinstance(unfolded, Table)
    assert unfolded.rows[0][-1] == "the forecasts are all the same"


def test_the_verdicts_own_test_stands_first_then_those_of_skill(usual: RunResult) -> None:
    tests = [named("a", 0.2, of_skill=False), named(OWN, 0.2, **ABSOLUTE), named("b", 0.2, **SIGN), named("new", 0.2)]
    result = asked(usual, *tests, named(OWN, 0.2), named(OWN, 0.9, model="lstm"))
    assert [(row.test, row.loss) for row in leading_tests(result) if row.model == "gru"] == [
        *((OWN, "squared"), ("new", "squared"), (OWN, "absolute"), ("b", "direction"), ("a", "squared"))
    ]


def test_a_test_is_shown_against_zero_and_for_being_better_as_far_as_it_was_made_so(usual: RunResult) -> None:
    two_sided, naive = named(OWN, 0.1, alternative="two-sided"), named(OWN, 0.2, baseline="naive")
    other = named("mix", 0.3, baseline="naive")
    result = asked(usual, two_sided, naive, named(OWN, 0.4), other)
    assert [(row.test, row.p_value) for row in leading_tests(result)] == [(OWN, 0.4), ("mix", 0.3)]
    assert answer_table(leading_tests(result), result).rows[-1][-1] == "Mix, against naive"


def test_every_test_has_one_answer_per_leading_model(usual: RunResult) -> None:
    table = answer_table(leading_tests(usual), usual)
    assert len(table.rows) == len({(one.test, one.loss) for one in usual.rows(TESTS, fold=None)})
    assert {cell.split(" (")[0] for row in table.rows for cell in row[1:-2]} <= {"yes", "no evidence", "undefined"}


def test_tests_not_of_skill_have_their_own_label_and_losses_are_named(
    usual: RunResult,
) -> None:
    tests = [named(OWN, 0.3), named(OWN, 0.2, **ABSOLUTE), named("size", 0.0, of_skill=False)]
    result = asked(usual, named("mix", 0.0, baseline="naive"), *tests)
    skill, rest = answer_table(leading_tests(result), result).groups
    assert (skill.label, rest.label) == ("Skill against zero", "Other questions")
    assert [row[0] for row in skill.rows] == [f"{OWN}?", f"{OWN}, in absolute errors?"]
    assert {row[0] for row in rest.rows} == {"mix?", "size?"}


def test_a_question_names_the_baseline_where_it_is_not_the_rival(usual: RunResult) -> None:
    asks = {"asks": "Does it help to combine it with the baseline?"}
    result = asked(usual, named(OWN, 0.3, **asks), named("mix", 0.0, baseline="naive", **asks))
    skill, rest = answer_table(leading_tests(result), result).groups
    assert [row[0] for row in skill.rows] == ["Does it help to combine it with the baseline?"]
    assert [row[0] for row in rest.rows] == ["Does it help to combine it with naive?"]


def test_no_answer_is_at_odds_with_the_p_beside_it(usual: RunResult) -> None:
    result = asked(usual, named(OWN, 0.05004), named("bold", 0.05))
    assert [row[1] for row in answer_table(leading_tests(result), result).rows] == [
        "no evidence (0.05004)",
        "yes (0.050)",
    ]


def joint(model: str | None, p_value: float | None, *, selected: bool | None) -> Row:
    return table_row(
        JOINT,
        test="stepwise",
        title="Stepwise",
        model=model,
        p_value=p_value,
        selected=selected,
        asks="which?",
        note="",
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([joint("gru", None, selected=True), joint("lstm", None, selected=False)], "GRU"),
        ([joint("gru", None, selected=False)], "no model"),
        ([joint(None, 0.01, selected=None)], "yes"),
        ([joint(None, 0.06, selected=None)], "no evidence"),
        ([joint(None, None, selected=None)], "undefined"),
    ],
)
def test_a_joint_test_names_the_models_that_it_selects(rows: list[Row], words: str) -> None:
    assert joint_answer(rows, 0.05) == words
