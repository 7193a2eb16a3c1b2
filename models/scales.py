"""How a model of the table takes part in a question: on the scale of its outcomes, at each of its horizons."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from backtest.data.question import Question
from backtest.data.targets import Scale
from backtest.models.forecaster import Forecaster
from backtest.models.horizons import PerHorizon
from backtest.models.probability import InProbabilities
from backtest.models.registry import MODELS, Model
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.variance import InLogs

WRAPPERS: Mapping[Scale, Callable[[Forecaster], Forecaster]] = {"variance": InLogs, "probability": InProbabilities}
"""What makes a forecaster of a scale from one of any target; a return is forecast as it is."""


def make_forecaster(name: str, question: Question, net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
    """Return a fresh forecaster of the model `name` for what a question asks."""
    model, scale = MODELS[name], question.about.scale

    def on_scale() -> Forecaster:
        """The model on the scale of the target."""
        forecaster = model.make(net, train, seed)
        return WRAPPERS[scale](forecaster) if model.scale == "any" and scale in WRAPPERS else forecaster

    several = len(question.horizons) > 1 and not model.multi_horizon
    return PerHorizon(on_scale, question.horizons) if several else on_scale()


def bounded(model: Model, scale: Scale) -> bool:
    """Whether forecasts of a model are held to what was known when they were made (`volatility.experience_filter`)."""
    own = model.scale == "any" or getattr(inspect.unwrap(model.make), "bounded", False)
    return scale == "variance" and own
