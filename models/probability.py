"""Probabilities of an event: how any other model forecasts them, the base rate and the coin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backtest.models.forecaster import FitLog, Forecaster, State, log_of
from backtest.models.registry import model
from backtest.models.windows import Floats, Windows

OWN = "probability."
"""What the names of this module's arrays in a state begin with."""


def within(probability: Floats, n: int) -> Floats:
    """Return probabilities held within 1 / (2 n) and 1 - 1 / (2 n), which n outcomes can at most tell.

    After n outcomes that were all the same the estimate of Krichevsky and Trofimov (1981, IEEE Transactions on
    Information Theory 27, 199-207) is (n + 1/2) / (n + 1), that is 1 - 1 / (2 n + 2). So no forecast is called
    impossible and its log loss is at most log(2 n).
    """
    edge = 1 / (2 * max(n, 1))
    return np.clip(probability, edge, 1 - edge)


class InProbabilities:
    """A forecaster of probabilities from one of any target: networks, linear models, a user's own.

    It is given the outcome, 1 or 0, less the share of ones among the training windows: a network need not learn that
    from nothing. Its squared error is the Brier score, whose best forecast is the probability. The forecast and that
    share together are held `within` what so many training windows can tell.
    """

    def __init__(self, forecaster: Forecaster) -> None:
        self.forecaster = forecaster
        self.n = 0
        self.center: Floats = np.empty(0)

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Fit the forecaster on outcomes less their training mean, one for each horizon."""
        self.n, self.center = len(train), np.atleast_1d(train.y.mean(axis=0))
        parts = [
            replace(windows, targets=np.asarray(windows.targets) - self.center, additive=False)
            for windows in (train, validation)
        ]
        return log_of(self.forecaster.fit(*parts), type(self.forecaster).__name__)

    def predict(self, windows: Windows) -> Floats:
        """Probabilities (n,), or (n, H) of H horizons."""
        return within(self.center + self.forecaster.predict(replace(windows, additive=False)), self.n)

    def state(self) -> State:
        """That of the forecaster, the training mean (H,) and the number of training windows."""
        own = {f"{OWN}center": self.center, f"{OWN}n": np.array([self.n])}
        return {**self.forecaster.state(), **own}

    def restore(self, state: State) -> None:
        """Take over the state of the same forecaster."""
        self.center, self.n = np.asarray(state[f"{OWN}center"], np.float64), int(np.asarray(state[f"{OWN}n"])[0])
        self.forecaster.restore({name: array for name, array in state.items() if not name.startswith(OWN)})


@model("base_rate", baseline=True, scale="probability")
class BaseRate:
    """The share of outcomes in which the event came.

    Of training and validation: there is nothing to stop by.
    """

    def __init__(self) -> None:
        self.rate = np.nan

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Count."""
        outcomes = np.concatenate([train.y, validation.y])
        self.rate = float(within(outcomes.mean(), len(outcomes)))
        return FitLog(note=f"{self.rate:.4f}")

    def predict(self, windows: Windows) -> Floats:
        """The same probability for each window (n,)."""
        return np.full(len(windows), self.rate)


@model("coin", baseline=True, scale="probability")
class Coin:
    """Always one half."""

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Learn nothing."""
        return FitLog(note="always 0.5")

    def predict(self, windows: Windows) -> Floats:
        """One half for each window (n,)."""
        return np.full(len(windows), 0.5)
