"""The losses against golden values and scikit-learn, on arrays and on columns, and what each is smallest at."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as log_loss_of_sklearn

from backtest.data.losses import LOSSES, brier, log_loss, qlike, squared
from backtest.data.names import Scale
from backtest.models.windows import Floats
from backtest.significance.equal_accuracy import diebold_mariano
from tests.support.places import needs_shared, shared

RNG = np.random.default_rng(0)
EVENTS = (RNG.random(500) < 0.4).astype(float)
PROBABILITIES = RNG.uniform(0.01, 0.99, 500)
VARIANCES = RNG.gamma(1.0, 1e-4, 500)

OF_SCALES: dict[Scale, tuple[Floats, Floats]] = {
    "return": (RNG.normal(size=500), RNG.normal(size=500)),
    "variance": (VARIANCES, RNG.gamma(1.0, 1e-4, 500)),
    "probability": (EVENTS, PROBABILITIES),
}
"""Outcomes and forecasts of each scale."""

positive = st.floats(1e-12, 1e6)


@pytest.mark.parametrize(("name", "scale"), [(name, scale) for name, loss in LOSSES.items() for scale in loss.scales])
def test_every_loss_is_one_of_arrays_and_columns_and_smallest_where_the_forecast_is_right(
    name: str, scale: Scale
) -> None:
    loss, (y, y_hat) = LOSSES[name], OF_SCALES[scale]
    found = loss.excess(y, y_hat)
    assert found.shape == y.shape
    assert np.isfinite(found).all()
    assert found.min() >= -1e-12
    assert found.max() > 0
    np.testing.assert_allclose(loss.excess(y, y), 0, atol=1e-12)
    for forecasts in (y_hat, y):
        frame = pl.DataFrame({"y": y, "y_hat": forecasts})
        columns = frame.select(loss.excess(pl.col("y"), pl.col("y_hat"))).to_series()
        np.testing.assert_allclose(loss.excess(y, forecasts), columns.to_numpy(), rtol=1e-12, atol=1e-12)


@needs_shared
def test_qlike_is_the_golden_raw_form_and_differs_from_the_usual_one_by_what_no_forecast_changes() -> None:
    rows = pl.read_csv(shared("reference", "qlike", "input.csv"))
    golden = pl.read_csv(shared("reference", "qlike", "losses.csv"))
    expected = json.loads(shared("reference", "qlike", "expected.json").read_text("utf-8"))
    rv = rows["rv"].to_numpy()
    for number in "12":
        losses = qlike(rv, rows[f"h{number}"].to_numpy())
        np.testing.assert_allclose(losses, golden[f"raw{number}"], rtol=1e-12)
        np.testing.assert_allclose(losses.mean(), expected[f"mean_raw{number}"], rtol=1e-12)
        np.testing.assert_allclose(losses - 1 - np.log(rv), golden[f"qlike{number}"], rtol=0, atol=1e-13)
        errors = squared(rv, rows[f"h{number}"].to_numpy())
        np.testing.assert_allclose(errors, golden[f"mse{number}"], rtol=1e-9)
    for edge in expected["edges"]:
        np.testing.assert_allclose(qlike(np.array([edge["rv"]]), np.array([edge["h"]])), edge["raw"], rtol=1e-14)


@needs_shared
def test_the_diebold_mariano_test_on_qlike_is_that_of_r() -> None:
    rows = pl.read_csv(shared("reference", "qlike", "input.csv"))
    rv, first, second = (rows[name].to_numpy() for name in ("rv", "h1", "h2"))
    for case in json.loads(shared("reference", "qlike", "expected.json").read_text("utf-8"))["dm"]:
        estimator = {"acf": "truncated", "bartlett": "bartlett"}[case["varestimator"]]
        tested = diebold_mariano(qlike(rv, first), qlike(rv, second), horizon=case["h"], estimator=estimator)  # type: ignore[arg-type]  # one of the names above
        np.testing.assert_allclose(tested.statistic, case["statistic"], rtol=1e-10)


@given(st.lists(positive, min_size=1, max_size=20), positive, st.floats(0.01, 100))
def test_qlike_is_smallest_at_the_mean_and_a_unit_adds_a_constant(
    outcomes: list[float], other: float, c: float
) -> None:
    y = np.array(outcomes)
    best, at_other = (qlike(y, np.full_like(y, h)).mean() for h in (y.mean(), other))
    assert best <= at_other + 1e-9 * abs(at_other)
    np.testing.assert_allclose(qlike(c * y, c * y[::-1]), qlike(y, y[::-1]) + np.log(c), rtol=1e-9, atol=1e-9)


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_scores_of_probabilities_are_smallest_at_the_probability(p: float, other: float) -> None:
    for score in (brier, log_loss):
        at = {q: p * score(np.ones(1), np.array([q])) + (1 - p) * score(np.zeros(1), np.array([q])) for q in (p, other)}
        assert at[p] <= at[other] + 1e-12


def test_scores_of_probabilities_are_those_of_scikit_learn() -> None:
    np.testing.assert_allclose(brier(EVENTS, PROBABILITIES).mean(), brier_score_loss(EVENTS, PROBABILITIES))
    np.testing.assert_allclose(log_loss(EVENTS, PROBABILITIES).mean(), log_loss_of_sklearn(EVENTS, PROBABILITIES))
    np.testing.assert_array_equal(log_loss(np.array([1.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])), [0.0, 0.0, np.inf])
