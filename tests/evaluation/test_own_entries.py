"""A user's own loss, metric and test are made of every run: nothing that is registered is ignored."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from backtest.data.losses import LOSSES, Loss
from backtest.data.question import Question
from backtest.evaluation.forecast_tests import compare
from backtest.evaluation.metrics import METRICS, Metric, score
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.table import TESTS, ForecastTest, Sample
from tests.support.forecasts import panels, random_forecasts


def quartic(y: Any, y_hat: Any, /) -> Any:
    """Fourth power of the error."""
    return (y - y_hat) ** 4


def test_what_a_plugin_registers_is_in_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(sample: Sample, _: str) -> Any:
        return diebold_mariano(*sample.losses)

    bias = Metric((pl.col("y_hat") - pl.col("y")).mean(), "mean error", higher_is_better=False)
    monkeypatch.setitem(LOSSES, "quartic", Loss(quartic, ("return",)))
    monkeypatch.setitem(METRICS, "bias", bias)
    monkeypatch.setitem(TESTS, "own", ForecastTest("Own", run, "Is it?", pooled=("two-sided",)))
    found = panels(random_forecasts(1))
    assert score(found).filter(metric="bias", model="ridge").height > 0
    tests = compare(found)
    assert set(tests.filter(test="diebold_mariano")["loss"]) == {*Question().losses} > {"quartic"}
    assert tests.filter(test="own", model="ridge").height == 2
