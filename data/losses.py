"""Losses of a forecast, in one table: scores, tests, regimes and the paths of the report take them from here."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

Values = TypeVar("Values", pl.Expr, NDArray[np.float64])
"""Outcomes or forecasts: arrays (n,), or columns of a table."""


class Loss(Protocol):
    """The loss of each forecast, from outcomes and forecasts of one shape; smaller is better."""

    def __call__(self, y: Values, y_hat: Values, /) -> Values:
        """Return the losses, in the shape of `y`."""


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


LOSSES: dict[str, Loss] = {
    "squared": squared,
    "absolute": absolute,
    "qlike": qlike,
    "brier": brier,
    "log_loss": log_loss,
}
"""Every loss by the name that settings and TESTS know it by; `own_entries.loss` adds a user's."""


def metric_of(loss: str) -> str:
    """Return the metric that is the mean of a loss: `mse`, `mae`, otherwise of the same name."""
    return {"squared": "mse", "absolute": "mae"}.get(loss, loss)


def excess(loss: str, y: Values, y_hat: Values) -> Values:
    """Loss beyond that of a perfect forecast, which no model changes: so ratios of losses, too, have a meaning.

    It is 0 for squared and absolute errors, and for probabilities of an event that came or did not. For QLIKE it is
    RV / h - ln(RV / h) - 1 (Patton, 2011); there an outcome of zero, whose perfect forecast has no bound, counts as the
    smallest one above zero in its perfect forecast alone.
    """
    found = LOSSES[loss](y, y_hat)
    return found - _best_qlike(y) if loss == "qlike" else found


def _best_qlike(y: Values) -> Values:
    """QLIKE of a perfect forecast; zeros count as the smallest outcome above."""
    if isinstance(y, pl.Expr):
        positive = y.clip(y.filter(y > 0).min())
        return qlike(positive, positive)
    above = np.maximum(y, y[y > 0].min())
    return qlike(above, above)
