"""Scores and tests are those of the formulas, complete, null where undefined, and the same to the last digit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.metrics import LOSSES, METRICS
from backtest.scoring import compare, score
from backtest.significance import TESTS, diebold_mariano, holm, skill_interval
from backtest.significance.result import FloatArray
from data import schema
from data.errors import UnpairedForecasts
from data.names import REFERENCES
from tests.forecasts import forecast_table, random_forecasts

FORECASTS = random_forecasts(2)
SCORES = score(FORECASTS)
COMPARED = compare(FORECASTS)
POOLED = pl.col("fold").is_null()


def column(forecasts: pl.DataFrame, name: str, model: str, fold: int | None = None) -> FloatArray:
    """One column of a model's mean over seeds, in the order of time."""
    rows = forecasts.filter(pl.col("model") == model, pl.col("seed").is_null()).sort("time")
    return (rows if fold is None else rows.filter(pl.col("fold") == fold))[name].to_numpy()


def losses(forecasts: pl.DataFrame, model: str, loss: str, fold: int | None = None) -> FloatArray:
    """Losses of a model's mean over seeds, by numpy."""
    error = column(forecasts, "y", model, fold) - column(forecasts, "y_hat", model, fold)
    return error**2 if loss == "squared" else np.abs(error)


def digest() -> str:
    """Digest of the scores and tests of forecasts enough for Polars to use several threads."""
    forecasts = random_forecasts(3, n=50_000, folds=50)
    frames = (score(forecasts), compare(forecasts))
    return hashlib.sha256("".join(frame.write_csv() for frame in frames).encode()).hexdigest()


def test_scores_hold_every_metric_for_every_fit_fold_and_pool() -> None:
    fits, folds = 5 + 1, 4 + 1
    schema.check(SCORES, schema.SCORES)
    assert SCORES.columns == schema.SCORES.names
    assert SCORES.height == fits * folds * len(METRICS)
    assert SCORES.select("model", "seed", "fold", "horizon", "metric").is_duplicated().sum() == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_pooled_and_fold_scores_agree_with_numpy(seed: int, folds: int) -> None:
    forecasts = random_forecasts(seed, n=60, folds=folds)
    scores = score(forecasts).filter(pl.col("model") == "lstm", pl.col("seed").is_null())
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
    scores = score(both)
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


def test_tests_hold_every_model_against_every_baseline_for_each_loss_per_fold_and_pooled() -> None:
    pairs = len(TESTS) * len(LOSSES) * (3 + 3)  # each baseline against the three other models
    assert COMPARED.columns == [column.name for column in schema.TESTS.columns]
    assert COMPARED.filter(POOLED).height == pairs * 3
    assert COMPARED.filter(~POOLED).height == pairs * 2 * 4
    assert not (COMPARED["model"] == COMPARED["baseline"]).any()


def test_each_row_is_the_test_of_its_losses() -> None:
    for row in COMPARED.iter_rows(named=True):
        model, baseline = (losses(FORECASTS, row[name], row["loss"], row["fold"]) for name in ("model", "baseline"))
        result, skill = (
            diebold_mariano(model, baseline, alternative=row["alternative"]),
            skill_interval(model, baseline),
        )
        assert (row["statistic"], row["p_value"]) == pytest.approx((result.statistic, result.p_value), rel=1e-9)
        assert (row["n"], row["lags"], row["note"]) == (result.n, result.lags, "")
        assert (row["skill"], row["skill_low"], row["skill_high"]) == pytest.approx(
            (skill.value, skill.low, skill.high)
        )


def test_skill_beside_the_tests_is_the_skill_among_the_scores() -> None:
    tested = COMPARED.filter(alternative="less", loss="squared", baseline="zero").select("model", "fold", "skill")
    scored = SCORES.filter(pl.col("seed").is_null(), metric="skill_zero").select("model", "fold", "value")
    both = tested.join(scored, on=["model", "fold"], nulls_equal=True)
    assert both.height == tested.height == 3 * 5
    np.testing.assert_allclose(both["skill"], both["value"], atol=1e-12)


def test_adjustment_is_holm_over_the_pooled_models_that_are_no_baselines() -> None:
    for family in COMPARED.filter(POOLED).partition_by("loss", "baseline", "alternative"):
        members = family.filter(~pl.col("model").is_in(REFERENCES))
        assert members["model"].to_list() == ["lstm", "ridge"]
        assert members["p_adjusted"].to_list() == holm(members["p_value"]).tolist()
        assert family.filter(pl.col("model").is_in(REFERENCES))["p_adjusted"].is_null().all()
    assert COMPARED.filter(~POOLED)["p_adjusted"].is_null().all()


