"""Models of the probability of an event: the base rate and the coin; and how certain a forecast may be."""

from __future__ import annotations

import numpy as np

from backtest.models.forecaster import FitLog
from backtest.models.registry import model
from backtest.models.windows import Floats, Windows


def within(probability: Floats, n: int) -> Floats:
    """Return probabilities held within 1 / (2 n) and 1 - 1 / (2 n), which n outcomes can at most tell.

    After n outcomes that were all the same the estimate of Krichevsky and Trofimov (1981, IEEE Transactions on
    Information Theory 27, 199-207) is (n + 1/2) / (n + 1), that is 1 - 1 / (2 n + 2). So no forecast is called
    impossible and its log loss is at most log(2 n).
    """
    edge = 1 / (2 * max(n, 1))
    return np.clip(probability, edge, 1 - edge)


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
