"""Windowed sums and standard deviations: exact to the last digits, and nothing but the window counts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError
from backtest.features.windowed import BLOCK, window_std, window_sum

VALUES = st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), max_size=60)


def evaluate(values: Sequence[float | None], expr: pl.Expr) -> list[float | None]:
    return pl.DataFrame({"x": values}, schema={"x": pl.Float64}).select(expr).to_series().to_list()


@given(VALUES, st.integers(1, 30))
def test_sums_are_those_of_each_window_alone(values: list[float], window: int) -> None:
    found = evaluate(values, window_sum(pl.col("x"), window))
    for at, value in enumerate(found):
        if at < window - 1:
            assert value is None
        else:
            inside = values[at - window + 1 : at + 1]
            assert value == pytest.approx(math.fsum(inside), abs=1e-14 * max(map(abs, inside)))


@given(VALUES, st.integers(2, 30))
def test_deviations_are_those_of_each_window_alone(values: list[float], window: int) -> None:
    found = evaluate(values, window_std(pl.col("x"), window))
    for at, value in enumerate(found):
        if at < window - 1:
            assert value is None
        else:
            inside = values[at - window + 1 : at + 1]
            expected = statistics.stdev(inside)
            underflow = 1e-150  # the squares of smaller deviations are zero
            assert value == pytest.approx(expected, rel=1e-12, abs=1e-14 * max(map(abs, inside)) + underflow)


@given(st.floats(1e-6, 1e6), st.integers(2, 64))
def test_equal_values_have_zero_standard_deviation(value: float, window: int) -> None:
    found = evaluate([value] * (window + 3), window_std(pl.col("x"), window))[window - 1 :]
    assert found == pytest.approx([0.0] * 4, abs=1e-15 * value)


@given(VALUES, st.integers(2, 12), st.integers(0, 60))
def test_a_window_gives_the_same_bits_in_any_surroundings(values: list[float], window: int, first: int) -> None:
    for expr in (window_sum(pl.col("x"), window), window_std(pl.col("x"), window)):
        late = evaluate(values[first : first + 20], expr)[window - 1 :]
        assert late == evaluate(values, expr)[first + window - 1 : first + 20]


def test_blocks_join_without_a_seam() -> None:
    values = np.random.default_rng(0).normal(size=2 * BLOCK + 100)
    found = pl.Series(values).to_frame("x").select(window_std(pl.col("x"), 24)).to_series().to_numpy()
    expected = np.lib.stride_tricks.sliding_window_view(values, 24).std(axis=1, ddof=1)
    assert np.isnan(found[:23]).all()
    np.testing.assert_allclose(found[23:], expected, rtol=1e-12)


def test_a_null_leaves_the_windows_that_hold_it_without_a_value() -> None:
    values = [None, None, 1.0, 2.0, None, 3.0, 4.0]
    assert evaluate(values, window_sum(pl.col("x"), 2)) == [None, None, None, 3.0, None, None, 7.0]
    assert evaluate([None, None], window_sum(pl.col("x"), 2)) == [None, None]


def test_windows_too_short_to_mean_anything_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"window: must be at least 1 \(got 0\)"):
        window_sum(pl.col("x"), 0)
    with pytest.raises(ConfigError, match=r"window: must be at least 2 \(got 1\)"):
        window_std(pl.col("x"), 1)
