"""Combinations: candidates made of the forecasts of the other ones, without a fit of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import backtest as bt
from backtest.data.combinations import COMBINATIONS
from backtest.data.errors import ConfigError
from backtest.forecast.next_step import next_steps
from backtest.models.windows import Floats, Windows
from backtest.walk.config import Config
from tests.support.small_run import small

MEMBERS = {"steady": 0.5, "eager": 2.0, "contrary": -1.0}


@pytest.fixture(autouse=True)
def own_models(open_tables: None) -> None:
    """Three candidates: shares of the last return."""
    for name, share in MEMBERS.items():

        class Share:
            """A share of the last return."""

            factor = share

            def fit(self, train: Windows, validation: Windows) -> None:
                """Learn nothing."""

            def predict(self, windows: Windows) -> Floats:
                """Forecasts (n,)."""
                return self.factor * np.asarray(windows.past_returns[:, -1])

        bt.model(name)(Share)


def test_what_each_makes_of_forecasts() -> None:
    forecasts = np.array([[1.0, 5.0], [2.0, 5.0], [9.0, -1.0]])
    np.testing.assert_array_equal(COMBINATIONS["average"].of(forecasts), [4, 3])
    np.testing.assert_array_equal(COMBINATIONS["trimmed_average"].of(forecasts), [2, 5])


def test_a_walk_has_them_as_candidates_in_every_table_and_in_the_next_step(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "models": [*MEMBERS, "ridge"],
        "combine": ["average", "trimmed_average"],
        "features": ["log_return"],
        "folds": {"first_train": 300, "validation": 60, "test": 90},
        "net": {"window": 4},
        "executor": "serial",
    }
    run = bt.walk_forward("synthetic:n=700", audit="off", progress=False, save=tmp_path / "run", **settings)
    wide = run.forecasts.filter(pl.col("seed").is_null()).pivot("model", index=["time", "fold"], values="y_hat")
    members = wide.select(*MEMBERS).to_numpy()
    np.testing.assert_allclose(wide["average"], members.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(wide["trimmed_average"], np.median(members, axis=1), rtol=1e-12)
    assert {one.model for one in run.verdict.candidates} == {*MEMBERS, "average", "trimmed_average"}
    steps = {step.model: step.y_hat for step in next_steps(tmp_path / "run")[0]}
    assert steps["average"] == pytest.approx(np.mean([steps[name] for name in MEMBERS]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"combine": ["best"]}, r"combine: unknown best: it may be some of average, trimmed_average"),
        (
            {"combine": ["trimmed_average"], "models": ["steady", "eager"]},
            r"trimmed_average: expected 3 candidates or more to combine \(got steady, eager; baselines are none\)",
        ),
        ({"combine": ["average", "average"]}, r"combine: expected each once \(got average, average\)"),
    ],
)
def test_a_mistake_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small(**{"models": [*MEMBERS], **settings})


def test_a_model_of_the_same_name_is_refused() -> None:
    bt.model("average")(lambda: None)
    with pytest.raises(ConfigError, match="models: average is a combination of models: give the model another name"):
        small(models=[*MEMBERS], combine=["average"])


def test_settings_without_any_are_the_same_trial_as_before_there_were_combinations() -> None:
    assert "combine" not in Config().to_toml()
    assert Config(combine=("average",)).trial_digest != Config().trial_digest
