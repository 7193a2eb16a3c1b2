"""Elementary scores are those of the golden values, and mix to squared error and to the pinball loss."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError
from backtest.significance.murphy import elementary_scores
from tests.support.places import needs_shared, shared


@needs_shared
def test_scores_are_those_of_the_reference() -> None:
    folder = shared("reference", "murphy")
    expected = json.loads((folder / "expected.json").read_text())
    rows = pl.read_csv(folder / "input.csv")
    pair = rows["y"].to_numpy(), rows["x"].to_numpy()
    found = elementary_scores(*pair, expected["theta"])
    np.testing.assert_allclose(found, expected["mean_elementary_expectation"], rtol=1e-9)
    quantiles = [name for name in expected if name.startswith("mean_elementary_quantile_")]
    assert quantiles
    for name in quantiles:
        found = elementary_scores(*pair, expected["theta"], quantile=float(name.rpartition("_")[2]))
        np.testing.assert_allclose(found, expected[name], rtol=1e-9)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_their_integral_is_half_the_squared_error_and_the_pinball_loss(y: float, y_hat: float) -> None:
    step = 1e-3
    thresholds = np.arange(-3.5, 3.5, step)
    squared = elementary_scores([y], [y_hat], thresholds).sum() * step
    assert squared == pytest.approx((y - y_hat) ** 2 / 2, abs=0.02)
    pinball = elementary_scores([y], [y_hat], thresholds, quantile=0.1).sum() * step
    assert pinball == pytest.approx((y - y_hat) * (0.1 - (y < y_hat)), abs=0.01)


def test_a_quantile_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="quantile: must lie between 0 and 1"):
        elementary_scores([1.0], [2.0], [0.0], quantile=1.0)
