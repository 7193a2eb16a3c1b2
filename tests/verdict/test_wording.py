"""Numbers are rounded so that they never mislead, and sentences agree with their subjects."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.names import Status
from backtest.verdict.wording import RANKING, chance_text, claim, effect_text, headline, sentence
from tests.support.candidates import candidate

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


def test_a_claim_opens_with_a_capital() -> None:
    assert claim("better", "ridge regression") == "Ridge regression beats zero"


@pytest.mark.parametrize(
    ("models", "text"),
    [
        (
            [("no evidence", "LSTM", False), ("no evidence", "GRU", False)],
            "Do not believe it: there is no evidence that LSTM or GRU forecasts better than zero.",
        ),
        (
            [("no evidence", "LSTM", False)],
            "Do not believe it: there is no evidence that LSTM forecasts better than zero.",
        ),
        ([("better", "LSTM", False), ("better", "GRU", False)], "It holds up: LSTM and GRU forecast better than zero."),
        (
            [("better", "GRU", False), ("no evidence", "LSTM", False)],
            "It holds up: GRU forecasts better than zero; there is no evidence that LSTM forecasts better than zero.",
        ),
        (
            [("worse", "A", False), ("worse", "B", False), ("worse", "C", False)],
            "Do not use it: A, B and C forecast worse than zero.",
        ),
        (
            [("no evidence", "GRU", False), ("worse", "A", False)],
            "Do not believe it: there is no evidence that GRU forecasts better than zero; A forecasts worse than zero.",
        ),
        ([("cannot tell", "LSTM", False)], "These forecasts cannot tell whether LSTM is better than zero."),
        (
            [("better", "LSTM", True), ("better", "GRU", False)],
            "It holds up: GRU forecasts better than zero; LSTM forecasts better than zero, but one fold carries that.",
        ),
        (
            [("better", "LSTM", True)],
            "Handle with care: LSTM forecasts better than zero, but one fold carries that.",
        ),
        ([("worse", "A", True)], "Do not use it: A forecasts worse than zero, but one fold carries that."),
        (
            [("leak suspected", "LSTM", False)],
            "Believe nothing here: a leak is suspected in the forecasts of LSTM.",
        ),
        ([], "Nothing to judge: there is no model beside the baselines."),
    ],
)
def test_headlines_say_all_in_one_sentence(models: list[tuple[Status, str, bool]], text: str) -> None:
    assert headline(models) == text


NAMED = st.tuples(st.sampled_from(RANKING), st.sampled_from(["LSTM", "GRU", "AR"]), st.booleans())


@given(st.lists(NAMED, min_size=1, max_size=4))
def test_a_headline_names_every_model_and_opens_by_the_strongest_claim(models: list[tuple[Status, str, bool]]) -> None:
    text = headline(models)
    assert all(name in text for _, name, _ in models)
    statuses = {status for status, _, _ in models}
    assert text.startswith("Believe nothing here") == ("leak suspected" in statuses)
    sound = any(status == "better" and not fragile for status, _, fragile in models)
    assert text.startswith("It holds up") == (sound and "leak suspected" not in statuses)
    assert text.endswith(".")
    assert text.count(".") == 1


@pytest.mark.parametrize(("number", "text"), [(0.013, "1.3"), (0.00074, "0.074"), (0.5, "50")])
def test_the_smallest_gain_has_two_digits(number: float, text: str) -> None:
    found = candidate("no evidence", skill=0.0, p_value=0.5, p_adjusted=1.0, detectable=number)
    assert sentence(found, 100, 4, 0.05).endswith(f"would have shown a gain of {text} % or more.")


@pytest.mark.parametrize(("p_value", "text"), [(0.2, "is 0.20"), (0.0504, "is 0.0504"), (1e-5, "is below 0.001")])
def test_a_fragile_claim_says_what_is_left_without_the_fold_that_carries_it(p_value: float, text: str) -> None:
    numbers: dict[str, Any] = {"skill": 0.01, "p_value": 0.001, "p_adjusted": 0.002}
    found = candidate("better", fragile=True, worst_p=p_value, worst_fold=3, **numbers)
    assert sentence(found, 100, 4, 0.05).endswith(f"Fragile: without fold 3 the adjusted p {text}.")


def test_a_gain_of_more_than_everything_could_not_have_shown() -> None:
    found = candidate("no evidence", skill=0.0, p_value=0.5, p_adjusted=1.0, detectable=1.84)
    assert sentence(found, 30, 4, 0.05).endswith("This sample could not have shown any gain.")


def test_a_gain_that_showed_by_luck_is_not_called_too_small_to_show() -> None:
    found = candidate("better", skill=0.2, p_value=0.001, p_adjusted=0.001, detectable=0.31)
    assert "would have shown" not in sentence(found, 300, 4, 0.05)
