"""Losses of a forecast, in one table: settings, scores, tests, regimes and the report take them from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backtest.data.names import SCALES, Scale

Values = TypeVar("Values", pl.Expr, NDArray[np.float64])
"""Outcomes or forecasts: arrays (n,), or columns of a table."""


class LossFunction(Protocol):
    """The loss of each forecast, from outcomes and forecasts of one shape; smaller is better."""

    def __call__(self, y: Values, y_hat: Values, /) -> Values:
        """Return the losses, in the shape of `y`."""


class SmallestLoss(Protocol):
    """The loss of a perfect forecast of each outcome."""

    def __call__(self, y: Values, /) -> Values:
        """Return the losses, in the shape of `y`."""


@dataclass(frozen=True, slots=True)
class LossWords:
    """What a loss is called: once, several times, and its mean; what that mean is, in words and as a formula."""

    one: str
    several: str
    mean: str
    meaning: str = ""
    formula: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """An entry of LOSSES, with all that the rest derives from it.

    Attributes
    ----------
    function
        The losses from outcomes and forecasts.
    scales
        The scales of outcomes that it is for: it is tabulated of every target of one of them.
    words
        How the report speaks of it; None: by its name.
    metric
        What its mean is called among the scores; None: as the loss.
    smallest
        The loss of a perfect forecast; None where that is 0.
    """

    function: LossFunction
    scales: tuple[Scale, ...] = SCALES
    words: LossWords | None = None
    metric: str | None = None
    smallest: SmallestLoss | None = None

    def __call__(self, y: Values, y_hat: Values, /) -> Values:
        """Return the losses of forecasts, in the shape of `y`."""
        return self.function(y, y_hat)

    def excess(self, y: Values, y_hat: Values, /) -> Values:
        """Return the loss beyond that of a perfect forecast, which no model changes: its ratios have a meaning."""
        found = self.function(y, y_hat)
        return found - self.smallest(y) if self.smallest else found


def squared(y: Values, y_hat: Values, /) -> Values:
    """Squared error; the mean is its best forecast (Gneiting, 2011, JASA 106, 746-762)."""
    return (y - y_hat) ** 2


def absolute(y: Values, y_hat: Values, /) -> Values:
    """Absolute error; the median is its best forecast (Gneiting, 2011, JASA 106, 746-762)."""
    return abs(y - y_hat)


def qlike(y: Values, y_hat: Values, /) -> Values:
    """QLIKE of variances, ln h + RV / h for the outcome RV >= 0 and the forecast h > 0; the mean is its best forecast.

    It differs from RV / h - ln(RV / h) - 1 only by 1 + ln RV, which no forecast changes: differences between two models
    are the same, and RV = 0 is defined. Any conditionally unbiased proxy of the variance keeps the order of two
    forecasts; another unit of measurement adds a constant. Source: Patton (2011), Journal of Econometrics 160, 246-256.
    """
    return _log(y_hat) + y / y_hat


def brier(y: Values, y_hat: Values, /) -> Values:
    """Brier score: squared error of the probability of an event, y = 1 where it came, else 0.

    The probability itself is its best forecast. Source: Brier (1950), Monthly Weather Review 78, 1-3, whose sum over
    both outcomes is twice this.
    """
    return squared(y, y_hat)


def log_loss(y: Values, y_hat: Values, /) -> Values:
    """Logarithmic loss -ln p of an event of forecast probability p that came, y = 1, and -ln(1 - p) where y = 0.

    The probability itself is its best forecast; an outcome that was called impossible has infinite loss. Source: Good
    (1952), Journal of the Royal Statistical Society B 14, 107-114.
    """
    return -_log(y * y_hat + (1 - y) * (1 - y_hat))


def _log(values: Values) -> Values:
    """Natural logarithm, -infinity at zero."""
    if isinstance(values, pl.Expr):
        return values.log()
    with np.errstate(divide="ignore"):
        return np.log(values)


def _qlike_of_perfect(y: Values, /) -> Values:
    """QLIKE of a perfect forecast: QLIKE less this is RV / h - ln(RV / h) - 1 (Patton, 2011).

    That of an outcome of zero has no lower bound; it counts as that of the smallest outcome above zero.
    """
    if isinstance(y, pl.Expr):
        positive = y.clip(y.filter(y > 0).min())
        return qlike(positive, positive)
    above = np.maximum(y, y[y > 0].min())
    return qlike(above, above)


WEIGHTED = "weighted"
"""Name of the squared errors of returns over the variance that was known when each was forecast.

It is no entry of LOSSES: a loss of LOSSES reads outcomes and forecasts alone.
"""

WEIGHTED_WORDS = LossWords(
    "weighted squared error",
    "weighted squared errors",
    mean="weighted MSE",
    meaning="mean squared error in units of the variance that was known at each forecast",
    formula="Weighted MSE = Σ (yₜ − ŷₜ)² / vₜ / n, vₜ known when ŷₜ is made: half the exponentially weighted mean of "
    "squared outcomes (decay 0.94), half the mean of all so far; for bars within a day times a factor of the hour.",
)
"""What it is called."""

LOSSES: dict[str, Loss] = {
    "squared": Loss(
        squared,
        ("return", "variance"),
        LossWords(
            "squared error",
            "squared errors",
            mean="MSE",
            meaning="mean squared error",
            formula="MSE = Σ (yₜ − ŷₜ)² / n.",
        ),
        metric="mse",
    ),
    "absolute": Loss(
        absolute,
        ("return",),
        LossWords(
            "absolute error",
            "absolute errors",
            mean="MAE",
            meaning="mean absolute error",
            formula="MAE = Σ |yₜ − ŷₜ| / n.",
        ),
        metric="mae",
    ),
    "qlike": Loss(
        qlike,
        ("variance",),
        LossWords(
            "QLIKE",
            "QLIKE losses",
            mean="QLIKE",
            meaning="mean of a loss of variances that ranks forecasts by a noisy measurement as by the true variance",
            formula="Σ (yₜ / ŷₜ − ln(yₜ / ŷₜ) − 1) / n: ln ŷₜ + yₜ / ŷₜ less that of a perfect forecast, which changes "
            "no difference. Patton (2011), Journal of Econometrics 160.",
        ),
        smallest=_qlike_of_perfect,
    ),
    "brier": Loss(
        brier,
        ("probability",),
        LossWords(
            "Brier score",
            "Brier scores",
            mean="Brier score",
            meaning="mean squared difference between the probability of an event and 1 if it came, else 0",
            formula="Σ (yₜ − ŷₜ)² / n. Brier (1950), Monthly Weather Review 78.",
        ),
    ),
    "log_loss": Loss(
        log_loss,
        ("probability",),
        LossWords(
            "log loss",
            "log losses",
            mean="log loss",
            meaning="mean of minus the logarithm of the probability that was given to what came",
            formula="−Σ (yₜ ln ŷₜ + (1 − yₜ) ln(1 − ŷₜ)) / n. Good (1952), Journal of the Royal Statistical Society B "
            "14.",
        ),
    ),
}
"""Every loss by the name that settings and TESTS know it by; `own_entries.loss` adds a user's."""


def metric_of(loss: str) -> str:
    """Return the metric that is the mean of a loss, such as `mse`."""
    return LOSSES[loss].metric or loss
