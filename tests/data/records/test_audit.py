"""What an audit found survives its file to the byte, a damaged file is refused, and the first leak is the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import RunError
from backtest.data.records.audit import Audit, Counterexample, Leak, Level
from tests.support.audits import LEAKS, leaky, level, passed

# text as UTF-8 holds it: half a surrogate pair is none
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WITNESSES = st.builds(Counterexample, TEXTS, TEXTS, TEXTS, st.none() | TEXTS, st.none() | st.integers(-500, 500), TEXTS)
FOUND = st.lists(st.builds(Leak, TEXTS, TEXTS, TEXTS, st.none() | WITNESSES), max_size=3).map(tuple)
NOTES = st.lists(TEXTS, max_size=2).map(tuple)
LEVELS = st.lists(st.builds(Level, st.integers(1, 5), TEXTS, TEXTS, FOUND, NOTES, st.booleans()), max_size=5).map(tuple)
AUDITS = st.builds(Audit, st.sampled_from(["quick", "full"]), TEXTS, LEVELS)


@given(AUDITS)
def test_an_audit_survives_its_text_to_the_byte(audit: Audit) -> None:
    text = audit.to_json()
    assert Audit.from_json(text) == audit
    assert Audit.from_json(text).to_json() == text
    assert text.encode().decode() == text


@given(AUDITS)
def test_leaks_stand_in_the_order_of_levels_and_the_first_is_the_reason(audit: Audit) -> None:
    leaks = [leak for level in audit.levels for leak in level.leaks]
    assert list(audit.leaks) == leaks
    assert audit.passed == (not leaks) == (audit.reason == "")
    if leaks:
        more = f" (and {len(leaks) - 1} more)" if len(leaks) > 1 else ""
        assert audit.reason == f"the audit found that {leaks[0].subject} {leaks[0].seen}{more}"


def test_the_reason_is_a_clause() -> None:
    assert passed().reason == ""
    assert leaky(LEAKS[0]).reason == "the audit found that feature my_feature reads bars that come later"
    assert leaky().reason == "the audit found that feature my_feature reads bars that come later (and 1 more)"


@pytest.mark.parametrize(
    ("leaks", "done", "state"),
    [((), True, "passed"), (LEAKS, True, "leak"), ((), False, "not run"), (LEAKS, False, "leak")],
)
def test_a_level_says_in_a_word_what_came_of_it(leaks: tuple[Leak, ...], done: bool, state: str) -> None:
    assert Level(1, "causality of features", "2 features", leaks, done=done).state == state


def test_an_audit_that_left_a_level_out_passes_without_it() -> None:
    quick = passed("quick")
    assert [level.state for level in quick.levels] == ["passed"] * 4 + ["not run"]
    assert quick.passed


def changed(*path: str | int, value: Any) -> str:
    """The text of an audit with leaks, one value in it replaced, or taken out if that is None."""
    content = json.loads(leaky().to_json())
    *way, last = path
    place = content
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return json.dumps(content)


DAMAGED = {
    "no object": "[]",
    "an empty object": "{}",
    "null": "null",
    "a depth that is none": changed("depth", value="shallow"),
    "no key": changed("key", value=None),
    "levels that are none": changed("levels", value=3),
    "levels as text": changed("levels", value="passed"),
    "a level that is none": changed("levels", 0, value="passed"),
    "a level without a number": changed("levels", 0, "number", value=None),
    "a level of another type": changed("levels", 0, "name", value=5),
    "a leak without a remedy": changed("levels", 0, "leaks", 0, "remedy", value=None),
    "a leak that is none": changed("levels", 0, "leaks", value=["x"]),
    "leaks that are none": changed("levels", 0, "leaks", value=0),
    "a counterexample that is none": changed("levels", 0, "leaks", 0, "counterexample", value="here"),
    "a distance that is none": changed("levels", 0, "leaks", 0, "counterexample", "ahead", value="far"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_text_is_refused_in_plain_words(damage: str) -> None:
    with pytest.raises(RunError, match=r"^audit\.json: expected what .*: audit the run again"):
        Audit.from_json(DAMAGED[damage])


@given(AUDITS, st.data())
def test_a_piece_of_an_audit_is_never_taken_for_one(audit: Audit, data: st.DataObject) -> None:
    text = audit.to_json()
    with pytest.raises(RunError, match=r"audit\.json: expected"):
        Audit.from_json(text[: data.draw(st.integers(0, len(text) - 3))])


def test_levels_are_read_back_as_they_were_written() -> None:
    assert Audit.from_json(leaky().to_json()).levels == (level(1, LEAKS), *map(level, range(2, 6)))
