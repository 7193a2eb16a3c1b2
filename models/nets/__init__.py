"""The networks, one file each, and their entries in MODELS; torch is imported only when one is made."""

from __future__ import annotations

from backtest.models.forecaster import Forecaster
from backtest.models.registry import model
from backtest.models.settings import NetSettings, TrainSettings


@model("lstm", seeded=True, multi_horizon=True)
def lstm(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
    """Stacked LSTM with a linear head."""
    from backtest.models.neural import NeuralForecaster

    return NeuralForecaster("lstm", net, train, seed)


@model("gru", seeded=True, multi_horizon=True)
def gru(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
    """Stacked GRU with a linear head."""
    from backtest.models.neural import NeuralForecaster

    return NeuralForecaster("gru", net, train, seed)
