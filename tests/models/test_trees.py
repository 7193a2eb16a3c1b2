"""Ensembles of trees: the forecasts of scikit-learn, from plain arrays, and signals that no line can follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor

from backtest.data.errors import ConfigError
from backtest.models.baselines import Ridge
from backtest.models.settings import TrainSettings
from backtest.models.trees import Boosting, BoostingSettings, Forest, ForestSettings, LightGBM, TreeForecaster, Trees
from backtest.models.windows import Floats, Windows

WINDOW = 6


KINDS = {Boosting: BoostingSettings, LightGBM: BoostingSettings, Forest: ForestSettings}


def fresh(kind: type[TreeForecaster]) -> Any:
    """A forecaster with the usual settings."""
    return kind(TrainSettings(), 0, KINDS[kind]())  # type: ignore[call-arg]  # those that the table has


def drawn(n: int = 1200, p: int = 12, seed: int = 0) -> tuple[Floats, Floats]:
    """Inputs (n, p) in float32's precision, and outcomes (n,) of which a product explains a part."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, p)).astype(np.float32).astype(np.float64)
    return x, x[:, 0] * x[:, 1] + random.normal(size=n)


@pytest.mark.parametrize(
    ("kind", "theirs"),
    [
        (
            Boosting,
            HistGradientBoostingRegressor(
                learning_rate=0.05, max_iter=200, max_leaf_nodes=15, min_samples_leaf=6, early_stopping=False
            ),
        ),
        (
            LightGBM,
            LGBMRegressor(
                n_estimators=200,
                num_leaves=15,
                learning_rate=0.05,
                min_child_samples=6,
                n_jobs=1,
                verbosity=-1,
                boost_from_average=False,
            ),
        ),
        (
            Forest,
            RandomForestRegressor(100, min_samples_leaf=6, max_features="sqrt", max_samples=1200, random_state=0),
        ),
    ],
)
def test_forecasts_from_the_arrays_are_those_of_the_library(
    kind: type[TreeForecaster], theirs: HistGradientBoostingRegressor | LGBMRegressor | RandomForestRegressor
) -> None:
    x, y = drawn()
    ask, _ = drawn(seed=1)
    ours = fresh(kind).grow(x, y).predict(ask)
    np.testing.assert_allclose(ours, np.asarray(theirs.fit(x, y).predict(ask), np.float64), rtol=0, atol=1e-12)
    assert ours.std() > 0.1


def windows(n: int, seed: int, *, product: bool = True) -> Windows:
    """Windows whose outcome is the product of two newest features, or noise, in units of returns."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(n, 2))
    signal = features[:, :1] * features[:, 1:] if product else 0.0
    targets = 0.01 * (signal + random.normal(size=(n, 1)))
    return Windows(features, 0.01 * random.normal(size=n), targets, np.arange(WINDOW - 1, n), WINDOW, (1,))


@pytest.mark.parametrize("kind", KINDS)
def test_a_product_is_learnt_that_ridge_cannot_see(kind: type[TreeForecaster]) -> None:
    train, validation, ask = (windows(n, seed) for seed, n in enumerate((3000, 600, 600)))

    def skill(model: TreeForecaster | Ridge) -> float:
        model.fit(train, validation)
        return 1 - float(np.square(ask.y - model.predict(ask.hidden())).mean() / np.square(ask.y).mean())

    assert skill(fresh(kind)) > 0.08 > 0.02 > skill(Ridge())


def test_boosting_keeps_no_tree_where_there_is_nothing_to_learn() -> None:
    train, validation = (windows(n, seed, product=False) for seed, n in ((5, 2000), (6, 1000)))
    boosting = fresh(Boosting)
    log = boosting.fit(train, replace(validation, targets=-np.asarray(validation.targets)))
    count = int(log.note.partition(" of ")[0])
    assert count < 20
    assert len(boosting.state()["trees.roots"]) == count


def test_a_damaged_state_is_refused_before_a_forecast_could_hang() -> None:
    x, y = drawn()
    state = dict(fresh(Boosting).grow(x, y).state())
    state["trees.left"] = np.zeros_like(state["trees.left"])
    with pytest.raises(ConfigError, match=r"trees: expected nodes whose children follow them \(got others\)"):
        Trees.restore(state)
