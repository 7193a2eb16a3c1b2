"""Numbers are rounded so that they never mislead, and sentences agree with their subjects."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.names import RANKING, Status
from backtest.data.records.audit import Audit, Leak, Level, Subject
from backtest.data.records.verdict import (
    Claim,
    ClarkWest,
    Concentration,
    Declared,
    Forgotten,
    Reason,
    ReasonCode,
    Verdict,
    Weighted,
)
from backtest.reports.wording.effects import effect_text, equal_p
from backtest.reports.wording.evidence import days_text, reason_words, sentences
from backtest.reports.wording.verdict import candidate_name, headline, remark, suspicion
from tests.support.candidates import candidate, verdict

FRAGILE = ", but not without one of the folds"
FINITE = st.floats(-50, 0.999)


@pytest.mark.parametrize(
    ("skill", "low", "high", "text"),
    [
        (0.004, -0.003, 0.011, "MSE 0.4 % lower (-0.3 to +1.1 %)"),
        (-0.012, -0.023, -0.001, "MSE 1.2 % higher (-2.3 to -0.1 %)"),
        (0.00031, -0.00008, 0.0007, "MSE 0.03 % lower (-0.01 to +0.07 %)"),
        (0.0002, -0.0098, 0.0102, "MSE 0.02 % lower (-0.98 to +1.02 %)"),
        (-0.0, -0.01, 0.01, "MSE 0.0 % lower (-1.0 to +1.0 %)"),
        (-0.005, -0.01, 0.0002, "MSE 0.50 % higher (-1.00 to +0.02 %)"),
        (0.0, -0.01, 0.01, "MSE 0.0 % lower (-1.0 to +1.0 %)"),
        (-35.1, -40.0, -30.2, "MSE 3,510.0 % higher (-4,000.0 to -3,020.0 %)"),
        (0.5, None, None, "MSE 50.0 % lower"),
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


def test_a_p_value_has_a_sign_of_equality_unless_it_is_too_small() -> None:
    assert (equal_p(0.31, 0.05), equal_p(1e-9, 0.05)) == ("= 0.31", "< 0.001")


def test_the_end_that_decides_is_never_rounded_away() -> None:
    assert effect_text(-0.059, -0.117, -0.0001).endswith("(-11.70 to -0.01 %)")
    assert effect_text(0.007, -0.0004, 0.0152).endswith("(-0.04 to +1.52 %)")


def found(*models: tuple[Status, str, bool]) -> Verdict:
    """A verdict on models given as (status, model, fragile)."""
    return verdict(*(candidate(status, model, fragile=fragile) for status, model, fragile in models))


UNSURE: dict[str, Any] = {"skill": 0.004, "skill_low": -0.003, "skill_high": 0.011, "p_value": 0.31, "p_adjusted": 0.62}


def test_each_candidate_has_a_line_and_the_counts_stand_once() -> None:
    lstm = candidate("no evidence", "lstm", **UNSURE, seeds=2, detectable=0.031)
    gru = candidate("no evidence", "gru", **{**UNSURE, "skill": -0.012, "p_adjusted": 0.9}, seeds=2, detectable=0.02)
    assert sentences(verdict(lstm, gru, forecasts=8640, folds=12, comparisons=14)) == (
        "LSTM: MSE 0.4 % lower (-0.3 to +1.1 %), adjusted p = 0.62.",
        "GRU: MSE 1.2 % higher (-0.3 to +1.1 %), adjusted p = 0.90.",
        (
            "8,640 forecasts, 12 folds, 2 seeds. MSE against zero, 95 % intervals of the gain; p one-sided, adjusted "
            "for 14 comparisons."
        ),
        "In four of five cases this sample would have shown gains of: GRU 2.0 %, LSTM 3.1 % or more.",
    )


def weighted(**changes: float) -> Weighted:
    """What a test on weighted errors found."""
    known = {"skill": 0.009, "skill_low": 0.002, "skill_high": 0.016, "p_value": 0.004, "p_adjusted": 0.01}
    return Weighted(**{**known, "p_worse": 0.996, "p_worse_adjusted": 1.0, **changes})


@pytest.mark.parametrize(
    ("found_by", "line"),
    [
        (
            ("weighted",),
            (
                "LSTM, better by weighted errors: weighted MSE 0.9 % lower (+0.2 to +1.6 %), adjusted p = 0.010, "
                "plain 0.62 (MSE 0.4 % lower)."
            ),
        ),
        (
            ("squared",),
            "LSTM, better by plain errors: MSE 0.4 % lower (-0.3 to +1.1 %), adjusted p = 0.62, weighted 0.010.",
        ),
        (
            ("squared", "weighted"),
            "LSTM, better by both tests: MSE 0.4 % lower (-0.3 to +1.1 %), adjusted p = 0.62, weighted 0.010.",
        ),
    ],
)
def test_a_claim_names_the_test_that_made_it(found_by: tuple[str, ...], line: str) -> None:
    one = candidate("better", "lstm", **UNSURE, weighted=weighted(), found_by=found_by)
    assert sentences(verdict(one))[0] == line


def test_a_p_that_is_small_before_adjustment_only_is_told() -> None:
    numbers = UNSURE | {"p_value": 0.03, "p_adjusted": 0.12}
    own = weighted(p_value=0.01, p_adjusted=0.07)
    assert sentences(verdict(candidate("no evidence", "lstm", **numbers, weighted=own)))[0].endswith(
        "adjusted p = 0.12 (0.030 before adjustment), weighted 0.070 (0.010 before adjustment)."
    )


def test_being_worse_is_said_with_the_p_of_its_own_direction() -> None:
    numbers = {"skill": -0.02, "skill_low": -0.03, "skill_high": -0.01, "p_worse": 0.004, "p_worse_adjusted": 0.008}
    worse = candidate("worse", "lstm", p_value=0.996, p_adjusted=1.0, **numbers)
    assert sentences(verdict(worse))[0] == (
        "LSTM, worse: MSE 2.0 % higher (-3.0 to -1.0 %), adjusted p of being worse = 0.008."
    )


def test_a_line_opens_with_a_capital() -> None:
    assert sentences(verdict(candidate("better", "ridge", **UNSURE)))[0].startswith("Ridge, better: ")


def test_knowing_something_that_does_not_pay_is_said_with_its_p_and_family() -> None:
    known = {"clark_west": ClarkWest(0.004, 0.008, 2), "sub_verdict": "does_not_pay"}
    one = candidate("worse", "lstm", **UNSURE, **known)
    said = "LSTM (0.008) knows something, but it does not pay: Clark-West p, adjusted for 2 tests."
    assert said in sentences(verdict(one))
    assert said not in sentences(verdict(replace(one, sub_verdict=None)))
    two = (candidate("no evidence", model, **UNSURE, **known) for model in ("lstm", "gru"))
    both = "LSTM (0.008) and GRU (0.008) know something, but it is not shown to pay: Clark-West p, adjusted for 2 "
    assert f"{both}tests." in sentences(verdict(*two))


@pytest.mark.parametrize(
    ("first", "last", "days", "text"),
    [
        ("2008-10-06", "2008-10-17", 10, "10 days of October 2008 hold much"),
        ("2008-09-30", "2008-10-02", 3, "3 days from 30 September to 2 October 2008 hold much"),
        ("2008-12-31", "2009-01-02", 2, "2 days from 31 December 2008 to 2 January 2009 hold much"),
        ("2020-03-16", "2020-03-16", 1, "16 March 2020 holds much"),
        ("odd", "odder", 2, "2 days from odd to odder hold much"),
    ],
)
def test_days_that_hold_a_loss_difference_are_named(first: str, last: str, days: int, text: str) -> None:
    assert days_text(Concentration(first, last, days, 0.3)) == text


def test_days_that_several_models_share_are_told_once() -> None:
    place = Concentration("2008-10-06", "2008-10-17", 10, 0.32)
    found = [candidate("no evidence", model, **UNSURE, concentration=place) for model in ("lstm", "gru")]
    assert sentences(verdict(*found))[-1] == (
        "10 days of October 2008 hold much of the absolute squared error differences: 32 % (LSTM) and 32 % (GRU)."
    )


def test_a_leak_of_some_models_is_said_of_these_alone() -> None:
    leaks = (
        candidate("leak suspected", "gru", reason=Reason("leak_of_model")),
        candidate("no evidence", "lstm", **UNSURE),
    )
    level = Level(4, "fold_isolation", {"folds": 3}, (Leak("forecasts_ignore_rows", Subject("model", "gru", 2)),))
    said = sentences(verdict(*leaks), Audit("quick", "key", (level,)))
    assert said[0].startswith("GRU: leak suspected; the audit found that model gru, fold 2 forecasts the same when")
    assert said[1].startswith("LSTM: MSE")
    assert suspicion(verdict(*leaks)) == "Leak suspected in GRU: "
    assert headline(verdict(*leaks)).endswith("GRU; LSTM does not forecast significantly better than zero.")
    assert suspicion(verdict(leaks[0])) == "Leak suspected, results unreliable: "
    assert suspicion(verdict(leaks[1])) == ""


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
        f"LSTM: cannot tell; {text}.",
        "1,000 forecasts, 2 folds, 2 seeds.",
    )


def test_every_reason_code_has_its_words() -> None:
    assert all(reason_words(Reason(code, 1, 2, "note"), "lstm") for code in get_args(ReasonCode))


def test_a_leak_is_named_where_the_audit_is_known_and_says_why_it_concerns_a_model() -> None:
    leaky = verdict(candidate("leak suspected", "lstm", reason=Reason("leak")))
    level = Level(1, "causality", {"features": 3}, (Leak("reads_later_bars", Subject("feature", "x")),))
    assert sentences(leaky)[0] == "LSTM: leak suspected; see the leak audit of the run."
    assert sentences(leaky, Audit("quick", "key", (level,)))[0] == (
        "LSTM: leak suspected; the audit found that feature x reads the future, which concerns every model."
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
    declared = Declared("first", "2026-01-02T03:04:05+00:00", 0.01, "max-t")
    assert remark(verdict(one, claims=claims, comparisons=2, declared=declared, adjustment="holm")) == (
        "The first run on these bars (first, 2026-01-02) declared the level 1\N{NO-BREAK SPACE}%, this one "
        "5\N{NO-BREAK SPACE}% and the adjustment max-t, this one holm."
    )
    forgotten = Forgotten(7, "2026-02-03T03:04:05+00:00")
    assert remark(verdict(one, claims=claims, comparisons=2, forgotten=forgotten)) == (
        "7 trials on these bars, forgotten on 2026-02-03, cannot be allowed for."
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
    one = candidate("no evidence", **UNSURE, detectable=number)
    said = sentences(verdict(one))[-1]
    assert said == f"In four of five cases this sample would have shown gains of: GRU {text} % or more."


def test_a_gain_that_follows_volatility_has_a_number_of_its_own() -> None:
    one = candidate("no evidence", **UNSURE, detectable=0.024, detectable_following=0.03)
    assert sentences(verdict(one))[-1] == (
        "In four of five cases this sample would have shown gains of: GRU 2.4 or 3.0 % or more; the second number if "
        "gains come when volatility is high."
    )


@pytest.mark.parametrize(("p_value", "text"), [(0.2, "0.20"), (0.0504, "0.0504"), (1e-5, "< 0.001")])
def test_a_fragile_claim_says_what_is_left_without_the_fold_that_carries_it(p_value: float, text: str) -> None:
    one = candidate("better", fragile=True, worst_p=p_value, worst_fold=3, **UNSURE)
    assert sentences(verdict(one))[0].endswith(f", fragile: {text} without fold 3.")


def test_a_gain_of_more_than_everything_could_not_have_shown() -> None:
    one = candidate("no evidence", **UNSURE, detectable=1.84)
    assert sentences(verdict(one))[-1] == "This sample is too small to detect even a perfect forecast by GRU."


def test_a_gain_that_showed_by_luck_is_not_called_too_small_to_show() -> None:
    one = candidate("better", **(UNSURE | {"skill": 0.2}), detectable=0.31)
    assert not any("would have shown" in said for said in sentences(verdict(one)))
