"""The networks, one file each, and their entries in MODELS; torch is imported only when one is made."""

from __future__ import annotations

from backtest.models.forecaster import Forecaster
from backtest.models.registry import model
from backtest.models.settings import NetSettings, TrainSettings

RECURRENT = ("hidden", "layers", "dropout", *TrainSettings.model_fields)
"""What recurrent networks read of the shared settings."""


@model("lstm", seeded=True, multi_horizon=True, reads=RECURRENT)
def lstm(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
    """Stacked LSTM with a linear head."""
    from backtest.models.nets.recurrent import RecurrentNet
    from backtest.models.neural import NeuralForecaster

    return NeuralForecaster(lambda inputs, outputs: RecurrentNet("lstm", inputs, outputs, net), train, seed)


@model("gru", seeded=True, multi_horizon=True, reads=RECURRENT)
def gru(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
    """Stacked GRU with a linear head."""
    from backtest.models.nets.recurrent import RecurrentNet
    from backtest.models.neural import NeuralForecaster

    return NeuralForecaster(lambda inputs, outputs: RecurrentNet("gru", inputs, outputs, net), train, seed)
