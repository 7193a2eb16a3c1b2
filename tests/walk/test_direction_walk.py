"""Tests of walks that forecast the direction: outcomes are 1 or 0, forecasts probabilities, the rival the base rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import backtest.reports as reports
from backtest.data.errors import ConfigError
from backtest.data.reading.synthetic import make_bars
from backtest.data.records.verdict import Verdict
from backtest.data.targets import TARGETS
from backtest.features.pipeline import build
from backtest.significance.direction import pesaran_timmermann
from backtest.significance.equal_accuracy import diebold_mariano
from tests.support.small_run import small, walk

SETTINGS = {"models": ["mean", "ridge"], "features": ["log_return"], "net": {"window": 24}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A walk over the direction of the next two bars."""
    folder = tmp_path_factory.mktemp("runs") / "direction"
    walk(folder, plan=small(**SETTINGS, target={"kind": "direction", "horizon": 2}))
    return folder


def forecasts_of(run: Path, model: str) -> pl.DataFrame:
    """Outcomes and forecasts of a model in the order of time."""
    return pl.read_parquet(run / "forecasts.parquet").filter(pl.col("seed").is_null(), model=model).sort("time")


def test_an_unchanged_price_is_not_a_rise_and_holes_have_no_outcome() -> None:
    bars = make_bars(12, symbol="A").with_columns(close=pl.Series([1.0, 1, 2, 2, 1, 3, 3, 3, 2, 4, 5, 5]))
    whole = build(bars, ["log_return"], kind="direction")["y_direction_1"].to_list()
    assert whole == [0, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, None]
    holed = build(bars.filter(pl.int_range(pl.len()) != 5), ["log_return"], kind="direction")["y_direction_1"]
    assert holed.to_list() == [0, 1, 0, 0, None, 0, 0, 1, 1, 0, None]


def test_forecasts_are_probabilities_and_the_rival_is_the_share_of_rises(run: Path) -> None:
    forecasts = pl.read_parquet(run / "forecasts.parquet")
    assert set(forecasts["y"].unique()) == {0.0, 1.0}
    assert forecasts["y_hat"].is_between(0, 1, closed="none").all()
    assert set(forecasts["model"]) == {"base_rate", "coin", "mean", "ridge"}
    assert (forecasts_of(run, "coin")["y_hat"] == 0.5).all()
    plan = small(**SETTINGS, target={"kind": "direction", "horizon": 2})
    fold, table = plan.folds[0], plan.features
    learned = table.filter(
        pl.col("time").is_between(fold.train.start, fold.train.end, closed="left")
        | pl.col("time").is_between(fold.validation.start, fold.validation.end, closed="left")
    )
    rate = forecasts_of(run, "base_rate").filter(fold=0)["y_hat"].unique().item()
    assert rate == pytest.approx(learned["y_direction_2"].mean(), abs=0.03)


@pytest.mark.parametrize("loss", ["brier", "log_loss"])
def test_the_test_of_both_losses_is_that_of_their_definitions(run: Path, loss: str) -> None:
    y = forecasts_of(run, "ridge")["y"].to_numpy()
    p, rate = (forecasts_of(run, name)["y_hat"].to_numpy() for name in ("ridge", "base_rate"))
    losses = [(one - y) ** 2 if loss == "brier" else -np.log(np.where(y == 1, one, 1 - one)) for one in (p, rate)]
    tests = pl.read_parquet(run / "tests.parquet").filter(
        pl.col("fold").is_null(), test="diebold_mariano", model="ridge", loss=loss, baseline="base_rate"
    )
    row = tests.filter(alternative="less")
    expected = diebold_mariano(losses[0], losses[1], horizon=2, alternative="less")
    assert row["p_value"].item() == pytest.approx(expected.p_value, rel=1e-9)
    assert row["skill"].item() == pytest.approx(1 - losses[0].mean() / losses[1].mean(), rel=1e-9)


def test_the_test_of_signs_asks_on_which_side_of_a_half_a_forecast_lies(run: Path) -> None:
    frame = forecasts_of(run, "ridge")
    y, p = (frame[name].to_numpy() - 0.5 for name in ("y", "y_hat"))
    found = pl.read_parquet(run / "tests.parquet").filter(test="pesaran_timmermann", model="ridge")
    assert found["p_value"].item() == pytest.approx(pesaran_timmermann(y, p, horizon=2).p_value, rel=1e-9)


def test_metrics_are_those_of_scikit_learn(run: Path) -> None:
    from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

    frame = forecasts_of(run, "ridge")
    y, p = frame["y"].to_numpy(), frame["y_hat"].to_numpy()
    scores = pl.read_parquet(run / "scores.parquet").filter(pl.col("fold").is_null(), model="ridge")
    found = dict(scores.select("metric", "value").iter_rows())
    assert found["brier"] == pytest.approx(brier_score_loss(y, p), rel=1e-12)
    assert found["log_loss"] == pytest.approx(log_loss(y, p), rel=1e-12)
    assert found["accuracy"] == pytest.approx(accuracy_score(y, p > 0.5), rel=1e-12)
    coin = pl.read_parquet(run / "scores.parquet").filter(pl.col("fold").is_null(), model="coin", metric="accuracy")
    assert coin["value"].item() is None


def test_the_verdict_is_about_the_brier_score_against_the_base_rate(run: Path) -> None:
    verdict = Verdict.from_json((run / "verdict.json").read_text("utf-8"))
    assert (verdict.question.loss, verdict.question.rival) == ("brier", "base_rate")
    for table in ("strategies", "coverage"):
        assert pl.read_parquet(run / f"{table}.parquet").is_empty()
    assert set(pl.read_parquet(run / "regimes.parquet")["regime"]) <= {"rises", "hour", "weekday"}


def test_the_report_speaks_of_probabilities(run: Path) -> None:
    reports.write(run)
    text = (run / "report.md").read_text("utf-8")
    for expected in ("Brier score", "log loss", "Base rate", "no prediction intervals: an outcome is 1 or 0"):
        assert expected in text
    for wrong in ("basis point is a probability", "half-width, ", "after costs?"):
        assert wrong not in text


@pytest.mark.parametrize("name", ["zero", "naive", "har"])
def test_models_of_other_scales_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"models: {name} cannot forecast direction: choose from"):
        small(**{**SETTINGS, "models": [name]}, target={"kind": "direction"})


@pytest.mark.parametrize("name", TARGETS["direction"].references)
def test_models_of_probabilities_are_refused_for_returns(name: str) -> None:
    with pytest.raises(ConfigError, match=f"models: {name} cannot forecast log_return: choose from zero, naive"):
        small(models=[name])
