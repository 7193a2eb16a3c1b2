"""A network as a forecaster: scaling around it, training it, saving it as plain arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from backtest.data.errors import ConfigError, ProtocolError
from backtest.models.forecaster import FitLog, State, part_of, unfitted
from backtest.models.scaling import Scaler
from backtest.models.settings import TrainSettings
from backtest.models.training import train_net
from backtest.models.windows import Floats, Windows

PREDICTION_BATCH = 1024

Build = Callable[[int, int], nn.Module]
"""Makes a network of k inputs and H outputs.

Its `forward(x, counted)` takes rows (batch, steps, k) and returns forecasts (batch, counted, H) at the last `counted`
of these steps, each from the rows so far: at least `window` of them.
"""


class NeuralForecaster:
    """A network on standardised windows; cold from its seed, or warm from the state it was given before `fit`."""

    def __init__(self, build: Build, train: TrainSettings, seed: int) -> None:
        self.build = build
        self.train_settings = train
        self.seed = seed
        cuda = torch.cuda.is_available()
        if train.device == "cuda" and not cuda:
            raise ConfigError("train.device: must be auto or cpu here (got cuda): torch finds no GPU on this machine")
        self.device = torch.device("cuda" if cuda and train.device != "cpu" else "cpu")
        self.fitted: tuple[nn.Module, Scaler] | None = None

    @property
    def loss(self) -> str:
        """What the training minimises."""
        return self.train_settings.loss

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Fit scaler and network; the same seed and windows always give the same weights."""
        scaler = Scaler.of(train, self.train_settings.clip)
        inputs, outputs = train.features.shape[1], len(train.horizons)
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            check_network(self.build(inputs, outputs), inputs, outputs, train.window)
            torch.manual_seed(self.seed)
            warm = self.fitted is not None and self.train_settings.start == "warm"
            net = self._fitted()[0] if warm else self._fresh(inputs, outputs)
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
            parts.append(net(x, 1)[:, -1].double().cpu().numpy() * scaler.target_std)
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

    def _fitted(self) -> tuple[nn.Module, Scaler]:
        if self.fitted is None:
            raise unfitted(self)
        return self.fitted

    def _fresh(self, inputs: int, outputs: int) -> nn.Module:
        return self.build(inputs, outputs).to(self.device)


@torch.no_grad()
def check_network(net: nn.Module, inputs: int, outputs: int, window: int) -> None:
    """Raise ProtocolError unless forecasts (batch, counted, H) of a step stay as they are when a later row changes.

    A chunk holds the rows that its earlier steps are to forecast: a network that reads ahead would learn to copy them.
    It is asked in training mode, where a batch norm over the steps would read ahead, too.
    """
    net.train()
    rows = torch.randn(2, window + 1, inputs)
    changed = torch.cat([rows[:, :-1], rows[:, -1:] + 1.0], dim=1)
    answers = []
    for x in (rows, changed):
        torch.manual_seed(0)  # the same units are dropped
        answers.append(net(x, 2))
    found = tuple(answers[0].shape)
    if found != (2, 2, outputs):
        raise ProtocolError(
            f"{type(net).__name__}: forward(x, counted) must return forecasts (batch, counted, outputs), here "
            f"(2, 2, {outputs}) (got {found}): slice the last `counted` steps"
        )
    if not torch.allclose(answers[0][:, 0], answers[1][:, 0], rtol=1e-4, atol=1e-6):
        raise ProtocolError(
            f"{type(net).__name__}: the forecast of a step must not depend on later rows (got another one when the row "
            "after it changed): make the layers causal, and normalise over features, not over steps"
        )
