"""Forecasts made of several models' forecasts: their mean, and a mix with the rival whose weight the past has set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backtest.data.combinations import average
from backtest.evaluation.loss_panel import LossPanel, losses_of
from backtest.significance.result import FloatArray, mean_per_time

UNKNOWN = 0.5
"""The weight of a fold before which no outcome is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """Forecasts (n,) of the rows of a panel: `mean` with equal weights, `mix` of that and the rival.

    `weights` are those of the mean in the mix, by fold, between 0 and 1.
    """

    mean: FloatArray
    mix: FloatArray
    weights: dict[int, float]


def combine(panel: LossPanel, models: Sequence[str]) -> Combined:
    """Combine the forecasts of one or more models of a panel, all with the same weight, and mix them with the rival.

    In fold k the weight of the mean f against the rival f_0 is the one that would have been best, by squared errors,
    in the folds before: sum (y - f_0)(f - f_0) / sum (f - f_0)^2 over all of their rows whose outcome was known before
    the first forecast of fold k, held between 0 and 1; UNKNOWN where there are none, or both forecast the same. Of
    several rivals their mean is taken. Source of the weight: Harvey, Leybourne and Newbold (1998), Journal of Business
    & Economic Statistics 16, 254-259; of equal weights: Timmermann (2006), Handbook of Economic Forecasting 1, 135-196.
    """
    several = models, panel.question.rivals
    mean, rival = (average(np.stack([panel.y_hat[name] for name in names])) for names in several)
    apart, fold = mean - rival, panel.fold
    product, square = (panel.y - rival) * apart, apart**2
    times, known = panel.rows["time"].to_numpy(), panel.rows["target_time"].to_numpy()
    weights = {}
    for number in panel.folds:
        past = (fold < number) & (known <= times[fold == number].min())
        total = float(square[past].sum())
        weights[number] = float(np.clip(product[past].sum() / total, 0, 1)) if total > 0 else UNKNOWN
    shares = np.array([weights[int(number)] for number in fold])
    return Combined(mean, rival + shares * apart, weights)


def losses_per_time(panel: LossPanel, y_hat: FloatArray) -> FloatArray:
    """Return the losses (t,) of forecasts (n,) by the loss of the question."""
    return mean_per_time(losses_of(panel.question.loss, panel.rows, y_hat), panel.instant)
