"""Combined forecasts are those of a plain loop, and no later outcome changes an earlier one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.question import Question
from backtest.evaluation.combination import UNKNOWN, combine, losses_per_time
from backtest.evaluation.loss_panel import LossPanel, loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts
from tests.support.forecasts import FloatArray, forecast_table

N, FOLDS = 80, 4
MODELS = ("gru", "lstm")


def panel_of(y: FloatArray, seed: int = 0, horizon: int = 1) -> LossPanel:
    """Two models, the references and 80 outcomes in 4 folds; the forecasts depend on the seed alone."""
    rng = np.random.default_rng(seed)
    fits: dict[tuple[str, int | None], FloatArray] = {
        (name, None): rng.standard_normal(N) for name in ("naive", *MODELS)
    }
    table = forecast_table(y, {("zero", None): np.zeros(N), **fits}, folds=FOLDS)
    later = pl.col("time") + (horizon + 1) * (pl.col("time").sort().diff().min())
    frame = table.with_columns(horizon=pl.lit(horizon, pl.Int32), target_time=later)
    return loss_panels(match_forecasts(frame, Question()), Question())[0]


def signal(seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).standard_normal(N)


def slow_weight(panel: LossPanel, fold: int) -> float:
    """The weight of a fold, row by row."""
    rows = panel.rows.with_columns(f=pl.Series((panel.y_hat["gru"] + panel.y_hat["lstm"]) / 2))
    start = min(row["time"] for row in rows.iter_rows(named=True) if row["fold"] == fold)
    above = below = 0.0
    for row in rows.iter_rows(named=True):
        if row["fold"] < fold and row["target_time"] <= start:
            above += row["y"] * row["f"]
            below += row["f"] ** 2
    return min(max(above / below, 0.0), 1.0) if below else UNKNOWN


@pytest.mark.parametrize("horizon", [1, 5])
def test_weights_and_forecasts_are_those_of_a_loop(horizon: int) -> None:
    panel = panel_of(signal(), horizon=horizon)
    found = combine(panel, MODELS)
    expected = [slow_weight(panel, fold) for fold in range(FOLDS)]
    assert list(found.weights.values()) == pytest.approx(expected, rel=1e-12)
    mean = (panel.y_hat["gru"] + panel.y_hat["lstm"]) / 2
    assert found.mean == pytest.approx(mean)
    assert found.mix == pytest.approx(np.repeat(expected, N // FOLDS) * mean)
    assert losses_per_time(panel, found.mean) == pytest.approx((panel.y - mean) ** 2)


@given(st.integers(0, N - 1), st.floats(-1e3, 1e3), st.sampled_from([1, 5]))
def test_a_later_outcome_never_changes_an_earlier_forecast(place: int, change: float, horizon: int) -> None:
    y = signal()
    other = y.copy()
    other[place] += change
    before, after = panel_of(y, horizon=horizon), panel_of(other, horizon=horizon)
    known = before.rows["target_time"][place]
    earlier = (before.rows["time"] < known).to_numpy()
    first, second = combine(before, MODELS), combine(after, MODELS)
    assert np.array_equal(first.mix[earlier], second.mix[earlier])
    assert np.array_equal(first.mean, second.mean)


@given(st.integers(0, 1000))
def test_weights_lie_between_nothing_and_everything(seed: int) -> None:
    weights = combine(panel_of(signal(seed), seed + 1), MODELS).weights
    assert list(weights) == list(range(FOLDS))
    assert weights[0] == UNKNOWN
    assert all(0 <= weight <= 1 for weight in weights.values())
