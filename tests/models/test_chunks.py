"""Chunks: every forecast is counted once an epoch, and none sees fewer rows than its window."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backtest.models.training import cut
from backtest.models.windows import Windows


def windows_at(ends: list[int], window: int) -> Windows:
    rows = np.zeros((max(ends) + 1, 1))
    return Windows(rows, rows[:, 0], rows, np.array(ends), window, (1,))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[int], int, int, int]:
    """Origins in runs with room for their first window, window, steps and offset."""
    window, steps = draw(st.integers(1, 10)), draw(st.integers(1, 12))
    ends: list[int] = []
    at = 0
    for length, hole in draw(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 5)), min_size=1, max_size=4)):
        at += window - 1 + hole
        ends += range(at, at + length)
        at += length
    return ends, window, steps, draw(st.integers(0, steps - 1))


@given(cases())
def test_every_origin_is_counted_once_and_sees_its_whole_window(case: tuple[list[int], int, int, int]) -> None:
    ends, window, steps, offset = case
    chunks = cut(windows_at(ends, window), steps, offset)
    rows, counted = chunks.pick(slice(None))
    assert sorted(rows[:, -steps:][counted].tolist()) == ends
    for own, counts in zip(rows, counted, strict=True):
        for step in np.flatnonzero(counts):
            seen: NDArray[np.int64] = own[: window + step]
            assert (np.diff(seen) == 1).all()
            assert len(seen) >= window
            assert set(seen[window - 1 :].tolist()) <= set(ends)


@given(cases())
def test_a_chunk_of_one_step_is_a_window(case: tuple[list[int], int, int, int]) -> None:
    ends, window, _, _ = case
    rows, counted = cut(windows_at(ends, window), 1).pick(slice(None))
    assert counted.all()
    assert rows.tolist() == [list(range(end - window + 1, end + 1)) for end in ends]


@given(cases())
def test_no_example_is_empty(case: tuple[list[int], int, int, int]) -> None:
    ends, window, steps, offset = case
    _, counted = cut(windows_at(ends, window), steps, offset).pick(slice(None))
    assert counted.any(axis=1).all()
