"""Murphy diagrams: the elementary scores of which every consistent loss of a mean or a quantile is a mixture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtest.data.errors import ConfigError
from backtest.significance.result import FloatArray, paired


def elementary_scores(
    y: npt.ArrayLike, y_hat: npt.ArrayLike, thresholds: npt.ArrayLike, *, quantile: float | None = None
) -> FloatArray:
    """Return the mean elementary score (m,) of forecasts (n,) of outcomes (n,) at each of the thresholds (m,).

    A forecast x of the mean scores |y - t| at a threshold t that lies between it and the outcome, min(x, y) <= t <
    max(x, y), else 0; one of the quantile a scores a where x <= t < y, and 1 - a where y <= t < x. A model whose curve
    is nowhere above that of another is at least as good by every loss that is consistent for the mean (or the
    quantile), of which squared error is one: its half is the integral over all thresholds. Where the curves cross, the
    order of two models depends on the loss.

    Raises UnpairedForecasts and NotFinite for what is no pair, ConfigError for a quantile outside of (0, 1).
    Source: Ehm, Gneiting, Jordan and Krüger (2016), Journal of the Royal Statistical Society B 78, 505-562.
    """
    if quantile is not None and not 0 < quantile < 1:
        raise ConfigError(f"quantile: must lie between 0 and 1 (got {quantile}): None asks for the mean")
    outcome, forecast = paired(y=y, y_hat=y_hat)
    (levels,) = paired(thresholds=thresholds)
    scores = np.empty(levels.size)
    for place, level in enumerate(levels.tolist()):
        above, below = (forecast <= level) & (level < outcome), (outcome <= level) & (level < forecast)
        if quantile is None:
            scores[place] = np.mean(np.abs(outcome - level) * (above | below))
        else:
            scores[place] = np.mean(quantile * above + (1 - quantile) * below)
    return scores
