"""The next step: from the newest bars, by the fits on all bars, and never by a stranger's code."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backtest.forecast import next_steps
from data import synthetic
from data.errors import ConfigError, DataError
from tests.small_run import small, walk

BARS = synthetic.make(900, signal=0.1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run over a file of bars."""
    folder = tmp_path_factory.mktemp("forecast")
    BARS.write_parquet(folder / "bars.parquet")
    walk(folder / "run", prepared=small(data={"source": str(folder / "bars.parquet")}))
    return folder


def test_the_step_follows_the_last_close(finished: Path) -> None:
    steps, sentence = next_steps(finished / "run")
    close, time = BARS["close"][-1], BARS["time"][-1]
    assert [step.model for step in steps] == ["zero", "naive", "mean", "ar", "ridge", "lstm"]
    assert {step.close for step in steps} == {close}
    assert {step.known_at for step in steps} == {time + timedelta(hours=1)}
    assert {step.target_time for step in steps} == {time + timedelta(hours=2)}
    assert sentence
    zero, naive, mean, *_ = steps
    assert zero.next_close == close
    assert naive.log_return == pytest.approx(np.log(close / BARS["close"][-2]), rel=1e-9)
    assert naive.next_close == pytest.approx(close**2 / BARS["close"][-2], rel=1e-9)
    assert abs(mean.log_return) < 1e-3


def test_the_final_fit_learns_from_bars_behind_the_last_fold(finished: Path) -> None:
    prepared = small(data={"source": str(finished / "bars.parquet")})
    assert prepared.final.train.end > prepared.folds[-1].train.end
    assert prepared.final.validation.end == BARS["time"][-1] + timedelta(hours=1)


def test_newer_bars_move_the_step(finished: Path, tmp_path: Path) -> None:
    longer = synthetic.make(950, signal=0.1)
    longer.write_csv(tmp_path / "newer.csv")
    steps, _ = next_steps(finished / "run", data=str(tmp_path / "newer.csv"))
    assert {step.known_at for step in steps} == {longer["time"][-1] + timedelta(hours=1)}
    assert {step.close for step in steps} == {longer["close"][-1]}


def test_a_hole_in_the_last_window_is_named(finished: Path, tmp_path: Path) -> None:
    BARS.filter(pl.int_range(pl.len()) != 895).write_parquet(tmp_path / "hole.parquet")
    with pytest.raises(DataError, match="must be without a hole"):
        next_steps(finished / "run", data=str(tmp_path / "hole.parquet"))


PLUGIN = """
import polars as pl
from features import feature
from models import MODELS, model
from models.baselines import Mean

@feature(lookback=3)
def slope() -> pl.Expr:
    return pl.col("close").log().diff(3)

@model("twice_mean")
def twice_mean(net, train, seed):
    "Twice the mean."
    return Mean()
"""


@pytest.mark.usefixtures("open_tables")
def test_plugins_are_found_in_the_working_directory_and_run_only_when_they_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_plugin.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    changes = {"plugins": ["my_own_plugin"], "features": ["slope"], "models": ["twice_mean"]}
    outcome = walk(tmp_path / "run", prepared=small(**changes, executor="loky", jobs=2))
    assert outcome.verdict.model == "twice_mean"
    with pytest.raises(ConfigError, match="--plugins: this run uses the plugin my_own_plugin, which is code"):
        next_steps(tmp_path / "run")
    steps, _ = next_steps(tmp_path / "run", plugin_names=["my_own_plugin"])
    assert steps[-1].model == "twice_mean"
    monkeypatch.delitem(sys.modules, "my_own_plugin")
