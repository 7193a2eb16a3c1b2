"""Training by chunks against training by windows and against the usual loop: speed, and what is learned."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from backtest.data.reading import synthetic
from backtest.features import pipeline
from backtest.models import MODELS
from backtest.models.nets.recurrent_layers import Cell
from backtest.models.neural import NeuralForecaster
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Panel, Windows, panel
from tests.bench.rows import Row, ratio, seconds

USUAL_BATCH = 64


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


class LastStep(nn.Module):
    """A network of ours as it is used in the usual loop: windows in, a forecast of each out."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Forecast (batch,) from windows (batch, window, k)."""
        forecast: torch.Tensor = self.net(x, 1)[:, 0, 0]
        return forecast


def train_usual(model: nn.Module, windows: Windows, train: TrainSettings) -> None:
    """Train for `train.epochs` epochs on standardised copies of the windows."""
    x = np.ascontiguousarray(windows.x, dtype=np.float32)
    y = windows.y.astype(np.float32) / windows.y.std(dtype=np.float32)
    loader = DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=USUAL_BATCH, shuffle=True)
    optimiser = torch.optim.Adam(model.parameters(), train.learning_rate, weight_decay=train.weight_decay)
    model.train()
    for _ in range(train.epochs):
        for features, target in loader:
            optimiser.zero_grad()
            nn.functional.mse_loss(model(features), target).backward()  # type: ignore[no-untyped-call]
            optimiser.step()


FEATURES = ("log_return", "rolling_mean_24", "rolling_std_24", "volume_norm")
NET = NetSettings()
CELLS: tuple[Cell, ...] = ("lstm", "gru")
SPEEDUP = {"lstm": 12.0, "gru": 3.0, "tcn": 8.0, "transformer": 8.0, "dlinear": 8.0}
SIGNAL = 0.05
SIGNAL_EPOCHS = 8
SEEDS = 5


def measure() -> Iterator[Row]:
    """Rows of the table, each as soon as it is measured; one thread."""
    with threadpool_limits(1):
        rows = _panel(n=45_000, seed=0, signal=0.0)
        many, few, tail = (_part(rows, *ends) for ends in ((100, 40_000), (100, 3_100), (40_100, 40_400)))
        for name, bound in SPEEDUP.items():
            chunks = partial(_fit_rate, name, "chunks", many, tail)
            if name in CELLS:
                found = ratio(chunks, partial(_fit_rate, name, "windows", few, tail), pairs=3)
                yield Row(f"{name}: chunks against windows, windows per second", found, "x", bound, True)
            found = ratio(chunks, partial(_usual_rate, name, few), pairs=3)
            yield Row(f"{name}: chunks against the usual loop, windows per second", found, "x", bound, True)
        for cell in CELLS:
            gains = [_r_squared(cell, "chunks", seed) - _r_squared(cell, "windows", seed) for seed in range(SEEDS)]
            spread = f"{SEEDS} seeds from {min(gains):+.4f} to {max(gains):+.4f}"
            what = f"{cell}: R2 of chunks minus windows on a planted {SIGNAL:.0%}"
            yield Row(what, float(np.mean(gains)), "", -0.002, True, spread)


def _fit_rate(name: str, sampling: str, train: Windows, tail: Windows) -> float:
    """Windows per second of one epoch through the whole fit, scaler and validation included."""
    settings = TrainSettings.model_validate({"sampling": sampling, "epochs": 1, "device": "cpu"})
    return len(train) / seconds(lambda: MODELS[name].make(NET, settings, 0).fit(train, tail))


def _usual_rate(name: str, train: Windows) -> float:
    """The same of one epoch of the usual loop: stock layers for recurrent networks, else the same network."""
    settings, inputs = TrainSettings(epochs=1, device="cpu"), train.features.shape[1]
    forecaster = MODELS[name].make(NET, settings, 0)
    assert isinstance(forecaster, NeuralForecaster)
    cell = next((cell for cell in CELLS if cell == name), None)
    model = OriginalNet(cell, inputs, NET) if cell else LastStep(forecaster.build(inputs, 1))
    return len(train) / seconds(lambda: train_usual(model, train, settings))


def _r_squared(cell: Cell, sampling: str, seed: int) -> float:
    """Out-of-sample R2 against zero on bars with a planted signal, the same epochs for either way."""
    rows = _panel(n=9_000, seed=seed, signal=SIGNAL)
    epochs = {"epochs": SIGNAL_EPOCHS, "patience": SIGNAL_EPOCHS}
    settings = TrainSettings.model_validate({"sampling": sampling, "device": "cpu", **epochs})
    forecaster = MODELS[cell].make(NET, settings, seed)
    forecaster.fit(_part(rows, 100, 4_500), _part(rows, 4_501, 5_500))
    ask = _part(rows, 5_501, 8_990)
    return float(1 - ((ask.y - forecaster.predict(ask)) ** 2).mean() / (ask.y**2).mean())


def _panel(*, n: int, seed: int, signal: float) -> Panel:
    return panel(pipeline.build(synthetic.make_bars(n, seed=seed, signal=signal), FEATURES), FEATURES)


def _part(rows: Panel, start: int, end: int) -> Windows:
    """Windows whose origins are the rows from `start` to `end`, with no later row in reach."""
    arrays = rows.features[:end], rows.returns[:end], rows.targets[:end]
    return Windows(*arrays, np.arange(start, end), NET.window, (1,))
