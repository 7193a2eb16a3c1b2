"""Adjusted p-values agree with R and statsmodels to the last digit and keep their promises."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from backtest.data.errors import DataError
from backtest.significance.multiple_testing import ADJUSTMENTS, benjamini_hochberg, benjamini_yekutieli, holm
from tests.support.places import needs_shared, shared
from tests.support.selection import examples

FAMILIES = st.lists(st.floats(0, 1), min_size=1, max_size=30)
NAMES = {"holm": ("holm", "holm"), "benjamini-hochberg": ("BH", "fdr_bh"), "benjamini-yekutieli": ("BY", "fdr_by")}
"""What R and statsmodels call the adjustments."""

every_adjustment = pytest.mark.parametrize("name", ADJUSTMENTS)


@needs_shared
@every_adjustment
def test_adjustment_agrees_with_r(name: str) -> None:
    cases = json.loads(shared("reference", "mt", "expected.json").read_text())["cases"]
    chosen = [case for case in cases if case["method"] == NAMES[name][0]]
    assert len(chosen) == 5
    for case in chosen:
        p_values = pl.read_csv(shared("reference", "mt", case["input"]))["p"].cast(pl.Float64)
        np.testing.assert_allclose(ADJUSTMENTS[name](p_values), case["adjusted"], rtol=0, atol=1e-14)


def test_three_p_values_by_hand() -> None:
    family = [0.04, 0.01, 0.03]
    np.testing.assert_allclose(holm(family), [0.06, 0.03, 0.06], atol=1e-15)
    np.testing.assert_allclose(benjamini_hochberg(family), [0.04, 0.03, 0.04], atol=1e-15)
    np.testing.assert_allclose(benjamini_yekutieli(family), np.array([0.04, 0.03, 0.04]) * 11 / 6, atol=1e-15)


@every_adjustment
@examples(15)  # each call of statsmodels collects all of Python's garbage
@given(FAMILIES)
def test_adjustment_is_that_of_statsmodels(name: str, p_values: list[float]) -> None:
    expected = multipletests(p_values, method=NAMES[name][1])[1]
    np.testing.assert_allclose(ADJUSTMENTS[name](p_values), expected, rtol=0, atol=1e-14)


@every_adjustment
@given(FAMILIES)
def test_adjustment_never_lowers_a_p_nor_turns_two_around(name: str, p_values: list[float]) -> None:
    adjusted = ADJUSTMENTS[name](p_values)
    assert (adjusted >= p_values).all()
    assert adjusted.max() <= 1
    assert (np.diff(adjusted[np.argsort(p_values)]) >= 0).all()


@given(FAMILIES)
def test_holm_takes_the_smallest_as_bonferroni_does(p_values: list[float]) -> None:
    assert holm(p_values)[np.argmin(p_values)] == pytest.approx(min(1, min(p_values) * len(p_values)))


@given(FAMILIES)
def test_a_weaker_promise_is_never_harder_to_keep(p_values: list[float]) -> None:
    shares = benjamini_hochberg(p_values)
    assert (shares <= holm(p_values) + 1e-15).all()
    assert (shares <= benjamini_yekutieli(p_values)).all()


@every_adjustment
@given(FAMILIES, st.integers(0, 2**32 - 1))
def test_the_order_of_the_family_does_not_matter(name: str, p_values: list[float], seed: int) -> None:
    adjust, order = ADJUSTMENTS[name], np.random.default_rng(seed).permutation(len(p_values))
    np.testing.assert_array_equal(adjust(np.array(p_values)[order]), adjust(p_values)[order])


@given(FAMILIES)
def test_a_larger_family_never_strengthens_a_claim_of_holm(p_values: list[float]) -> None:
    assert (holm([*p_values, 0.5])[:-1] >= holm(p_values) - 1e-15).all()


@every_adjustment
def test_a_family_of_one_is_left_alone_and_an_empty_one_stays_empty(name: str) -> None:
    assert ADJUSTMENTS[name]([0.03]).tolist() == [0.03]
    assert ADJUSTMENTS[name]([]).tolist() == []


@every_adjustment
@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_values_that_are_not_probabilities_are_refused(name: str, bad: float) -> None:
    with pytest.raises(DataError, match="p-values: must lie between 0 and 1"):
        ADJUSTMENTS[name]([0.5, bad])


@every_adjustment
def test_every_adjustment_says_first_what_it_controls(name: str) -> None:
    first, *_ = (ADJUSTMENTS[name].__doc__ or "").splitlines()
    assert "error rate" in first or "discovery rate" in first
