"""Tuning: the candidate with the smallest validation loss is kept, with its state, and the others are counted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest

from backtest.data.errors import RunError
from backtest.data.losses import LOSSES
from backtest.models import FitLog, check_forecaster
from backtest.models.baselines import Mean
from backtest.models.forecaster import Epoch, Forecaster, Tuning
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.tuning import PLACE, Tuned, combinations, mean_loss
from backtest.models.windows import Floats, Windows
from tests.support.descent import Descent

Candidates = list[tuple[Mapping[str, Any], Any]]


class Level(Mean):
    """Forecasts one number, after so many epochs."""

    def __init__(self, level: float, epochs: int = 0) -> None:
        super().__init__()
        self.level, self.epochs = level, epochs

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        self.intercept = self.level
        return FitLog((Epoch(1.0, 1.0),) * self.epochs)


def windows(targets: Floats, window: int = 2) -> Windows:
    n = len(targets)
    return Windows(np.zeros((n, 1)), np.zeros(n), targets.reshape(n, -1), np.arange(window - 1, n), window, (1,))


def levels(*values: float) -> Candidates:
    return [({"level": value}, partial(Level, value, place)) for place, value in enumerate(values)]


TRAIN, VALIDATION = windows(np.full(20, 9.0)), windows(np.array([0.0, 1.0, 2.0, 3.0, 2.0, 1.0]))


def test_the_smallest_validation_loss_is_kept_whatever_training_says() -> None:
    tuned = Tuned(levels(9.0, 2.0, np.nan, 1.0, 2.0), LOSSES["squared"])
    log = tuned.fit(TRAIN, VALIDATION)
    y = VALIDATION.y
    losses = [float(np.mean((y - level) ** 2)) for level in (9.0, 2.0, 1.0)]
    assert log.tuning == Tuning("level = 2.0", (losses[0], losses[1], None, losses[2], losses[1]), 1 + 1 + 2 + 3 + 4)
    assert (tuned.place, len(log.epochs), log.passes) == (1, 1, 11), "of equal ones the first"
    assert tuned.predict(VALIDATION.hidden()).tolist() == [2.0] * len(y)


def test_the_loss_of_the_question_decides() -> None:
    skewed = windows(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 9.0]))
    chosen = {}
    for loss in ("squared", "absolute"):
        tuned = Tuned(levels(0.0, 1.8), LOSSES[loss])
        tuned.fit(TRAIN, skewed)
        chosen[loss] = tuned.place
    assert chosen == {"squared": 1, "absolute": 0}


def test_a_state_holds_the_choice() -> None:
    tuned = Tuned([({"rate": rate}, partial(Descent, 0, rate)) for rate in (0.001, 0.2)], LOSSES["squared"])
    train, validation = noise(0), noise(1)
    tuned.fit(train, validation)
    state = tuned.state()
    assert state[PLACE].tolist() == [tuned.place]
    again = Tuned(tuned.candidates, LOSSES["squared"])
    with pytest.raises(RunError, match="Tuned: not fitted yet"):
        again.state()
    again.restore(state)
    assert again.predict(validation.hidden()).tolist() == tuned.predict(validation.hidden()).tolist()


def noise(seed: int) -> Windows:
    random = np.random.default_rng(seed)
    x = random.normal(size=(50, 1))
    return Windows(x, x[:, 0], 0.5 * x + random.normal(size=(50, 1)), np.arange(1, 50), 2, (1,))


def test_a_tuned_model_keeps_the_rules_of_forecasters() -> None:
    def tuned(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
        return Tuned([({"rate": rate}, partial(Descent, seed, rate)) for rate in (0.01, 0.2)], LOSSES["squared"])

    check_forecaster(tuned)


def test_no_finite_loss_is_an_error() -> None:
    with pytest.raises(RunError, match=r"tune: expected a finite loss of one of 2 candidates"):
        Tuned(levels(np.nan, np.inf), LOSSES["squared"]).fit(TRAIN, VALIDATION)


def test_a_variance_that_is_not_positive_has_no_loss() -> None:
    forecaster = Level(-1.0)
    forecaster.fit(TRAIN, VALIDATION)
    assert mean_loss(forecaster, VALIDATION, LOSSES["qlike"]) == np.inf


def test_a_budget_draws_some_combinations_always_the_same() -> None:
    table = {"a": [1, 2, 3], "b": ["x", "y"]}
    every = [{"a": a, "b": b} for a in (1, 2, 3) for b in ("x", "y")]
    assert combinations(table) == every
    some = combinations({**table, "budget": 4})
    assert len(some) == 4
    assert some == [one for one in every if one in some] == combinations({**table, "budget": 4})
    assert combinations({**table, "budget": 99}) == every
