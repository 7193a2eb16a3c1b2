"""The metrics agree with a plain loop, and say null where they are undefined."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data import result_tables, schema
from backtest.data.losses import LOSSES, metric_of
from backtest.data.question import Question
from backtest.data.targets import TARGETS
from backtest.evaluation.metrics import METRICS, metrics_of, score
from tests.support.forecasts import column, losses, losses_of, panels, random_forecasts

FORECASTS = random_forecasts(2)
SCORES = score(panels(FORECASTS))
OTHER_LOSSES = [name for name in Question().losses if name not in ("squared", "absolute")]
"""Losses that a plain loop has no formula of its own for."""


def measured(y: list[float], y_hat: list[float], naive: list[float] | None = None) -> dict[str, float | None]:
    """Every metric of one group of rows."""
    rows = pl.DataFrame({"y": y, "y_hat": y_hat, "zero": 0.0, "naive": naive or [0.01] * len(y)})
    return rows.select(**metrics_of(Question())).row(0, named=True)


def looped(y: list[float], y_hat: list[float], naive: list[float]) -> dict[str, float]:
    """The same by the book, row by row."""
    n = len(y)
    rows = list(zip(y, y_hat, strict=True))
    mse = sum((a - b) ** 2 for a, b in rows) / n
    signs = [(a > 0) == (b > 0) for a, b in rows if a != 0 and b != 0]
    mean_y, mean_f = sum(y) / n, sum(y_hat) / n
    covariance = sum((a - mean_y) * (b - mean_f) for a, b in rows)
    spread = math.sqrt(sum((a - mean_y) ** 2 for a in y) * sum((b - mean_f) ** 2 for b in y_hat))
    return {
        "mse": mse,
        "rmse": math.sqrt(mse),
        "mae": sum(abs(a - b) for a, b in rows) / n,
        "skill_zero": 1 - mse / (sum(a**2 for a in y) / n),
        "skill_naive": 1 - mse / (sum((a - b) ** 2 for a, b in zip(y, naive, strict=True)) / n),
        "direction": sum(signs) / len(signs),
        "correlation": covariance / spread,
    }


@given(st.integers(0, 2**32 - 1), st.integers(3, 200), st.sampled_from([1e-8, 1e-4, 1.0, 1e4]))
def test_every_metric_agrees_with_a_loop_at_any_scale(seed: int, n: int, scale: float) -> None:
    y, y_hat, naive = (np.random.default_rng(seed).standard_normal((3, n)) * scale).tolist()
    others = {metric_of(name): losses_of(name, np.array(y), np.array(y_hat)).mean() for name in OTHER_LOSSES}
    expected = looped(y, y_hat, naive) | others
    got = measured(y, y_hat, naive)
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_each_metric_has_one_line_for_the_list_and_a_name_of_its_own() -> None:
    assert all(metric.summary and "\n" not in metric.summary for metric in METRICS.values())
    names = [*METRICS, *map(metric_of, LOSSES)]
    assert len({*names}) == len(names)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_mean_of_every_loss_is_among_the_metrics_of_every_target_that_it_is_for(loss: str) -> None:
    for kind, target in TARGETS.items():
        found = metrics_of(Question(kind, target.losses[0], target.rival))
        assert (metric_of(loss) in found) == (target.scale in LOSSES[loss].scales)


def test_direction_leaves_out_rows_where_forecast_or_return_is_zero() -> None:
    assert measured([0.1, 0.1, 0.0, -0.1, 0.1], [0.2, 0.0, 0.3, 0.1, 0.1])["direction"] == pytest.approx(2 / 3)


def test_direction_of_a_forecast_that_never_leaves_zero_is_null() -> None:
    assert measured([0.1, -0.1], [0.0, 0.0])["direction"] is None


def test_direction_reads_signs_too_small_to_multiply() -> None:
    assert measured([1e-200, -1e-200], [1e-200, -1e-200])["direction"] == 1


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e-8])
def test_correlation_of_a_constant_is_null(constant: float) -> None:
    varied = [0.1, -0.2, 0.3]
    assert measured(varied, [constant] * 3)["correlation"] is None
    assert measured([constant] * 3, varied)["correlation"] is None


def test_correlation_of_a_forecast_with_itself_is_one_and_never_more() -> None:
    y = (np.random.default_rng(1).standard_normal(1000) * 1e-3).tolist()
    assert measured(y, [2 * value for value in y])["correlation"] == pytest.approx(1, abs=1e-12)
    assert (measured(y, y)["correlation"] or 2) <= 1


def test_skill_against_a_baseline_without_error_is_null() -> None:
    got = measured([0.0, 0.0], [0.1, 0.1], naive=[0.0, 0.0])
    assert got["skill_zero"] is None
    assert got["skill_naive"] is None


def test_scores_hold_every_metric_for_every_fit_fold_and_pool() -> None:
    fits, folds = 5 + 1, 4 + 1
    schema.check(SCORES, result_tables.SCORES)
    assert SCORES.columns == result_tables.SCORES.names
    assert SCORES.height == fits * folds * len(metrics_of(Question()))
    assert SCORES.select("model", "seed", "fold", "horizon", "metric").is_duplicated().sum() == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_pooled_and_fold_scores_agree_with_numpy(seed: int, folds: int) -> None:
    forecasts = random_forecasts(seed, n=60, folds=folds)
    scores = score(panels(forecasts)).filter(pl.col("model") == "lstm", pl.col("seed").is_null())
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
            **{metric_of(name): losses(forecasts, "lstm", name, fold).mean() for name in OTHER_LOSSES},
        }
        got = scores.filter(pl.col("fold").eq_missing(pl.lit(fold, pl.Int32)))
        assert dict(got.select("metric", "value").iter_rows()) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_rows_of_several_symbols_are_one_group() -> None:
    both = pl.concat([random_forecasts(4), random_forecasts(5, symbol="ETHUSDT")])
    scores = score(panels(both))
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
    assert score(panels(tiny)).filter(metric="correlation")["value"].is_null().all()


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_changes_no_digit(seed: int) -> None:
    shuffled = FORECASTS.sample(fraction=1, shuffle=True, seed=seed)
    assert score(panels(shuffled)).equals(SCORES)
