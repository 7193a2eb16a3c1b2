"""What hangs on one seed or one fold is what the primary test says of the rest."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from backtest.data import result_tables
from backtest.evaluation.robustness import by_seed, without_each_fold
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.mean_tests import mean_test
from tests.support.forecasts import FloatArray, forecast_table, losses, panels, random_forecasts

FORECASTS = random_forecasts(2, n=400, signal=0.05)


def test_without_a_fold_stands_the_test_of_all_other_rows() -> None:
    dropped = without_each_fold(panels(FORECASTS))
    assert dropped.select("model", "fold").rows() == [(model, fold) for fold in range(4) for model in ("lstm", "ridge")]
    for row in dropped.iter_rows(named=True):
        rest = FORECASTS.filter(pl.col("fold") != row["fold"])
        model, zero = losses(rest, row["model"], "squared"), losses(rest, "zero", "squared")
        result = diebold_mariano(model, zero, alternative="less")
        assert (row["p_value"], row["p_worse"]) == pytest.approx((result.p_value, 1 - result.p_value), rel=1e-9)
        assert row["skill"] == pytest.approx(1 - model.mean() / zero.mean(), rel=1e-9)


def test_one_fold_alone_has_no_rest() -> None:
    assert without_each_fold(panels(random_forecasts(1, folds=1))).is_empty()


def test_every_seed_is_tested_alone() -> None:
    seeds = by_seed(panels(FORECASTS))
    assert seeds.select("model", "seed").rows() == [("lstm", 0), ("lstm", 1)]
    zero = losses(FORECASTS, "zero", "squared")
    for seed, p_value, skill in seeds.select("seed", "p_value", "skill").iter_rows():
        rows = FORECASTS.filter(model="lstm", seed=seed).sort("time")
        loss = ((rows["y"] - rows["y_hat"]) ** 2).to_numpy()
        assert p_value == pytest.approx(diebold_mariano(loss, zero, alternative="less").p_value, rel=1e-9)
        assert skill == pytest.approx(1 - loss.mean() / zero.mean(), rel=1e-9)


def test_the_variance_of_one_seed_is_that_of_time_and_that_between_seeds() -> None:
    row = by_seed(panels(FORECASTS)).row(0, named=True)
    y, zero = FORECASTS.filter(model="lstm", seed=0)["y"].to_numpy(), losses(FORECASTS, "zero", "squared")
    members = [FORECASTS.filter(model="lstm", seed=seed)["y_hat"].to_numpy() for seed in (0, 1)]
    differences = [(y - y_hat) ** 2 - zero for y_hat in members]
    assert row["time_variance"] == pytest.approx(mean_test(np.mean(differences, axis=0)).standard_error ** 2, rel=1e-9)
    assert row["seed_variance"] == pytest.approx(np.var([each.mean() for each in differences], ddof=1), rel=1e-9)


def test_shares_are_those_of_the_world_that_was_drawn() -> None:
    rng, n, shares = np.random.default_rng(0), 500, []
    for _ in range(60):
        y = rng.standard_normal(n)
        common = 0.1 * rng.standard_normal(n)
        levels = 0.1 * rng.standard_normal(8)  # a seed's luck: a constant that it adds to every forecast
        members = [common + level for level in levels]
        fits: dict[tuple[str, int | None], FloatArray] = {("net", k): member for k, member in enumerate(members)}
        fits |= {("net", None): np.mean(members, axis=0), ("zero", None): np.zeros(n), ("naive", None): y - 1}
        row = by_seed(panels(forecast_table(y, fits))).row(0, named=True)
        shares.append((row["time_variance"], row["seed_variance"]))
    time, seed = np.mean(shares, axis=0)
    # loss difference: f^2 - 2 y f with f = common + level; Var over seeds of its mean: about 2 Var(level)^2 + noise
    assert time == pytest.approx((4 * 0.01 + 2 * 0.01**2) / n, rel=0.25)
    assert seed == pytest.approx(2 * 0.01**2 + 4 * 0.01 / n, rel=0.35)


def test_models_without_seeds_have_none_and_a_lone_seed_has_no_shares() -> None:
    lone = FORECASTS.filter(pl.col("seed").is_null() | (pl.col("seed") == 0))
    seeds = by_seed(panels(lone))
    assert seeds.select("model", "time_variance", "seed_variance").rows() == [("lstm", None, None)]
    none = by_seed(panels(FORECASTS.filter(pl.col("seed").is_null())))
    assert none.is_empty()
    assert none.columns == result_tables.SEEDS.names
