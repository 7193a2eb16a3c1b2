"""Holm's adjustment agrees with R to the last digit and keeps its promises."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from backtest.significance.multiplicity import holm
from data.errors import DataError
from tests.places import needs_shared, shared

FAMILIES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@needs_shared
def test_holm_agrees_with_r() -> None:
    cases = json.loads(shared("reference", "mt", "expected.json").read_text())["cases"]
    chosen = [case for case in cases if case["method"] == "holm"]
    assert len(chosen) == 5
    for case in chosen:
        p_values = pl.read_csv(shared("reference", "mt", case["input"]))["p"].cast(pl.Float64)
        np.testing.assert_allclose(holm(p_values), case["adjusted"], rtol=0, atol=1e-14)


def test_holm_of_three_by_hand() -> None:
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06], atol=1e-15)


@settings(max_examples=30)  # each call of statsmodels collects all of Python's garbage
@given(FAMILIES)
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], rtol=0, atol=1e-14)


@given(FAMILIES)
def test_adjustment_never_lowers_a_p_and_takes_the_smallest_as_bonferroni_does(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert (adjusted >= p_values).all()
    assert adjusted.max() <= 1
    assert adjusted[np.argmin(p_values)] == pytest.approx(min(1, min(p_values) * len(p_values)))


@given(FAMILIES, st.integers(0, 2**32 - 1))
def test_the_order_of_the_family_does_not_matter(p_values: list[float], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(p_values))
    np.testing.assert_array_equal(holm(np.array(p_values)[order]), holm(p_values)[order])


@given(FAMILIES)
def test_a_larger_family_never_strengthens_a_claim(p_values: list[float]) -> None:
    assert (holm([*p_values, 0.5])[:-1] >= holm(p_values) - 1e-15).all()


def test_a_family_of_one_is_left_alone_and_an_empty_one_stays_empty() -> None:
    assert holm([0.03]).tolist() == [0.03]
    assert holm([]).tolist() == []


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(bad: float) -> None:
    with pytest.raises(DataError, match="p-values: must lie between 0 and 1"):
        holm([0.5, bad])
