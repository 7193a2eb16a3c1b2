"""A few days that hold much of a loss difference are found, the fewest of them, and nothing is found where none do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.records.verdict import Concentration
from backtest.significance.result import FloatArray
from backtest.verdict.concentration import MOST_DAYS, MOST_OF_ALL, NOTABLE, concentration

DAYS = np.arange("2008-01-01", "2010-01-01", dtype="datetime64[D]").astype("datetime64[us]")
N = DAYS.size


def even(n: int = N) -> FloatArray:
    """Loss differences of one size, better and worse in turn."""
    return np.where(np.arange(n) % 2, 1.0, -1.0)


def test_days_that_hold_a_third_are_named_with_their_share() -> None:
    difference = even()
    start = int(np.searchsorted(DAYS, np.datetime64("2008-10-06")))
    difference[start : start + 6] = [-60, 60, 60, -60, 60, 60]
    found = concentration(difference, DAYS)
    assert found is not None
    total = 360 + N - 6
    assert (found.first, found.last, found.days) == ("2008-10-06", "2008-10-09", 4)
    assert found.share == pytest.approx(240 / total)


def test_an_even_difference_is_nowhere_concentrated() -> None:
    assert concentration(even(), DAYS) is None
    assert concentration(np.zeros(N), DAYS) is None


def test_few_days_in_all_are_not_a_few_days_of_many() -> None:
    difference = even(40)
    difference[7] = 1000.0
    assert concentration(difference, DAYS[:40]) is None


def test_rows_of_one_day_count_together() -> None:
    times = np.arange("2008-01-01", "2008-04-10", np.timedelta64(1, "h"), dtype="datetime64[us]")
    difference = even(times.size)
    difference[24 * 50 : 24 * 51] = 40.0
    found = concentration(difference, times)
    assert found is not None
    assert replace(found, share=0.0) == Concentration("2008-02-20", "2008-02-20", 1, 0.0)
    assert found.share == pytest.approx(40 / (40 + 99))


@given(st.lists(st.floats(-1e3, 1e3), min_size=60, max_size=200))
def test_the_answer_is_that_of_a_search_through_all_stretches(values: list[float]) -> None:
    difference = np.array(values)
    found = concentration(difference, DAYS[: difference.size])
    total = np.abs(difference).sum()
    most = min(MOST_DAYS, int(MOST_OF_ALL * difference.size))
    shares = {
        (length, -start): np.abs(difference[start : start + length]).sum() / total if total else 0.0
        for length in range(1, most + 1)
        for start in range(difference.size - length + 1)
    }
    enough = [length for (length, _), share in shares.items() if share >= NOTABLE + 1e-12]
    if not enough:
        assert found is None or found.share == pytest.approx(NOTABLE)
        return
    assert found is not None
    best = max(share for (length, _), share in shares.items() if length == found.days)
    assert found.days == min(enough)
    assert found.share == pytest.approx(best)
