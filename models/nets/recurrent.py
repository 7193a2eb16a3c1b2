"""The recurrent network: one architecture, two cells."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from backtest.models.nets.gru_layer import run_gru
from backtest.models.settings import NetSettings

Cell = Literal["lstm", "gru"]


class RecurrentNet(nn.Module):
    """Stacked LSTM (Hochreiter and Schmidhuber 1997) or GRU (Cho et al. 2014) with a linear head at every step."""

    def __init__(self, cell: Cell, inputs: int, settings: NetSettings) -> None:
        super().__init__()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        dropout = settings.dropout if settings.layers > 1 else 0.0
        self.recurrent: nn.LSTM | nn.GRU = kind(
            inputs, settings.hidden, settings.layers, batch_first=True, dropout=dropout
        )
        self.head = nn.Linear(settings.hidden, 1)

    def forward(self, x: Tensor, counted: int = 1) -> Tensor:
        """Forecasts (batch, counted) at the last `counted` steps of x (batch, steps, k), each from the rows so far."""
        if isinstance(self.recurrent, nn.GRU) and not x.is_cuda:
            states = run_gru(self.recurrent, x)
        else:
            states, _ = self.recurrent(x)
        forecast: Tensor = self.head(states[:, -counted:]).squeeze(-1)
        return forecast
