"""What an audit found survives its file to the byte, and a damaged file is refused."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import RunError
from backtest.data.records.audit import (
    Audit,
    Counterexample,
    Leak,
    LeakCode,
    Level,
    Note,
    NoteCode,
    Perturbation,
    Subject,
    SubjectKind,
    Trial,
)
from tests.support.audits import CODES, LEAKS, leaky, level, passed

# text as UTF-8 holds it: half a surrogate pair is none
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SUBJECTS = st.builds(Subject, st.sampled_from(get_args(SubjectKind)), TEXTS, st.none() | st.integers(0, 99))
NUMBERS = st.dictionaries(TEXTS, st.integers(0, 999) | st.floats(allow_nan=False, allow_infinity=False), max_size=2)
NAMES = st.lists(TEXTS, max_size=2).map(tuple)
COUNTEREXAMPLES = st.builds(
    Counterexample,
    *(TEXTS, TEXTS, TEXTS, st.none() | TEXTS, st.none() | st.integers(-500, 500)),
    *(st.none() | st.sampled_from(get_args(Perturbation)), st.none() | TEXTS, st.none() | TEXTS),
)
FOUND = st.lists(
    st.builds(Leak, st.sampled_from(get_args(LeakCode)), SUBJECTS, st.none() | COUNTEREXAMPLES, NUMBERS, NAMES, TEXTS),
    max_size=3,
).map(tuple)
TRIALS = st.none() | st.sampled_from([trial for kinds in get_args(Trial) for trial in get_args(kinds)])
NOTES = st.lists(
    st.builds(Note, st.sampled_from(get_args(NoteCode)), st.none() | SUBJECTS, TRIALS, NUMBERS, NAMES, TEXTS),
    max_size=2,
).map(tuple)
COUNTS = st.dictionaries(TEXTS, st.integers(0, 999), max_size=3)
LEVELS = st.lists(
    st.builds(Level, st.integers(1, 5), st.sampled_from(CODES), COUNTS, FOUND, NOTES, st.booleans()), max_size=5
).map(tuple)
AUDITS = st.builds(Audit, st.sampled_from(["quick", "full"]), TEXTS, LEVELS)


@given(AUDITS)
def test_an_audit_survives_its_text_to_the_byte(audit: Audit) -> None:
    text = audit.to_json()
    assert Audit.from_json(text) == audit
    assert Audit.from_json(text).to_json() == text
    assert text.encode().decode() == text
    assert hash(Audit.from_json(text)) == hash(audit)


@given(AUDITS)
def test_leaks_are_in_the_order_of_levels(audit: Audit) -> None:
    leaks = [leak for level in audit.levels for leak in level.leaks]
    assert list(audit.leaks) == leaks
    assert audit.passed == (not leaks)


@pytest.mark.parametrize(
    ("leaks", "done", "state"),
    [((), True, "passed"), (LEAKS, True, "leak"), ((), False, "not run"), (LEAKS, False, "leak")],
)
def test_a_level_gives_its_result_in_a_word(leaks: tuple[Leak, ...], done: bool, state: str) -> None:
    assert Level(1, "causality", {"features": 2}, leaks, done=done).state == state


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
    "a level of another type": changed("levels", 0, "code", value=5),
    "a level that does not exist": changed("levels", 0, "code", value="seal"),
    "counts that are none": changed("levels", 0, "checked", value="2 features, 1,240 bars"),
    "a leak without a subject": changed("levels", 0, "leaks", 0, "subject", value=None),
    "a leak of a kind that does not exist": changed("levels", 0, "leaks", 0, "code", value="reads the future"),
    "numbers that are none": changed("levels", 0, "leaks", 0, "numbers", value={"lookback": "long"}),
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


def test_an_audit_in_sentences_of_an_earlier_version_is_refused() -> None:
    earlier = {"number": 1, "name": "causality of features", "checked": "2 features", "leaks": [], "notes": []}
    text = json.dumps({"depth": "full", "key": "0" * 64, "levels": [{**earlier, "done": True}]})
    with pytest.raises(RunError, match=r"^audit\.json: expected .*code: Field required.*: audit the run again"):
        Audit.from_json(text)


def test_levels_are_read_back_as_they_were_written() -> None:
    assert Audit.from_json(leaky().to_json()).levels == (level(1, LEAKS), *map(level, range(2, 6)))
