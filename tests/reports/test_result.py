"""Tests of the typed result: its numbers against plain numpy, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from backtest.data.errors import RunError, UnpairedForecasts
from backtest.data.result_tables import RUN_TABLES
from backtest.data.schema import FITS, FOLDS
from backtest.reports.diagnostics import calibrate, learning_curves, loss_path, side_by_side
from backtest.reports.report import write
from backtest.reports.run import RunResult, from_tables, read
from tests.support.fake_run import Plan, make

Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("result"), Plan(source="result", symbols=("A", "B"), folds=4, test=120))


@pytest.fixture(scope="module")
def result(run: Path) -> RunResult:
    return read(run)


@pytest.fixture(scope="module")
def series(run: Path) -> Callable[[str], tuple[Floats, Floats, NDArray[np.int64]]]:
    """Outcomes, forecasts and folds of a model, in the order of time and symbol."""
    forecasts = pl.read_parquet(run / "forecasts.parquet").filter(pl.col("seed").is_null()).sort("time", "symbol")

    def of(model: str) -> tuple[Floats, Floats, NDArray[np.int64]]:
        rows = forecasts.filter(model=model)
        return rows["y"].to_numpy(), rows["y_hat"].to_numpy(), rows["fold"].to_numpy().astype(np.int64)

    return of


def test_errors_and_skills_are_those_of_the_forecasts(result: RunResult, series: Callable[[str], Any]) -> None:
    for score in result.scores:
        y, y_hat, _ = series(score.model)
        naive = series("naive")[1]
        assert score.loss == pytest.approx(np.mean((y - y_hat) ** 2))
        assert score.other_loss == pytest.approx(np.mean(np.abs(y - y_hat)))
        assert score.skill == pytest.approx(1 - np.sum((y - y_hat) ** 2) / np.sum(y**2), abs=1e-12)
        assert score.other_skill == pytest.approx(1 - np.sum((y - y_hat) ** 2) / np.sum((y - naive) ** 2), abs=1e-12)


def test_folds_won_are_those_with_a_smaller_squared_error_than_zero(
    result: RunResult, series: Callable[[str], Any]
) -> None:
    for score in result.scores:
        y, y_hat, folds = series(score.model)
        won = sum(np.sum((y - y_hat)[folds == fold] ** 2) < np.sum(y[folds == fold] ** 2) for fold in range(4))
        assert score.folds_won == (None if score.model == "zero" else won)


def test_p_values_are_those_of_the_pooled_one_sided_test_against_zero(result: RunResult, run: Path) -> None:
    tests = pl.read_parquet(run / "tests.parquet")
    for score in result.scores[1:]:
        rows = tests.filter(pl.col("fold").is_null(), model=score.model, baseline="zero")
        row = rows.filter(test="diebold_mariano", loss="squared", alternative="less").row(0, named=True)
        assert (score.p_value, score.p_adjusted) == (row["p_value"], row["p_adjusted"])
    assert result.scores[0].p_value is None


def test_baselines_come_first_then_candidates_by_squared_error(result: RunResult) -> None:
    models = [score.model for score in result.scores]
    assert models[:2] == ["zero", "naive"]
    assert set(models[:5]) == {"zero", "naive", "mean", "ar", "ridge"}
    errors = [score.loss for score in result.candidates]
    assert {score.model for score in result.candidates} == {"lstm", "gru"}
    assert errors == sorted(errors, key=lambda error: error or 0.0)


def test_cumulative_difference_adds_up_and_ends_at_minus_the_skill(
    result: RunResult, series: Callable[[str], Any]
) -> None:
    for path in result.paths:
        y, y_hat, folds = series(path.model)
        steps = ((y - y_hat) ** 2 - y**2).reshape(-1, 2).sum(axis=1) / np.sum(y**2)
        np.testing.assert_allclose(path.values, np.cumsum(steps), atol=1e-12)
        skill = next(score.skill for score in result.scores if score.model == path.model)
        assert path.values[-1] == pytest.approx(-(skill or 0.0), abs=1e-12)
        ends = [np.sum(steps[folds[::2] <= fold]) for fold in range(4)]
        np.testing.assert_allclose([path.at_fold_end[fold] for fold in range(4)], ends, atol=1e-12)


def test_deciles_hold_equal_numbers_and_the_means_of_what_came(result: RunResult, series: Callable[[str], Any]) -> None:
    found = calibrate(result.origins, "gru")
    y, y_hat, _ = series("gru")
    groups = np.argsort(y_hat).reshape(10, -1)
    for group, decile in zip(groups, found.deciles, strict=True):
        assert decile.n == len(group)
        assert decile.forecast == pytest.approx(y_hat[group].mean())
        assert decile.outcome == pytest.approx(y[group].mean())
        margin = 1.96 * y[group].std(ddof=1) / np.sqrt(len(group))
        assert (decile.low, decile.high) == pytest.approx((y[group].mean() - margin, y[group].mean() + margin))


def test_slope_and_its_interval_are_those_of_a_regression_with_robust_errors(
    result: RunResult, series: Callable[[str], Any]
) -> None:
    found = calibrate(result.origins, "lstm")
    y, y_hat, _ = series("lstm")
    x = np.column_stack([np.ones_like(y_hat), y_hat])
    inverse = np.linalg.inv(x.T @ x)
    beta = inverse @ x.T @ y
    robust = inverse @ (x.T * (y - x @ beta) ** 2) @ x @ inverse
    margin = 1.96 * np.sqrt(robust[1, 1])
    assert found.slope == pytest.approx(beta[1])
    assert (found.slope_low, found.slope_high) == pytest.approx((beta[1] - margin, beta[1] + margin))
    assert found.spread == pytest.approx(y_hat.std() / y.std())
    assert not found.constant


def test_learning_curves_are_relative_to_the_first_epoch(result: RunResult, run: Path) -> None:
    fits = pl.read_parquet(run / "fits.parquet").filter(model="gru", fold=2, seed=1)
    found = next(
        fit
        for fit in learning_curves(result.frame(FITS), result.frame(FOLDS))
        if (fit.model, fit.fold, fit.seed) == ("gru", 2, 1)
    )
    losses = fits["validation_loss"].to_numpy()
    np.testing.assert_allclose(found.validation, losses / losses[0])
    assert found.best == fits.filter("best")["epoch"].item()
    assert found.epochs == fits.height


def test_a_fold_carries_its_spans_and_every_models_skill(result: RunResult, run: Path) -> None:
    scores = pl.read_parquet(run / "scores.parquet").filter(pl.col("seed").is_null(), fold=3, metric="skill_zero")
    fold = result.folds[3]
    assert fold.skills == dict(scores.select("model", "value").iter_rows())
    assert fold.test_start == pl.read_parquet(run / "folds.parquet")["test_start"][3]


def test_a_constant_forecast_has_one_group_no_slope_and_is_called_constant(tmp_path: Path) -> None:
    found = read(make(tmp_path, Plan(constant=("gru",), folds=3)))
    constant = calibrate(found.origins, "gru")
    assert constant.constant
    assert constant.slope is None
    assert len(constant.deciles) == 1


def test_a_run_without_networks_has_the_learning_baselines_as_candidates(tmp_path: Path) -> None:
    found = read(make(tmp_path, Plan(networks=(), folds=3)))
    assert {score.model for score in found.candidates} == {"mean", "ar", "ridge"}
    assert learning_curves(found.frame(FITS), found.frame(FOLDS)) == ()


def test_of_several_horizons_the_shortest_is_shown(run: Path) -> None:
    found = read(run)
    longer = {"horizon": pl.lit(5, pl.Int32)}
    forecasts = pl.concat([found.tables["forecasts"].with_columns(y=pl.lit(0.0), **longer), found.tables["forecasts"]])
    scores = pl.concat([found.tables["scores"].with_columns(value=pl.lit(0.0), **longer), found.tables["scores"]])
    both = replace(found, tables={**found.tables, "forecasts": forecasts, "scores": scores})
    assert (both.horizon, both.scores, both.folds) == (1, found.scores, found.folds)


@pytest.mark.parametrize("change", ["missing", "twice"])
def test_a_pair_of_forecasts_that_is_missing_or_stands_twice_is_refused(run: Path, change: str) -> None:
    forecasts = pl.read_parquet(run / "forecasts.parquet").filter(pl.col("seed").is_null())
    gru = forecasts.filter(model="gru")
    others = forecasts.filter(pl.col("model") != "gru")
    damaged = pl.concat([others, gru[1:] if change == "missing" else pl.concat([gru, gru[:1]])])
    with pytest.raises(UnpairedForecasts, match="all models must forecast the same rows once"):
        side_by_side(damaged)


def test_one_row_twice_does_not_make_up_for_one_that_is_missing(run: Path) -> None:
    forecasts = pl.read_parquet(run / "forecasts.parquet").filter(pl.col("seed").is_null())
    gru = forecasts.filter(model="gru")
    with pytest.raises(UnpairedForecasts, match="all models must forecast the same rows once"):
        side_by_side(pl.concat([forecasts.filter(pl.col("model") != "gru"), gru[1:], gru[1:2]]))


def test_models_with_the_names_of_columns_do_not_get_in_their_way(run: Path) -> None:
    forecasts = pl.read_parquet(run / "forecasts.parquet").filter(pl.col("seed").is_null())
    renamed = forecasts.with_columns(pl.col("model").replace({"lstm": "time", "gru": "y"}))
    origins = side_by_side(renamed)
    ends = [
        loss_path(*each, "zero", "squared").values[-1] for each in ((origins, "y"), (side_by_side(forecasts), "gru"))
    ]
    assert ends[0] == ends[1]
    assert calibrate(origins, "time").slope == calibrate(side_by_side(forecasts), "lstm").slope


def test_a_run_from_memory_equals_the_run_read_from_its_folder(run: Path, result: RunResult) -> None:
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    tables = {table.file: pl.read_parquet(run / table.file) for table in RUN_TABLES}
    found = from_tables(manifest, (run / "config.toml").read_text("utf-8"), result.verdict, result.audit, tables)
    assert (found.manifest, found.config, found.costs) == (result.manifest, result.config, result.costs)
    assert (found.verdict, found.audit) == (result.verdict, result.audit)
    assert found.tables.keys() == result.tables.keys()
    for name, frame in found.tables.items():
        assert_frame_equal(frame, result.tables[name])


def test_the_report_of_a_run_in_memory_needs_a_folder(run: Path, result: RunResult) -> None:
    tables = {table.file: pl.read_parquet(run / table.file) for table in RUN_TABLES}
    in_memory = from_tables(result.manifest, result.config, result.verdict, result.audit, tables)
    with pytest.raises(RunError, match="expected a folder"):
        write(in_memory)
