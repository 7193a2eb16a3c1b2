"""The decorator that makes a model of a network; free of torch until one is made."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from backtest.data.errors import ConfigError
from backtest.models.forecaster import Forecaster
from backtest.models.registry import model
from backtest.models.settings import ModelSettings, NetSettings, TrainSettings

Factory = TypeVar("Factory", bound=Callable[..., Any])

GIVEN = {"inputs", "outputs"}
OF_NET = ("hidden", "layers", "dropout")
"""What a network that takes `net` reads of it, besides the window."""


def network(name: str, *, settings: type[ModelSettings] | None = None) -> Callable[[Factory], Factory]:
    """Register an `nn.Module`, or a function that makes one, in MODELS under `name`; fitted once for each seed.

    It takes `inputs`, the number of features, and `outputs`, that of horizons. It may take `window`, the rows that a
    forecast sees, `net` (NetSettings), and `settings` where the network brings its own, a ModelSettings. Its
    `forward(x, counted)` gets standardised rows (batch, steps, k), of which the last `counted` steps are forecast, each
    from the rows up to its own: at least `window` of them. It returns (batch, counted, outputs), in training standard
    deviations of the target. Scaling, training by chunks, early stopping, several horizons, warm start and storing the
    weights come with it. Raises ConfigError where the factory needs other arguments; a network that reads later rows is
    refused when it is fitted.

    >>> import backtest as bt
    >>> from torch import nn
    >>> @bt.network("newest_row")
    ... class NewestRow(nn.Module):
    ...     def __init__(self, inputs, outputs):
    ...         super().__init__()
    ...         self.head = nn.Linear(inputs, outputs)
    ...     def forward(self, x, counted=1):
    ...         return self.head(x[:, -counted:])
    """

    def register(factory: Factory) -> Factory:
        parameters = inspect.signature(factory).parameters
        required = {key for key, each in parameters.items() if each.default is each.empty}
        known = GIVEN | {"window", "net"} | ({"settings"} if settings else set())
        if GIVEN - {*parameters} or required - known:
            raise ConfigError(
                f"network {name!r}: expected a class or function that takes inputs and outputs, and any of "
                f"{', '.join(sorted(known - GIVEN))} (got {', '.join(parameters)}): give other parameters defaults"
            )

        @wraps(factory, updated=())
        def make(
            net: NetSettings, train: TrainSettings, seed: int, settings: ModelSettings | None = None
        ) -> Forecaster:
            from backtest.models.neural import NeuralForecaster

            offered = {"window": net.window, "net": net, "settings": settings}
            taken = {key: offered[key] for key in offered.keys() & known & {*parameters}}
            return NeuralForecaster(lambda k, h: factory(inputs=k, outputs=h, **taken), train, seed)

        signature = inspect.signature(make, follow_wrapped=False)  # not the factory's
        own = [each for each in signature.parameters.values() if settings or each.name != "settings"]
        make.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined]
        reads = (*(OF_NET if "net" in parameters else ()), *TrainSettings.model_fields)
        model(name, seeded=True, multi_horizon=True, settings=settings, reads=reads)(make)
        return factory

    return register
