"""RANGES against a slow count from FEATURES, FOLDS and FORECASTS alone."""

from __future__ import annotations

from itertools import product

import polars as pl
import pytest

from backtest.data.result_tables import RANGES
from backtest.data.schema import check
from backtest.models import scales, variance
from backtest.models.variance import LogHar
from backtest.walk.engine import walk_in_memory
from backtest.walk.ranges import range_table
from tests.support.small_run import small


def test_values_outside_of_the_training_range_are_counted_by_input_and_by_model() -> None:
    plan = small(models=["zero", "naive", "lstm"], train={"epochs": 1})
    walk = walk_in_memory(plan)
    found = check(range_table(plan, walk.forecasts), RANGES)
    assert found.filter(pl.col("feature").is_not_null())["outside"].sum() > 0
    assert found.filter(model="naive")["outside"].sum() > 0
    for fold in walk.folds.iter_rows(named=True):
        time, y = pl.col("time"), pl.col("y_log_return_1")
        seen = plan.features.filter(time >= fold["train_start"], time < fold["train_end"]).drop_nulls()
        met = plan.features.filter(time >= fold["test_start"], time < fold["test_end"], y.is_not_null())
        for feature in plan.names:
            (row,) = found.filter(fold=fold["fold"], feature=feature).to_dicts()
            low, high = seen[feature].min(), seen[feature].max()
            outside = met.filter((pl.col(feature) < low) | (pl.col(feature) > high)).height
            assert row == {
                "fold": fold["fold"],
                "feature": feature,
                "model": None,
                "horizon": None,
                "low": low,
                "high": high,
                "n": met.height,
                "outside": outside,
                "lowest": met[feature].min(),
                "highest": met[feature].max(),
                "replaced": None,
            }
        ends = seen["y_log_return_1"].min(), seen["y_log_return_1"].max()
        for model, seeds in (("zero", 1), ("naive", 1), ("lstm", 2)):
            (row,) = found.filter(fold=fold["fold"], model=model).to_dicts()
            made = walk.forecasts.filter(fold=fold["fold"], model=model)
            made = made if seeds == 1 else made.drop_nulls("seed")
            assert (row["n"], row["horizon"]) == (met.height * seeds, 1)
            assert (row["low"], row["high"]) == pytest.approx(ends)
            assert row["outside"] == made.filter(~pl.col("y_hat").is_between(*ends, closed="none")).height
    assert found["replaced"].null_count() == found.height
    assert found.height == walk.folds.height * (len(plan.names) + 3)


def test_replaced_forecasts_of_variances_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the forecasts of the same models without the filter; a random walk may repeat the largest variance."""
    settings = {
        "models": ["har", "ridge"],
        "target": {"kind": "log_variance", "horizons": [1, 2]},
        "net": {"window": 24},
    }
    plan = small(**settings, features=["log_variance_5"], data={"source": "synthetic:n=900,signal=0.1"})
    rows = plan.rows
    assert rows.variances is not None
    rows.variances[700:760] *= 50  # beyond what earlier folds know
    monkeypatch.setattr(LogHar, "forecast", lambda self, windows: 0.0 * windows.past_variances[:, -1])
    found = walk_in_memory(plan).forecasts
    table = range_table(plan, found).filter(pl.col("model").is_not_null())
    with monkeypatch.context() as without:
        for module in (variance, scales):
            without.setattr(module, "known_range_filter", lambda forecasts, *_: forecasts)
        free = walk_in_memory(plan).forecasts
    moved = found.with_columns(raw=free["y_hat"]).filter(pl.col("raw") != pl.col("y_hat"))
    for fold, model, horizon in product(plan.folds, plan.config.all_models, (1, 2)):
        about = {"fold": fold.index, "model": model, "horizon": horizon}
        assert table.filter(**about)["replaced"].item() == moved.filter(**about).height
    counts = dict(table.group_by("model").agg(pl.col("replaced").sum()).iter_rows())
    assert counts["log_har"] == found.filter(model="log_har").height
    assert counts["har"] > 0
    assert counts["random_walk"] == counts["ewma"] == 0
