"""Numbers are rounded so that they never mislead, and sentences agree with their subjects."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.names import RANKING, Status
from backtest.data.question import Question
from backtest.data.records.audit import Audit, Leak, Level, Subject
from backtest.data.records.verdict import Claim, Reason, ReasonCode, Verdict
from backtest.reports.wording.effects import chance_text, effect_text
from backtest.reports.wording.verdict import (
    candidate_name,
    headline,
    reason_words,
    remark,
    sentences,
)
from tests.support.candidates import candidate, verdict

FRAGILE = ", but not without one of the folds"
FINITE = st.floats(-50, 0.999)


@pytest.mark.parametrize(
    ("skill", "low", "high", "text"),
    [
        (0.004, -0.003, 0.011, "squared error 0.4 % lower, 95 % CI -0.3 to +1.1 %"),
        (-0.012, -0.023, -0.001, "squared error 1.2 % higher, 95 % CI of the gain -2.3 to -0.1 %"),
        (0.00031, -0.00008, 0.0007, "squared error 0.03 % lower, 95 % CI -0.01 to +0.07 %"),
        (0.0002, -0.0098, 0.0102, "squared error 0.02 % lower, 95 % CI -0.98 to +1.02 %"),
        (-0.0, -0.01, 0.01, "squared error 0.0 % lower, 95 % CI -1.0 to +1.0 %"),
        (-0.005, -0.01, 0.0002, "squared error 0.50 % higher, 95 % CI of the gain -1.00 to +0.02 %"),
        (0.0, -0.01, 0.01, "squared error 0.0 % lower, 95 % CI -1.0 to +1.0 %"),
        (-35.1, -40.0, -30.2, "squared error 3,510.0 % higher, 95 % CI of the gain -4,000.0 to -3,020.0 %"),
        (0.5, None, None, "squared error 50.0 % lower"),
    ],
)
def test_effects_read_as_gains(skill: float, low: float | None, high: float | None, text: str) -> None:
    assert effect_text(skill, low, high) == text


@given(FINITE, st.floats(1e-9, 10))
def test_no_effect_shows_a_signed_zero_and_the_interval_is_in_order(skill: float, reach: float) -> None:
    text = effect_text(skill, skill - reach, skill + reach)
    assert not re.search(r"[+-]0\.0*(?![\d.])", text)
    size, low, high = (float(number.replace(",", "")) for number in re.findall(r"[+-]?[\d,]+\.\d+", text))
    gain = -size if "higher" in text else size
    assert low <= gain <= high or "less than" in text


def test_both_p_values_stand_side_by_side() -> None:
    assert chance_text(0.31, 0.62, 0.05) == "DM p = 0.31 (adjusted 0.62)"
    assert chance_text(1e-9, 0.002, 0.05) == "DM p < 0.001 (adjusted 0.002)"
    assert chance_text(0.013, 0.026, 0.05, worse=True) == "DM p of being worse = 0.013 (adjusted 0.026)"


def test_the_end_that_decides_is_never_rounded_away() -> None:
    assert effect_text(-0.059, -0.117, -0.0001).endswith("95 % CI of the gain -11.70 to -0.01 %")
    assert effect_text(0.007, -0.0004, 0.0152).endswith("95 % CI -0.04 to +1.52 %")


def found(*models: tuple[Status, str, bool]) -> Verdict:
    """A verdict on models given as (status, model, fragile)."""
    return verdict(*(candidate(status, model, fragile=fragile) for status, model, fragile in models))


def test_the_sentence_has_the_promised_form() -> None:
    numbers = {"skill": 0.004, "skill_low": -0.003, "skill_high": 0.011, "p_value": 0.31, "p_adjusted": 0.62}
    seeds = {"seeds": 2, "seed_verdicts": ("no evidence", "no evidence"), "detectable": 0.031}
    one = candidate("no evidence", "lstm", **numbers, **seeds)
    assert sentences(verdict(one, forecasts=8640, folds=12))[0] == (
        "No evidence that LSTM beats zero: squared error 0.4 % lower, 95 % CI -0.3 to +1.1 %; DM p = 0.31 (adjusted "
        "0.62), 8,640 forecasts, 12 folds, 2 seeds (no seed alone beats zero). This sample would have shown a gain of "
        "3.1 % or more."
    )


def test_better_and_worse_are_said_with_the_p_of_their_own_direction() -> None:
    better = candidate("better", "lstm", skill=0.02, skill_low=0.01, skill_high=0.03, p_value=1e-5, p_adjusted=2e-5)
    assert sentences(verdict(better))[0].startswith(
        "LSTM beats zero: squared error 2.0 % lower, 95 % CI +1.0 to +3.0 %; DM p < 0.001"
    )
    numbers = {"skill": -0.02, "skill_low": -0.03, "skill_high": -0.01, "p_worse": 0.004, "p_worse_adjusted": 0.008}
    worse = candidate("worse", "lstm", p_value=0.996, p_adjusted=1.0, **numbers)
    assert sentences(verdict(worse))[0].startswith(
        "LSTM does worse than zero: squared error 2.0 % higher, 95 % CI of the gain -3.0 to -1.0 %; "
        "DM p of being worse = 0.004 (adjusted 0.008)"
    )


def test_a_sentence_opens_with_a_capital() -> None:
    numbers = {"skill": 0.02, "p_value": 0.001, "p_adjusted": 0.002}
    assert sentences(verdict(candidate("better", "ridge", **numbers)))[0].startswith("Ridge beats zero: ")


def test_seeds_are_counted_where_a_model_has_some() -> None:
    numbers = {"skill": 0.02, "p_value": 0.001, "p_adjusted": 0.002}
    seeded = candidate("better", "lstm", seeds=2, seed_verdicts=("better", "no evidence"), **numbers)
    said = sentences(verdict(seeded, candidate("better", "ridge", **numbers)))
    assert "2 seeds (1 alone beats zero)" in said[0]
    assert "seed" not in said[1]


@pytest.mark.parametrize(
    ("alone", "words"),
    [
        (("no evidence", "worse", "cannot tell"), "3 seeds (no seed alone beats log HAR)"),
        (("better", "no evidence", "no evidence"), "3 seeds (1 alone beats log HAR)"),
        (("better", "better", "no evidence"), "3 seeds (2 alone beat log HAR)"),
    ],
)
def test_seeds_are_counted_against_the_rival_of_the_run(alone: tuple[Status, ...], words: str) -> None:
    numbers = {"skill": 0.02, "p_value": 0.2, "p_adjusted": 0.4}
    seeded = candidate("no evidence", "lstm", seeds=3, seed_verdicts=alone, **numbers)
    asked = Question(target="log_variance", rival="log_har", loss="qlike")
    assert words in sentences(verdict(seeded, question=asked))[0]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason("few_folds", 2, 3), "2 folds, at least 3 are needed"),
        (Reason("few_differences", 29, 30), "29 loss differences, at least 30 are needed"),
        (Reason("all_zero"), "the rival makes no loss"),
        (Reason("undefined_test", note="the losses do not differ"), "the losses do not differ"),
        (Reason("no_forecasts"), "its forecasts do not cover the same rows as those of the rival"),
    ],
)
def test_every_reason_is_said(reason: Reason, text: str) -> None:
    unknown = candidate("cannot tell", "lstm", reason=reason, seeds=2)
    assert sentences(verdict(unknown, forecasts=1000, folds=2)) == (
        f"Cannot tell whether LSTM beats zero: {text}. 1,000 forecasts, 2 folds, 2 seeds.",
    )


def test_every_reason_code_has_its_words() -> None:
    assert all(reason_words(Reason(code, 1, 2, "note")) for code in get_args(ReasonCode))


def test_a_leak_is_named_where_the_audit_is_known() -> None:
    leaky = verdict(candidate("leak suspected", "lstm", reason=Reason("leak")))
    level = Level(4, "fold_isolation", {"folds": 3}, (Leak("forecasts_ignore_rows", Subject("model", "gru", 2)),))
    audit = Audit("quick", "key", (level,))
    opening = "Leak suspected, no conclusion about LSTM: "
    assert sentences(leaky)[0].startswith(f"{opening}see the leak audit of the run.")
    assert sentences(leaky, audit)[0].startswith(
        f"{opening}the audit found that model gru, fold 2 forecasts the same when every bar is replaced."
    )


def test_horizons_are_told_apart_by_name() -> None:
    one, five = candidate("no evidence", "lstm"), candidate("no evidence", "lstm", horizon=5)
    missing = candidate("cannot tell", "gru", horizon=0)
    names = [candidate_name(each, verdict(one, five, missing)) for each in (one, five, missing)]
    assert names == ["LSTM at 1 bar", "LSTM at 5 bars", "GRU"]
    assert candidate_name(one, verdict(one, missing)) == "LSTM"


def test_the_remark_says_what_else_was_tried() -> None:
    claims = (Claim("lstm", 1, 0.1, 0.2), Claim("gru", 1, 0.2, 0.4))
    one = candidate("no evidence")
    assert remark(verdict(one, claims=claims, comparisons=2)) == ""
    assert remark(verdict(one, claims=claims, configurations=50, comparisons=51)) == (
        "50 configurations were tried on these bars: the adjusted p allows for all 51 different comparisons, not only "
        "for the 2 of this run."
    )
    assert remark(verdict(one, claims=claims, configurations=3, comparisons=2)) == (
        "3 configurations were tried on these bars, but no forecasts other than these."
    )


@pytest.mark.parametrize(
    ("models", "text"),
    [
        (
            [("no evidence", "lstm", False), ("no evidence", "gru", False)],
            "No evidence of skill: LSTM and GRU do not forecast significantly better than zero.",
        ),
        (
            [("no evidence", "lstm", False)],
            "No evidence of skill: LSTM does not forecast significantly better than zero.",
        ),
        (
            [("better", "lstm", False), ("better", "gru", False)],
            "Evidence of skill: LSTM and GRU forecast better than zero.",
        ),
        (
            [("better", "gru", False), ("no evidence", "lstm", False)],
            "Evidence of skill: GRU forecasts better than zero; LSTM does not forecast significantly better than zero.",
        ),
        (
            [("worse", "A", False), ("worse", "B", False), ("worse", "C", False)],
            "Negative skill: A, B and C forecast worse than zero.",
        ),
        (
            [("no evidence", "gru", False), ("worse", "A", False)],
            "No evidence of skill: GRU does not forecast significantly better than zero; A forecasts worse than zero.",
        ),
        ([("cannot tell", "lstm", False)], "Cannot tell: the evidence is insufficient to judge LSTM."),
        (
            [("better", "lstm", True), ("better", "gru", False)],
            f"Evidence of skill: GRU forecasts better than zero; LSTM forecasts better than zero{FRAGILE}.",
        ),
        (
            [("better", "lstm", True)],
            "Fragile evidence of skill: LSTM forecasts better than zero, but not without one of the folds.",
        ),
        (
            [("worse", "A", True)],
            "Negative skill, but fragile: A forecasts worse than zero, but not without one of the folds.",
        ),
        ([("leak suspected", "lstm", False)], "Leak suspected: no number of this run can be trusted."),
    ],
)
def test_headlines_say_all_in_one_sentence(models: list[tuple[Status, str, bool]], text: str) -> None:
    assert headline(found(*models)) == text


def test_references_alone_leave_nothing_to_judge() -> None:
    empty = verdict()
    assert headline(empty) == "Nothing to judge: the run has no model besides the references."
    assert sentences(empty) == ()


NAMED = st.tuples(st.sampled_from(RANKING), st.sampled_from(["lstm", "gru", "ar"]), st.booleans())


@given(st.lists(NAMED, min_size=1, max_size=4))
def test_a_headline_names_every_model_and_opens_by_the_strongest_claim(models: list[tuple[Status, str, bool]]) -> None:
    ordered = sorted(models, key=lambda one: RANKING.index(one[0]))
    text = headline(found(*ordered))
    statuses = {status for status, _, _ in models}
    leak = "leak suspected" in statuses
    assert leak or all(model.upper() in text for _, model, _ in models)
    assert text.startswith("Leak suspected: ") == leak
    sound = any(status == "better" and not fragile for status, _, fragile in models)
    assert text.startswith("Evidence of skill: ") == (sound and not leak)
    assert text.endswith(".")
    assert text.count(".") == 1


@pytest.mark.parametrize(("number", "text"), [(0.013, "1.3"), (0.00074, "0.074"), (0.5, "50")])
def test_the_smallest_gain_has_two_digits(number: float, text: str) -> None:
    one = candidate("no evidence", skill=0.0, p_value=0.5, p_adjusted=1.0, detectable=number)
    assert sentences(verdict(one, forecasts=100, folds=4))[0].endswith(f"would have shown a gain of {text} % or more.")


@pytest.mark.parametrize(("p_value", "text"), [(0.2, "is 0.20"), (0.0504, "is 0.0504"), (1e-5, "is below 0.001")])
def test_a_fragile_claim_says_what_is_left_without_the_fold_that_carries_it(p_value: float, text: str) -> None:
    numbers: dict[str, Any] = {"skill": 0.01, "p_value": 0.001, "p_adjusted": 0.002}
    one = candidate("better", fragile=True, worst_p=p_value, worst_fold=3, **numbers)
    assert sentences(verdict(one, forecasts=100, folds=4))[0].endswith(
        f"Fragile: without fold 3 the adjusted p {text}."
    )


def test_a_gain_of_more_than_everything_could_not_have_shown() -> None:
    one = candidate("no evidence", skill=0.0, p_value=0.5, p_adjusted=1.0, detectable=1.84)
    assert sentences(verdict(one, forecasts=30, folds=4))[0].endswith(
        "This sample is too small to detect even a perfect forecast."
    )


def test_a_gain_that_showed_by_luck_is_not_called_too_small_to_show() -> None:
    one = candidate("better", skill=0.2, p_value=0.001, p_adjusted=0.001, detectable=0.31)
    assert "would have shown" not in sentences(verdict(one, forecasts=300, folds=4))[0]
