"""How a model of any target takes part where outcomes are variances or probabilities."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from backtest.data.targets import Scale
from backtest.models.forecaster import Forecaster
from backtest.models.probability import InProbabilities
from backtest.models.registry import Model, ModelScale
from backtest.models.variance import InLogs

WRAPPERS: Mapping[Scale, Callable[[Forecaster], Forecaster]] = {"variance": InLogs, "probability": InProbabilities}
"""What makes a forecaster of a scale from one of any target; a return is forecast as it is."""


def on_scale(forecaster: Forecaster, own: ModelScale, scale: Scale) -> Forecaster:
    """Return the `forecaster` of a model of scale `own` as one of the target's `scale`."""
    return WRAPPERS[scale](forecaster) if own == "any" and scale in WRAPPERS else forecaster


def bounded(model: Model, scale: Scale) -> bool:
    """Whether forecasts of a model are held to what was known when they were made (`volatility.experience_filter`)."""
    own = model.scale == "any" or getattr(inspect.unwrap(model.make), "bounded", False)
    return scale == "variance" and own