def test_a_model_that_forecasts_zero_keeps_its_rows_with_the_reason_and_leaves_the_family() -> None:
    idle = FORECASTS.filter(pl.col("model") == "zero").with_columns(model=pl.lit("idle"))
    tests = compare(pl.concat([FORECASTS, idle]))
    undefined = tests.filter(model="idle", baseline="zero")
    assert undefined.height == 2 * (3 + 4 * 2)
    assert undefined["note"].str.contains("equally good in every row").all()
    for name in ("statistic", "p_value", "p_adjusted", "lags", "skill_low", "skill_high"):
        assert undefined[name].is_null().all()
    assert (undefined["skill"] == 0).all()
    rest = tests.filter((pl.col("model") != "idle") & (pl.col("baseline") == "zero"))
    assert rest.equals(COMPARED.filter(baseline="zero"))


def test_a_correlation_whose_moments_vanish_is_null() -> None:
    tiny = FORECASTS.with_columns(pl.col("y", "y_hat") * 1e-200)
    assert score(tiny).filter(metric="correlation")["value"].is_null().all()


def test_folds_of_one_row_are_undefined_and_nothing_is_nan() -> None:
    tests = compare(random_forecasts(1, n=6, folds=6))
    assert tests.filter(~POOLED)["statistic"].is_null().all()
    assert tests.filter(~POOLED)["note"].str.contains(r"more than the horizon, 1, are needed \(got 1\)").all()
    assert tests.filter(POOLED)["p_value"].is_between(0, 1).all()
    numbers = tests.select(pl.selectors.float()).select(pl.all().drop_nulls().is_finite().all())
    assert all(numbers.row(0))


def test_a_series_without_any_movement_has_no_skill_but_its_rows() -> None:
    still = np.zeros(40)
    noise = np.random.default_rng(1).standard_normal(40)
    tests = compare(forecast_table(still, {("zero", None): still, ("naive", None): still, ("ridge", None): noise}))
    assert tests["skill"].is_null().all()
    assert tests.filter(model="ridge")["p_value"].is_not_null().all()


def test_losses_of_several_symbols_are_averaged_for_each_time() -> None:
    btc, eth = random_forecasts(4), random_forecasts(5, symbol="ETHUSDT")
    row = (
        compare(pl.concat([btc, eth])).filter(POOLED, model="lstm", baseline="zero", loss="squared").row(0, named=True)
    )
    model, zero = ((losses(btc, m, "squared") + losses(eth, m, "squared")) / 2 for m in ("lstm", "zero"))
    assert row["n"] == 240
    assert row["statistic"] == pytest.approx(diebold_mariano(model, zero).statistic, rel=1e-9)


def test_a_symbol_that_only_repeats_another_adds_no_evidence() -> None:
    doubled = compare(pl.concat([FORECASTS, FORECASTS.with_columns(symbol=pl.lit("COPY"))]))
    np.testing.assert_allclose(doubled["p_value"], COMPARED["p_value"], rtol=1e-9)


def test_each_horizon_has_its_own_rows_and_all_share_the_family() -> None:
    later = random_forecasts(7).with_columns(horizon=pl.lit(5, pl.Int32))
    tests = compare(pl.concat([FORECASTS, later])).filter(POOLED, baseline="zero", loss="squared", alternative="less")
    members = tests.filter(~pl.col("model").is_in(REFERENCES))
    assert members.select("horizon", "lags").rows() == [(1, 0), (1, 0), (5, 4), (5, 4)]
    assert members["p_adjusted"].to_list() == holm(members["p_value"]).tolist()
    zero, lstm = (losses(later, model, "squared") for model in ("zero", "lstm"))
    expected = diebold_mariano(lstm, zero, horizon=5, estimator="truncated", alternative="less").p_value
    assert members.filter(model="lstm", horizon=5)["p_value"].item() == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_changes_no_digit(seed: int) -> None:
    shuffled = FORECASTS.sample(fraction=1, shuffle=True, seed=seed)
    assert score(shuffled).equals(SCORES)
    assert compare(shuffled).equals(COMPARED)


def test_the_number_of_threads_changes_no_digit() -> None:
    command = [sys.executable, "-c", "from tests.test_backtest_scoring import digest; print(digest())"]
    digests = {
        subprocess.run(  # noqa: S603
            command, env={**os.environ, "POLARS_MAX_THREADS": threads}, capture_output=True, text=True, check=True
        ).stdout
        for threads in ("1", "2", "3")
    }
    assert len(digests) == 1


def test_unpaired_forecasts_are_refused_by_both() -> None:
    unpaired = FORECASTS.filter((pl.col("model") != "ridge") | (pl.col("y") > 0))
    for work in (score, compare):
        with pytest.raises(UnpairedForecasts, match="a forecast is missing that zero has: ridge"):
            work(unpaired)
