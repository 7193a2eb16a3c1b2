"""The recurrent network as a forecaster: scaling around it, training it, saving it as plain arrays."""

from __future__ import annotations

import numpy as np
import torch

from backtest.data.errors import ConfigError
from backtest.models.forecaster import FitLog, State, part_of, unfitted
from backtest.models.nets.recurrent import Cell, RecurrentNet
from backtest.models.scaling import Scaler
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.training import train_net
from backtest.models.windows import Floats, Windows

PREDICTION_BATCH = 1024


class NeuralForecaster:
    """LSTM or GRU on standardised windows; cold from its seed, or warm from the state it was given before `fit`."""

    def __init__(self, cell: Cell, net: NetSettings, train: TrainSettings, seed: int) -> None:
        self.cell = cell
        self.settings = net
        self.train_settings = train
        self.seed = seed
        cuda = torch.cuda.is_available()
        if train.device == "cuda" and not cuda:
            raise ConfigError("train.device: must be auto or cpu here (got cuda): torch finds no GPU on this machine")
        self.device = torch.device("cuda" if cuda and train.device != "cpu" else "cpu")
        self.fitted: tuple[RecurrentNet, Scaler] | None = None

    @property
    def loss(self) -> str:
        """What the training minimises."""
        return self.train_settings.loss

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Fit scaler and network; the same seed and windows always give the same weights."""
        scaler = Scaler.of(train, self.train_settings.clip)
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            warm = self.fitted is not None and self.train_settings.start == "warm"
            net = self._fitted()[0] if warm else self._fresh(train.features.shape[1], len(train.horizons))
            self.fitted = net, scaler
            return train_net(net, train, validation, scaler, self.train_settings, self.seed)

    @torch.no_grad()
    def predict(self, windows: Windows) -> Floats:
        """Forecasts (n,), or (n, H) of several horizons, from exactly the last `window` rows of each origin."""
        net, scaler = self._fitted()
        net.eval()
        parts = [np.empty((0, len(windows.horizons)))]
        for block in windows.blocks(PREDICTION_BATCH):
            x = torch.from_numpy(scaler.transform(block.x)).to(self.device)
            parts.append(net(x)[:, -1].double().cpu().numpy() * scaler.target_std)
        forecasts = scaler.hold(np.concatenate(parts))
        return forecasts if len(windows.horizons) > 1 else forecasts[:, 0]

    def state(self) -> State:
        """Weights and scaler as plain arrays."""
        net, scaler = self._fitted()
        weights = {f"net.{name}": tensor.cpu().numpy() for name, tensor in net.state_dict().items()}
        return {**weights, **scaler.state()}

    def restore(self, state: State) -> None:
        """Take over weights and scaler; ConfigError where they are of another shape than the settings ask for."""
        scaler = Scaler.restore(state)
        net = self._fresh(len(scaler.mean), len(scaler.target_std))
        weights = {name: torch.tensor(array) for name, array in part_of(state, "net.").items()}
        try:
            net.load_state_dict(weights)
        except RuntimeError as mismatch:
            raise ConfigError(f"net: the saved weights do not fit these settings ({mismatch})") from mismatch
        self.fitted = net, scaler

    def _fitted(self) -> tuple[RecurrentNet, Scaler]:
        if self.fitted is None:
            raise unfitted(self)
        return self.fitted

    def _fresh(self, inputs: int, outputs: int) -> RecurrentNet:
        return RecurrentNet(self.cell, inputs, outputs, self.settings).to(self.device)
