"""The model confidence set is arch's on saved resamples, and takes losses that arch alone would fail on."""

from __future__ import annotations

import tracemalloc
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backtest.data.errors import ConfigError, UndefinedTest
from backtest.significance.resampling import Resampling
from backtest.significance.superiority import Method, model_confidence_set
from tests.support.places import needs_shared
from tests.support.resamples import CASES, golden_losses, golden_resampling, name, ranked_losses
from tests.support.selection import examples

FEW = Resampling(reps=200)


@needs_shared
@pytest.mark.parametrize("case", CASES, ids=name)
@pytest.mark.parametrize("method", get_args(Method))
def test_set_and_its_p_values_are_those_of_arch(case: dict[str, Any], method: Method) -> None:
    expected, losses = case["mcs"][method], golden_losses(case)
    found = model_confidence_set(losses, alpha=0.1, method=method, resampling=golden_resampling(case))
    assert [found.p_values[model] for model in losses] == expected["pvalues"]
    assert [list(losses).index(model) for model in reversed(found.p_values)] == expected["elimination_order"]
    assert [list(losses).index(model) for model in found.included] == expected["included_at_10pct"]


def test_the_best_stays_and_the_worst_goes() -> None:
    found = model_confidence_set(ranked_losses(good=0.1, same=0.1, bad=1.0), resampling=FEW)
    assert found.included == ("good", "same")
    assert list(found.p_values)[-1] == "bad"
    assert found.p_values["bad"] < 0.01
    assert max(found.p_values.values()) == 1
    assert (found.reps, found.note) == (200, f"200 resamples in blocks of {found.block} on average")


def test_a_model_leaves_the_set_at_its_own_p_value() -> None:
    losses = ranked_losses(good=0.1, fair=0.2, bad=0.25)
    p = sorted(model_confidence_set(losses, resampling=FEW).p_values.values())
    assert 0 < p[0] < p[1] < p[2] == 1
    sizes = [len(model_confidence_set(losses, alpha=each, resampling=FEW).included) for each in (p[0] / 2, *p[:2])]
    assert sizes == [3, 2, 1]


@pytest.mark.parametrize("method", get_args(Method))
def test_duplicate_models_enter_once_and_the_note_says_so(method: Method) -> None:
    losses = ranked_losses(good=0.1, fair=0.3, bad=1.0)
    alone = model_confidence_set(losses, method=method, resampling=FEW)
    found = model_confidence_set({**losses, "twin": losses["fair"] * (1 + 1e-16)}, method=method, resampling=FEW)
    assert found.p_values == {**alone.p_values, "twin": alone.p_values["fair"]}
    assert found.note.startswith("twin has the same losses as fair; ")


def test_models_with_equal_losses_are_undefined() -> None:
    losses = ranked_losses(one=0.1, other=0.2)["one"]
    with pytest.raises(UndefinedTest, match="a, b, c: all are the same"):
        model_confidence_set({"a": losses, "b": losses, "c": losses})
    with pytest.raises(UndefinedTest, match="a and b: their difference is the same at all times"):
        model_confidence_set({"a": losses, "b": losses + 1})


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="method: must be one of R, max"):
        model_confidence_set(ranked_losses(a=0.1, b=0.2), method=cast("Method", "min"))


@pytest.mark.parametrize("method", get_args(Method))
def test_numbers_that_cannot_be_squared_are_undefined(method: Method) -> None:
    losses = {model: series * 1e200 for model, series in ranked_losses(one=0.1, other=0.2).items()}
    with pytest.raises(UndefinedTest, match=r"too large to be squared \(overflow"):
        model_confidence_set(losses, method=method, resampling=FEW)


def test_an_exact_tie_is_undefined_instead_of_a_crash() -> None:
    losses = np.tile([0.0, 1.0, 2.0], 20)
    with pytest.raises(UndefinedTest, match="two pairs of models tie exactly"):
        model_confidence_set({"a": losses, "b": losses[::-1]}, resampling=FEW)


@examples(60)
@given(arrays(np.int64, (40, 3), elements=st.integers(0, 2)), st.sampled_from(get_args(Method)))
def test_coarse_losses_have_p_values_or_a_reason(matrix: npt.NDArray[np.int64], method: Method) -> None:
    losses = {model: column.astype(np.float64) for model, column in zip("abc", matrix.T, strict=True)}
    try:
        found = model_confidence_set(losses, method=method, resampling=Resampling(reps=50))
    except UndefinedTest:
        return
    assert set(found.p_values) == set(losses)
    assert all(0 <= p <= 1 for p in found.p_values.values())
    assert found.included


def test_neither_the_order_of_the_models_nor_the_unit_of_the_losses_matters() -> None:
    losses = ranked_losses(good=0.1, fair=0.3, bad=1.0)
    found = model_confidence_set(losses, resampling=FEW)
    turned = model_confidence_set({model: losses[model] * 2**-20 for model in reversed(losses)}, resampling=FEW)
    assert turned.p_values == found.p_values
    assert set(turned.included) == set(found.included)


def test_the_seed_alone_decides_on_the_draws() -> None:
    losses = ranked_losses(good=0.1, fair=0.3, bad=0.35)
    runs = [model_confidence_set(losses, resampling=Resampling(reps=200, seed=seed)) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0].p_values != runs[2].p_values


def test_draws_are_not_kept() -> None:
    losses = ranked_losses(n=5000, good=0.1, bad=0.2)
    model_confidence_set(losses, resampling=FEW)
    tracemalloc.start()
    model_confidence_set(losses, resampling=FEW)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 * 5000 * 8 / 4
