"""Regressors of scikit-learn as models: the protocol, settings from their parameters, and keys that tell them apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Lasso
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures

import backtest as bt
from backtest.models import MODELS
from backtest.models.contract import NET, TRAIN
from backtest.walk.tasks import Task
from tests.support.small_run import small

pytestmark = pytest.mark.usefixtures("open_tables")

REGRESSORS: dict[str, Any] = {
    "lasso": Lasso(alpha=0.01),
    "kernel_ridge": KernelRidge(kernel="rbf"),
    "trees": ExtraTreesRegressor(10),
    "network": MLPRegressor(hidden_layer_sizes=(4,), max_iter=20, early_stopping=True),
    "pipeline": make_pipeline(PolynomialFeatures(1), Lasso(alpha=0.02)),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_keeps_the_protocol_and_is_restored_to_the_bit(name: str) -> None:
    bt.check_forecaster(MODELS[bt.sklearn_model(REGRESSORS[name], name)].make)


def test_random_states_are_the_seed_of_the_fit_and_the_given_object_stays_as_it_was() -> None:
    given = ExtraTreesRegressor(10, max_depth=2)
    make = MODELS[bt.sklearn_model(given, "trees")].make
    one, other = (make(NET, TRAIN, seed) for seed in (1, 2))
    plan = small(models=["trees"])
    windows = plan.rows.training(*_span(plan.tasks[0]), window=NET.window, known_by=plan.tasks[0].fold.test.start)
    forecasts = []
    for forecaster in (one, other):
        forecaster.fit(windows, windows)
        forecasts.append(forecaster.predict(windows.hidden()))
    assert not np.array_equal(forecasts[0], forecasts[1])
    assert given.random_state is None
    assert not hasattr(given, "estimators_")


def _span(task: Task) -> tuple[Any, Any]:
    return task.fold.train.start, task.fold.train.end


def test_its_parameters_are_settings_and_part_of_its_key() -> None:
    assert bt.sklearn_model(Lasso(alpha=0.01)) == "lasso"
    bt.sklearn_model(make_pipeline(Lasso(alpha=0.01)), "piped")
    before = _keys(small(models=["lasso", "piped", "ridge"]).tasks)
    bt.sklearn_model(make_pipeline(Lasso(alpha=0.03)), "piped")
    after = _keys(small(models=["lasso", "piped", "ridge"], model={"lasso": {"alpha": 0.02}}).tasks)
    assert {name for name in before if before[name] == after[name]} == {"zero", "naive", "ridge"}


def _keys(tasks: tuple[Task, ...]) -> dict[str, list[str]]:
    return {name: [task.key for task in tasks if task.model == name] for name in {task.model for task in tasks}}


def test_a_class_without_parameters_or_something_else_is_refused() -> None:
    with pytest.raises(
        bt.ConfigError, match=r"expected a regressor such as Lasso\(alpha=0\.01\) \(got the class Lasso"
    ):
        bt.sklearn_model(Lasso)
    with pytest.raises(bt.ConfigError, match=r"\(got int\)"):
        bt.sklearn_model(3)  # type: ignore[arg-type]


def test_parameters_without_a_name_that_lasts_are_refused() -> None:
    nameless = make_pipeline(FunctionTransformer(lambda x: x), Lasso())
    with pytest.raises(bt.ConfigError, match=r"expected parameters that are written the same in every process \(got"):
        bt.sklearn_model(nameless, "nameless")
