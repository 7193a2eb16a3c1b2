"""The mixer of time and features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from backtest.models.networks import network
from backtest.models.settings import ModelSettings

if TYPE_CHECKING:
    from torch import nn


class TSMixerSettings(ModelSettings):
    """Shape of the mixer."""

    hidden: int = Field(32, ge=1, description="hidden units where features are mixed")
    blocks: int = Field(2, ge=1, description="blocks, each of which mixes time, then features")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of values dropped in each block in training")


@network("tsmixer", settings=TSMixerSettings)
def tsmixer(inputs: int, outputs: int, window: int, settings: TSMixerSettings) -> nn.Module:
    """Mixer of the window's rows, then of its features, by turns.

    TSMixer of Chen et al. (2023), arXiv 2303.06053; each window is normalised and mixed for itself.
    """
    from torch import nn

    from backtest.models.nets.layers import Residual, Steps, Transposed, Windows

    dropout = settings.dropout
    layers: list[nn.Module] = [Windows(window)]
    for _ in range(settings.blocks):
        mix = nn.Linear(inputs, settings.hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(settings.hidden, inputs)
        over_time = nn.Linear(window, window), nn.ReLU()
        for part in over_time, (Transposed(*mix),):
            layers += [Residual(nn.LayerNorm([inputs, window]), *part, nn.Dropout(dropout))]
    return Steps(*layers, nn.Flatten(2), nn.Linear(inputs * window, outputs))
