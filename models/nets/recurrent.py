"""The recurrent networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backtest.models.networks import network
from backtest.models.settings import NetSettings

if TYPE_CHECKING:
    from torch import nn


@network("lstm")
def lstm(inputs: int, outputs: int, net: NetSettings) -> nn.Module:
    """Stacked LSTM with a linear head."""
    from backtest.models.nets.recurrent_layers import RecurrentNet

    return RecurrentNet("lstm", inputs, outputs, net)


@network("gru")
def gru(inputs: int, outputs: int, net: NetSettings) -> nn.Module:
    """Stacked GRU with a linear head."""
    from backtest.models.nets.recurrent_layers import RecurrentNet

    return RecurrentNet("gru", inputs, outputs, net)
