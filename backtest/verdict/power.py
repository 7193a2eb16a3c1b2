"""What a sample could have shown: the smallest skill that the verdict's test would have detected."""

from __future__ import annotations

from backtest.data.errors import UndefinedTest
from backtest.data.targets import PRIMARY_TEST
from backtest.evaluation.loss_panel import LossPanel
from backtest.significance.equal_accuracy import smallest_detectable


def detectable_skill(panel: LossPanel, model: str, level: float) -> float | None:
    """Return the smallest skill that forecasts like a model's show in most cases at a level; None where undefined.

    Against the best of several baselines it must be large enough for the test against each of them.
    """
    try:
        gains = {name: _detectable_gain(panel, model, name, level) for name in panel.question.rivals}
    except UndefinedTest:
        return None
    if len(gains) == 1:
        return gains[panel.rival]
    needed = min((1 - gain) * float(panel.loss(name).mean()) for name, gain in gains.items())
    return 1 - needed / float(panel.rival_loss.mean())


def _detectable_gain(panel: LossPanel, model: str, rival: str, level: float) -> float:
    """The same against one rival; the usual test on squared errors against zero has a formula of its own."""
    horizon, question = panel.horizon, panel.question
    if question.test == PRIMARY_TEST and question.loss == "squared" and not panel.y_hat[rival].any():
        return smallest_detectable(panel.y, panel.y_hat[model], horizon=horizon, alpha=level, times=panel.instant)
    return panel.primary_test.detectable(panel.loss(model), panel.loss(rival), horizon=horizon, alpha=level)
