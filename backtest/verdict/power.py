"""What a sample could have shown: the smallest skill that the verdict's test would have detected."""

from __future__ import annotations

import numpy as np

from backtest.data.errors import UndefinedTest
from backtest.data.targets import PRIMARY_TEST
from backtest.evaluation.loss_panel import LossPanel
from backtest.significance.equal_accuracy import smallest_detectable
from backtest.significance.result import FloatArray
from backtest.significance.weights import moving_variance


def detectable_skill(panel: LossPanel, model: str, level: float) -> tuple[float, float] | None:
    """Return the smallest skills that forecasts like a model's show in most cases at a level; None where undefined.

    The first is that of a signal which is even over time, the second that of one which follows volatility. Against the
    best of several baselines a skill must be large enough for the test against each of them.
    """
    try:
        gains = {name: _detectable_gains(panel, model, name, level) for name in panel.question.rivals}
    except UndefinedTest:
        return None
    if len(gains) == 1:
        return gains[panel.rival]
    losses = {name: float(panel.loss(name).mean()) for name in gains}
    even, following = (
        1 - min((1 - gain[kind]) * losses[name] for name, gain in gains.items()) / losses[panel.rival]
        for kind in (0, 1)
    )
    return even, following


def _detectable_gains(panel: LossPanel, model: str, rival: str, level: float) -> tuple[float, float]:
    """The same against one rival; the usual test on squared errors against zero has a formula of its own."""
    horizon, question = panel.horizon, panel.question
    if question.test == PRIMARY_TEST and question.loss == "squared" and not panel.y_hat[rival].any():
        variance = _volatility(panel) if panel.primary_losses[1:] else None
        return smallest_detectable(
            panel.y, panel.y_hat[model], horizon=horizon, alpha=level, times=panel.instant, variance=variance
        )
    gain = panel.primary_test.detectable(panel.loss(model), panel.loss(rival), horizon=horizon, alpha=level)
    return gain, gain


def _volatility(panel: LossPanel) -> FloatArray:
    """The variance (n,) that a signal of volatile times follows: the moving average of each symbol's squares."""
    symbols, found = panel.rows["symbol"].to_numpy(), np.empty(panel.y.size)
    for symbol in np.unique(symbols):
        own = symbols == symbol
        found[own] = moving_variance(panel.y[own], horizon=panel.horizon)
    return found
