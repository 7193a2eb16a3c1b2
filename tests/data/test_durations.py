"""Tests of lengths of time as text."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.durations import format_duration, parse_duration
from backtest.data.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1h", timedelta(hours=1)),
        ("15m", timedelta(minutes=15)),
        ("365d", timedelta(days=365)),
        (" 30 s ", timedelta(seconds=30)),
    ],
)
def test_a_number_and_a_unit_are_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "h", "0h", "-1h", "1.5h", "1 week", "1h30m", "١h x"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="duration: expected a number and d, h, m or s, such as 1h or 365d"):
        parse_duration(text)


def test_a_length_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ConfigError, match="longer than any data"):
        parse_duration("9999999999d")


@given(st.integers(1, 10**8))
def test_formatting_and_parsing_are_inverse(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length


def test_the_largest_dividing_unit_is_used() -> None:
    assert [format_duration(timedelta(minutes=m)) for m in (1, 60, 90, 1440)] == ["1m", "1h", "90m", "1d"]
    assert format_duration(timedelta(milliseconds=250)) == "0.25s"
