"""Scores are those of the formulas, complete, null where undefined, and the same to the last digit."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data import result_tables, schema
from backtest.evaluation.matched_forecasts import match_forecasts
from backtest.evaluation.metrics import METRICS, score
from tests.support.forecasts import column, losses, random_forecasts

FORECASTS = random_forecasts(2)
SCORES = score(match_forecasts(FORECASTS))


def test_scores_hold_every_metric_for_every_fit_fold_and_pool() -> None:
    fits, folds = 5 + 1, 4 + 1
    schema.check(SCORES, result_tables.SCORES)
    assert SCORES.columns == result_tables.SCORES.names
    assert SCORES.height == fits * folds * len(METRICS)
    assert SCORES.select("model", "seed", "fold", "horizon", "metric").is_duplicated().sum() == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_pooled_and_fold_scores_agree_with_numpy(seed: int, folds: int) -> None:
    forecasts = random_forecasts(seed, n=60, folds=folds)
    scores = score(match_forecasts(forecasts)).filter(pl.col("model") == "lstm", pl.col("seed").is_null())
    for fold in (None, *range(folds)):
        model, zero, naive = (losses(forecasts, name, "squared", fold) for name in ("lstm", "zero", "naive"))
        y, y_hat = column(forecasts, "y", "lstm", fold), column(forecasts, "y_hat", "lstm", fold)
        expected = {
            "mse": model.mean(),
            "rmse": np.sqrt(model.mean()),
            "mae": losses(forecasts, "lstm", "absolute", fold).mean(),
            "skill_zero": 1 - model.mean() / zero.mean(),
            "skill_naive": 1 - model.mean() / naive.mean(),
            "direction": (np.sign(y) == np.sign(y_hat)).mean(),
            "correlation": np.corrcoef(y, y_hat)[0, 1],
        }
        got = scores.filter(pl.col("fold").eq_missing(pl.lit(fold, pl.Int32)))
        assert dict(got.select("metric", "value").iter_rows()) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_rows_of_several_symbols_are_one_group() -> None:
    both = pl.concat([random_forecasts(4), random_forecasts(5, symbol="ETHUSDT")])
    scores = score(match_forecasts(both))
    assert scores.height == SCORES.height
    fold = both.filter(pl.col("model") == "ridge", pl.col("fold") == 2)
    expected = ((fold["y"] - fold["y_hat"]) ** 2).mean()
    assert scores.filter(model="ridge", fold=2, metric="mse")["value"].item() == pytest.approx(expected, rel=1e-12)


def test_undefined_scores_are_null_and_nothing_is_nan() -> None:
    zero = SCORES.filter(pl.col("model") == "zero", pl.col("metric").is_in(["direction", "correlation"]))
    assert zero["value"].is_null().all()
    assert zero.height == 2 * 5
    assert SCORES["value"].drop_nulls().is_finite().all()
    assert SCORES.filter(pl.col("value").is_null())["model"].unique().to_list() == ["zero"]


def test_a_correlation_whose_moments_vanish_is_null() -> None:
    tiny = FORECASTS.with_columns(pl.col("y", "y_hat") * 1e-200)
    assert score(match_forecasts(tiny)).filter(metric="correlation")["value"].is_null().all()


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_changes_no_digit(seed: int) -> None:
    shuffled = FORECASTS.sample(fraction=1, shuffle=True, seed=seed)
    assert score(match_forecasts(shuffled)).equals(SCORES)
