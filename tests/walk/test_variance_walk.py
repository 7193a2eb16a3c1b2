"""Tests of walks that forecast variances: outcomes are sums of bar variances, the rival is log HAR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backtest.data.errors import ConfigError
from backtest.data.losses import LOSSES
from backtest.data.records.verdict import Verdict
from backtest.data.targets import TARGETS
from backtest.significance.equal_accuracy import diebold_mariano
from tests.support.small_run import small, walk

VARIANCES = [name for name, target in TARGETS.items() if target.bar_variance]
SETTINGS = {"models": ["har", "ridge", "mean"], "features": ["log_variance_5", "log_return"], "net": {"window": 24}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A walk over variances two bars ahead."""
    folder = tmp_path_factory.mktemp("runs") / "variance"
    walk(folder, plan=small(**SETTINGS, target={"kind": "log_variance", "horizon": 2}))
    return folder


@pytest.mark.parametrize("kind", VARIANCES)
def test_the_outcome_is_the_sum_of_the_next_bars_variances(kind: str) -> None:
    plan = small(**SETTINGS, target={"kind": kind, "horizon": 3})
    table = plan.features.select("bar_variance", y=f"y_{kind}_3")
    variances = table["bar_variance"].to_numpy()
    for place in (30, 31, 200):
        assert table["y"][place] == pytest.approx(variances[place + 1 : place + 4].sum(), rel=1e-12)
    assert table["y"][-3:].is_null().all()
    assert plan.rows.variances is not None


def test_forecasts_and_outcomes_are_variances_and_the_rival_is_log_har(run: Path) -> None:
    forecasts = pl.read_parquet(run / "forecasts.parquet")
    assert (forecasts["y"] >= 0).all()
    assert (forecasts["y_hat"] > 0).all()
    assert set(forecasts["model"]) == {"random_walk", "ewma", "log_har", "har", "ridge", "mean"}
    verdict = Verdict.from_json((run / "verdict.json").read_text("utf-8"))
    assert (verdict.question.loss, verdict.question.rival) == ("qlike", "log_har")
    assert {one.model for one in verdict.candidates} <= {"har", "ridge", "mean"}
    assert pl.read_parquet(run / "strategies.parquet").is_empty()


def test_the_verdict_rests_on_qlike_against_log_har(run: Path) -> None:
    wide = pl.read_parquet(run / "forecasts.parquet").filter(pl.col("seed").is_null()).sort("time")
    y = wide.filter(model="har")["y"].to_numpy()
    losses = [LOSSES["qlike"](y, wide.filter(model=name)["y_hat"].to_numpy()) for name in ("har", "log_har")]
    expected = diebold_mariano(losses[0], losses[1], horizon=2, alternative="less").p_value
    tests = pl.read_parquet(run / "tests.parquet").filter(
        pl.col("fold").is_null(), test="diebold_mariano", loss="qlike", baseline="log_har", alternative="less"
    )
    assert tests.filter(model="har")["p_value"].item() == pytest.approx(expected, rel=1e-9)
    constant = np.log(np.where(y > 0, y, y[y > 0].min())) + 1
    skill = 1 - (losses[0] - constant).mean() / (losses[1] - constant).mean()
    assert tests.filter(model="har")["skill"].item() == pytest.approx(skill, rel=1e-9)


@pytest.mark.parametrize("name", ["zero", "naive"])
def test_models_of_returns_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"models: {name} cannot forecast log_variance: choose from"):
        small(**{**SETTINGS, "models": [name]}, target={"kind": "log_variance"})


def test_models_of_variances_are_refused_for_returns() -> None:
    with pytest.raises(ConfigError, match="models: har cannot forecast log_return: choose from zero, naive"):
        small(models=["har"])


def test_a_target_brings_its_models_and_features() -> None:
    from backtest.walk.config_file import build

    config = build({"target": {"kind": "log_variance"}}, where="here")
    assert config.all_models == ("random_walk", "ewma", "log_har", "har", "lstm", "gru")
    assert config.features == TARGETS["log_variance"].features


def test_another_rival_and_another_loss_are_taken_from_the_settings(tmp_path: Path) -> None:
    question = {"rival": "ewma", "loss": "squared"}
    outcome = walk(tmp_path / "run", plan=small(**SETTINGS, target={"kind": "log_variance"}, question=question))
    assert (outcome.verdict.question.rival, outcome.verdict.question.loss) == ("ewma", "squared")
