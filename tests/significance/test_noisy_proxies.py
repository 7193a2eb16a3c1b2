"""Why claims about variances rest on QLIKE and squared errors, and never on squared errors of logarithms."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.data.losses import LOSSES, Loss
from backtest.models.windows import Floats
from backtest.significance.equal_accuracy import diebold_mariano

N, SAMPLES = 500, 200


def squared_log(y: Floats, y_hat: Floats, /) -> Floats:
    """Squared error of logarithms, which is not among LOSSES."""
    return (np.log(np.maximum(y, 1e-300)) - np.log(y_hat)) ** 2


def share_better(loss: Loss, factor: float) -> float:
    """Share of samples in which `factor` times the true variance is called better than the true variance at 5 %.

    The outcome is a squared normal return: an unbiased proxy, and a noisy one.
    """
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(SAMPLES):
        shocks, logs = rng.normal(scale=0.25, size=N), np.zeros(N)
        for step in range(1, N):
            logs[step] = 0.97 * logs[step - 1] + shocks[step]
        variance = 1e-4 * np.exp(logs)
        y = variance * rng.normal(size=N) ** 2
        found += diebold_mariano(loss(y, factor * variance), loss(y, variance), alternative="less").p_value < 0.05
    return found / SAMPLES


@pytest.mark.parametrize("name", ["qlike", "squared"])
def test_a_forecast_two_per_cent_too_small_is_not_called_better(name: str) -> None:
    error = np.sqrt(0.05 * 0.95 / SAMPLES)
    assert share_better(LOSSES[name], 0.98) < 0.05 + 2 * error


def test_by_squared_errors_of_logarithms_it_always_is() -> None:
    assert share_better(squared_log, 0.98) == 1.0  # type: ignore[arg-type]  # of arrays alone
