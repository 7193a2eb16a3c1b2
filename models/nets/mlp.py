"""The multilayer perceptron."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from backtest.models.networks import network
from backtest.models.settings import ModelSettings

if TYPE_CHECKING:
    from torch import nn


class MLPSettings(ModelSettings):
    """Shape of the multilayer perceptron."""

    hidden: int = Field(64, ge=1, description="units per hidden layer")
    layers: int = Field(1, ge=1, description="hidden layers")
    dropout: float = Field(0.5, ge=0, lt=1, description="share of units dropped in training")


@network("mlp", settings=MLPSettings)
def mlp(inputs: int, outputs: int, window: int, settings: MLPSettings) -> nn.Module:
    """Multilayer perceptron on the flattened window."""
    from torch import nn

    from backtest.models.nets.layers import Steps, Windows

    layers: list[nn.Module] = [Windows(window), nn.Flatten(2)]
    width = inputs * window
    for _ in range(settings.layers):
        layers += [nn.Linear(width, settings.hidden), nn.ReLU(), nn.Dropout(settings.dropout)]
        width = settings.hidden
    return Steps(*layers, nn.Linear(width, outputs))
