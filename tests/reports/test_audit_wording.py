"""The sentences of an audit: every code has one, times are as a reader expects them, and nothing unknown is claimed."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from backtest.data.records.audit import (
    Counterexample,
    Leak,
    LeakCode,
    Level,
    LevelCode,
    Note,
    NoteCode,
    Numbers,
    Perturbation,
    Subject,
    Trial,
)
from backtest.reports.wording.audit import (
    LEAKS,
    LEVELS,
    NOTES,
    TRIALS,
    checked,
    counterexample_words,
    leak_reason,
    leak_sentence,
    leak_words,
    note_sentence,
    notes,
    subject_words,
)
from tests.support.audits import LEAKS as FOUND
from tests.support.audits import leaky, level, passed

HOURS: dict[str, Any] = {"time": "2024-01-05T13:00:00+00:00", "reads": "2024-01-05T14:00:00+00:00", "ahead": 1}
RIDGE = Subject("model", "ridge", 3)


def test_every_code_has_its_words() -> None:
    trials = {trial for kinds in get_args(Trial) for trial in get_args(kinds)}
    assert set(LEVELS) == set(get_args(LevelCode))
    assert set(LEAKS) == set(get_args(LeakCode))
    assert set(NOTES) == set(get_args(NoteCode))
    assert set(TRIALS) == trials > set(get_args(Perturbation))


@pytest.mark.parametrize("code", get_args(LeakCode))
def test_every_leak_is_worded_even_without_its_numbers(code: LeakCode) -> None:
    sentence, remedy = leak_words(Leak(code, RIDGE)).split("\n  what to do: ")
    assert remedy
    assert "{" not in sentence
    assert "None" not in sentence


@pytest.mark.parametrize("code", get_args(NoteCode))
def test_every_note_is_worded(code: NoteCode) -> None:
    numbers: Numbers = {"bars": 10_000, "total": 20_000}
    assert "{" not in note_sentence(Note(code, RIDGE, "noise", numbers, ("x",), "ValueError: no"))


@pytest.mark.parametrize(
    ("leak", "sentence"),
    [
        (FOUND[0], "feature my_feature reads the future"),
        (FOUND[1], "feature other depends on bars before its look-back of 3"),
        (
            Leak("known_before_close", Subject("features"), numbers={"count": 1_240}),
            "1,240 rows of features claim to be known before their bar has closed",
        ),
        (
            Leak("stamped_early", Subject("series", "funding"), numbers={"count": 1}),
            "external series funding has 1 value stamped before the end of the period they cover",
        ),
        (
            Leak("read_before_publication", Subject("feature", "x"), names=("random_walk",)),
            "feature x reads external series random_walk before it was published",
        ),
        (
            Leak("label_not_known", Subject("fold", "training", 2), numbers={"count": 5}),
            "fold 2, training learns from 5 labels not known yet when the next span begins",
        ),
        (
            Leak("window_too_long", Subject("fold", "test", 0), numbers={"count": 2}),
            "fold 0, test has 2 windows that extend past the forecast origin",
        ),
        (
            Leak(
                "fold_not_isolated",
                RIDGE,
                numbers={"moved": 3, "forecasts": 1_200, "largest": 0.01234},
                names=("weights", "mean"),
            ),
            (
                "model ridge, fold 3 forecasts differently when later rows are replaced: 3 of 1,200 forecasts moved, "
                "by up to 0.012, fitted arrays differ: weights and mean"
            ),
        ),
        (
            Leak("depends_on_other_fits", RIDGE, names=("weights",)),
            (
                "model ridge, fold 3 forecasts differently when it is fitted again after the other folds: fitted "
                "arrays differ: weights"
            ),
        ),
        (
            Leak(
                "skill_on_placebo",
                Subject("model", "ridge"),
                numbers={"skill": 0.4567, "p_value": 0.00012},
                names=("random_walk",),
            ),
            (
                "model ridge has skill where none is possible: +45.67% against zero with a random walk with GARCH "
                "volatility, p = 0.0001 in sign and rank tests, and again in a second draw"
            ),
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Leak) else "",
)
def test_a_leak_in_words(leak: Leak, sentence: str) -> None:
    assert leak_sentence(leak) == sentence


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (Subject("feature", "x"), "feature x"),
        (Subject("forecast", "y_hat"), "forecast y_hat"),
        (Subject("features"), "rows of features"),
        (Subject("labels"), "labels"),
        (Subject("series", "funding"), "external series funding"),
        (Subject("fold", "", 0), "fold 0"),
        (Subject("fold", "training", 0), "fold 0, training"),
        (Subject("model", "ridge"), "model ridge"),
        (RIDGE, "model ridge, fold 3"),
    ],
)
def test_a_subject_in_words(subject: Subject, words: str) -> None:
    assert subject_words(subject) == words


def test_the_reason_is_a_clause_about_the_first_leak() -> None:
    assert leak_reason(passed().leaks) == ""
    assert leak_reason(leaky(FOUND[0]).leaks) == "the audit found that feature my_feature reads the future"
    assert leak_reason(leaky().leaks) == "the audit found that feature my_feature reads the future (and 1 more)"


def test_what_a_level_checked_is_counted_and_its_notes_follow() -> None:
    assert checked(level(1)) == "2 features, 1,240 bars, 181 trials"
    assert checked(level(3)) == "1,240 rows, labels at 24 instants, windows of 3 folds"
    counts = {"rows": 1, "series": 2, "instants": 6, "folds": 1}
    assert checked(Level(3, "availability", counts)) == (
        "1 row, external series: 2, labels at 6 instants, windows of 1 fold"
    )
    assert checked(level(5)) == "7 models, 2 placebos, 30 fits"
    assert notes(level(4)) == [
        "model gru, fold 0: two fits on the same rows differ in their state or last digits: no leak"
    ]


def test_a_level_that_was_not_run_says_why_instead_of_counts() -> None:
    quick = level(5, depth="quick")
    assert (checked(quick), notes(quick)) == ("only in the full audit", [])
    failed = Note("not_computed", trial="series_noise", names=("funding",), error="KeyError: 'rate'")
    assert note_sentence(failed) == (
        "the features could not be computed with noise in later values of funding: KeyError: 'rate'"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (HOURS, "x at 2024-01-05 13:00 reads the bar of 2024-01-05 14:00, 1 bar ahead (with noise there, the value"),
        (HOURS | {"symbol": "BTC"}, "x of BTC at 2024-01-05 13:00 reads the bar of"),
        (
            HOURS | {"time": "2024-01-05T00:00:00Z", "reads": "2024-01-06T00:00:00Z", "ahead": 24},
            "x at 2024-01-05 00:00 reads the bar of 2024-01-06 00:00, 24 bars ahead (",
        ),
        (
            {"time": "2024-01-05T00:00:00Z", "reads": "2024-01-10T00:00:00Z", "ahead": 3},
            "x at 2024-01-05 reads the bar of 2024-01-10, 3 bars ahead (",
        ),
        (
            {
                "time": "2024-01-05T00:00:00Z",
                "reads": "2024-01-02T00:00:00Z",
                "ahead": -3,
                "perturbation": "removed",
            },
            "x at 2024-01-05 reads the bar of 2024-01-02, 3 bars back (with nothing there, the value changes)",
        ),
        (HOURS | {"ahead": None}, "x at 2024-01-05 13:00 reads the value of 2024-01-05 14:00 (with noise there,"),
        (
            {"time": HOURS["time"], "perturbation": None, "known_at": HOURS["reads"], "limit": HOURS["time"]},
            "x at 2024-01-05 13:00: known at 2024-01-05 14:00, used at 2024-01-05 13:00",
        ),
        (
            {"time": HOURS["time"], "perturbation": None, "known_at": HOURS["time"], "limit": HOURS["reads"]},
            "x at 2024-01-05 13:00: claims to be known at 2024-01-05 13:00, but ends at 2024-01-05 14:00",
        ),
        (
            {"time": HOURS["time"], "known_at": HOURS["reads"], "limit": HOURS["reads"]},
            (
                "x at 2024-01-05 13:00: claims to be known at 2024-01-05 14:00, but changes with noise in bars that "
                "close after 2024-01-05 14:00"
            ),
        ),
        ({"time": HOURS["time"], "perturbation": "targets_negated"}, "x at 2024-01-05 13:00: changes with targets of"),
        ({"time": "2024-01-05T00:00:00+00:00", "perturbation": None}, "x at 2024-01-05"),
        (HOURS | {"time": "some day"}, "x at some day reads the bar of 2024-01-05 14:00"),
        (HOURS | {"time": "2024-01-05T13:00:00"}, "x at 2024-01-05 13:00 reads the bar of 2024-01-05 14:00"),
    ],
)
def test_a_counterexample_in_words(changes: dict[str, Any], words: str) -> None:
    shown = Counterexample(**{"column": "x", "symbol": "", "time": "", "perturbation": "noise", **changes})
    assert counterexample_words(shown).startswith(words)
