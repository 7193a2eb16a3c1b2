"""The usual training loop, as the original project had it: every window materialised, a DataLoader, batches of 64."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from backtest.models.nets.recurrent_net import Cell
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Windows

BATCH = 64


class OriginalNet(nn.Module):
    """Stock recurrent layers; the head reads the last step."""

    def __init__(self, cell: Cell, inputs: int, net: NetSettings) -> None:
        super().__init__()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.recurrent = kind(inputs, net.hidden, net.layers, batch_first=True, dropout=net.dropout)
        self.head = nn.Linear(net.hidden, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Forecast (batch,) from windows (batch, window, k)."""
        states, _ = self.recurrent(x)
        forecast: torch.Tensor = self.head(states[:, -1]).squeeze(-1)
        return forecast


def train_original(cell: Cell, windows: Windows, net: NetSettings, train: TrainSettings) -> None:
    """Train for `train.epochs` epochs on standardised copies of the windows."""
    x = np.ascontiguousarray(windows.x, dtype=np.float32)
    y = windows.y.astype(np.float32) / windows.y.std(dtype=np.float32)
    loader = DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=BATCH, shuffle=True)
    model = OriginalNet(cell, x.shape[2], net)
    optimiser = torch.optim.Adam(model.parameters(), train.learning_rate, weight_decay=train.weight_decay)
    model.train()
    for _ in range(train.epochs):
        for features, target in loader:
            optimiser.zero_grad()
            nn.functional.mse_loss(model(features), target).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
