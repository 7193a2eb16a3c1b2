"""Tests of how numbers, dates and lists are written."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.names import label
from backtest.reports import formats

NUMBERS = st.floats(-1e12, 1e12)


@given(NUMBERS, st.integers(0, 6))
def test_a_decimal_reads_back_as_the_rounded_number(value: float, digits: int) -> None:
    text = formats.decimal(value, digits, signed=True)
    assert float(text.replace(",", "").replace(formats.MINUS, "-")) == pytest.approx(round(value, digits))


@given(st.floats(-0.0049, 0.0049))
def test_what_rounds_to_zero_has_no_sign(value: float) -> None:
    assert formats.decimal(value, 2, signed=True) == "0.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (math.nan, "–"), (1234.5, "+1,234.50"), (-0.5, "−0.50")],
)
def test_decimals_are_consistent(value: float | None, text: str) -> None:
    assert formats.decimal(value, 2, signed=True) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, "–"), (math.nan, "–"), (0.0, "<\xa00.001"), (0.00099, "<\xa00.001"), (0.001, "0.001")),
        *((0.0123, "0.012"), (0.05, "0.050"), (0.31, "0.31"), (1.0, "1.00")),
        *((0.0504, "0.0504"), (0.05004, "0.05004"), (0.04996, "0.04996")),
    ],
)
def test_p_values_are_short(value: float | None, text: str) -> None:
    assert formats.p_value(value, 0.05) == text


LEVELS = st.sampled_from([0.001, 0.01, 0.05, 0.1])


@given(LEVELS, st.floats(-1e-3, 1e-3), st.integers(0, 14))
def test_rounding_never_hides_on_which_side_of_the_level_a_p_lies(alpha: float, away: float, closer: int) -> None:
    value = max(0.0, alpha + away / 10**closer)
    shown = float(formats.p_value(value, alpha).removeprefix("<\xa0"))
    assert (shown <= alpha) == (value <= alpha)


@given(st.floats(0, 1), LEVELS)
def test_no_p_value_is_shown_as_zero(value: float, alpha: float) -> None:
    assert not re.fullmatch(r"0\.0*", formats.p_value(value, alpha))


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_a_size_has_no_sign_and_is_zero_only_where_the_number_is(value: float, digits: int) -> None:
    text = formats.size(value, digits)
    assert formats.size(value, digits, "under") == text.replace("less than", "under")
    number = float(text.removeprefix("less than ").replace(",", ""))
    assert (number == 0) == (value == 0)
    assert abs(value) < number if "less than" in text else number == round(abs(value), digits)


@given(NUMBERS, st.integers(0, 4))
def test_plain_text_needs_no_signs_beyond_a_keyboards(value: float, digits: int) -> None:
    text = formats.plain(formats.percent(value, digits))
    assert text.isascii()
    assert formats.tied(text) == formats.percent(value, digits)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("95 % CI -0.4 to +1.0 %", "95\xa0% CI −0.4 to +1.0\xa0%"),
        ("from 2020-01-06, fixed-b, (-3)", "from 2020-01-06, fixed-b, (−3)"),
        ("2,760 forecasts, 11 folds, 3 seeds (1 better)", "2,760\xa0forecasts, 11\xa0folds, 3\xa0seeds (1 better)"),
        ("DM p = 0.45, p < 0.001", "DM p\xa0=\xa00.45, p\xa0<\xa00.001"),
    ],
)
def test_a_plain_text_gets_minus_signs_and_units_that_stay_with_their_numbers(text: str, shown: str) -> None:
    assert formats.tied(text) == shown
    assert formats.tied(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("intercept 6.62429e-05, slope -0.0928412", "intercept 0.0000662, slope -0.0928"),
        ("p between 0.606 and 0.882; 2760 rows, 1.05", "p between 0.606 and 0.882; 2760 rows, 1.05"),
        ("0.00000 1.2e-300 3e+07 12.34567", "0.00000 1.2e-300 30000000 12.3"),
        ("version 1.2.34567, a-0.12345b", "version 1.2.34567, a-0.12345b"),
    ],
)
def test_long_decimals_in_a_text_are_cut_to_three_digits(text: str, shown: str) -> None:
    assert formats.shortened(text) == shown


@given(st.floats(1e-8, 1e8), st.booleans())
def test_a_number_that_is_cut_is_the_same_to_three_digits(value: float, negative: bool) -> None:
    number = -value if negative else value
    assert float(formats.shortened(f"x {number:.9g}").removeprefix("x ")) == pytest.approx(number, rel=6e-3)


def test_a_season_is_a_month_where_there_are_many_and_else_a_date() -> None:
    time = datetime(2020, 5, 17, 8, tzinfo=UTC)
    assert formats.season(time, span=timedelta(days=800)) == "May\xa02020"
    assert formats.season(time, span=timedelta(days=80)) == "17\xa0May\xa02020"


def test_a_percentage_does_not_break_before_its_sign() -> None:
    assert formats.percent(0.00423) == "+0.42\xa0%"
    assert formats.percent(None) == "–"


@given(st.floats(1e-30, 1e30))
def test_the_power_of_ten_brings_a_number_between_one_and_a_thousand(value: float) -> None:
    exponent = formats.exponent_of([value])
    assert exponent % 3 == 0
    assert 0.999999 <= value / 10.0**exponent < 1_000.001


@pytest.mark.parametrize("values", [[], [None], [0.0], [math.nan]])
def test_without_a_number_there_is_no_power_of_ten(values: list[float | None]) -> None:
    assert formats.power(formats.exponent_of(values)) == ""


def test_a_power_of_ten_is_written_as_a_unit() -> None:
    assert formats.power(-6) == ", 10⁻⁶"
    assert formats.scaled(2.5e-5, -6) == "25.000"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.2 s"), (59, "59 s"), (83.4, "1 min 23 s"), (3_600, "1 h"), (3_900, "1 h 5 min"), (86_400 * 30, "30 d")],
)
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text.replace(" ", "\xa0")


def test_a_moment_shows_the_clock_only_where_bars_are_shorter_than_a_day() -> None:
    midnight = datetime(2020, 2, 3, tzinfo=UTC)
    assert formats.moment(midnight, timedelta(days=1)) == "2020-02-03"
    assert formats.moment(midnight, timedelta(hours=1)) == "2020-02-03 00:00"
    assert formats.moment(midnight + timedelta(hours=5), timedelta(days=1)) == "2020-02-03 05:00"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (list("abc"), "a, b and c"),
        (list("abcdef"), "a, b, c and 3 more"),
    ],
)
def test_a_long_list_is_cut_and_counted(names: list[str], text: str) -> None:
    assert formats.listed(names, most=4) == text
    assert formats.listed(names, most=4, last="or") == text.replace(" and ", " or ")


@pytest.mark.parametrize(("model", "text"), [("lstm", "LSTM"), ("my_gru_2", "my GRU 2"), ("ridge", "ridge")])
def test_models_have_readable_names(model: str, text: str) -> None:
    assert label(model) == text


def test_a_count_agrees_with_its_noun() -> None:
    assert [formats.counted(number, "fold") for number in (0, 1, 1_200)] == ["0 folds", "1 fold", "1,200 folds"]
