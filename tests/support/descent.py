"""A small iterative model, for tests: linear regression by gradient descent, with everything that can be done wrong."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from backtest.models import FitLog
from backtest.models.forecaster import Epoch, State
from backtest.models.scaling import Scaler
from backtest.models.windows import Floats, Windows

EPOCHS = 12


@dataclass(slots=True)
class Descent:
    """Linear in the newest row of a window; one step of gradient descent is an epoch, the best one is kept.

    As it stands, everything is learned from the training windows and chosen by the validation windows. What is given
    takes the place of that: a `scaler`, `axes` (k, m) onto which rows are projected, weights (m,) to `begin` with,
    windows to `stop_by` and to `choose_by`, and a generator.
    """

    seed: int = 0
    rate: float = 0.2
    scaler: Scaler | None = None
    axes: Floats | None = None
    begin: Floats | None = None
    stop_by: Windows | None = None
    choose_by: Windows | None = None
    rng: np.random.Generator | None = None
    weights: Floats = field(default_factory=lambda: np.empty(0))

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Step until the error no longer falls; keep the weights of the best epoch."""
        self.scaler = self.scaler or Scaler.of(train)
        self.axes = np.eye(len(self.scaler.mean)) if self.axes is None else self.axes
        rng = self.rng or np.random.default_rng(self.seed)
        drawn = np.asarray(rng.normal(0, 0.3, self.axes.shape[1]))
        self.weights = drawn if self.begin is None else self.begin
        x, y, epochs, tried = self._columns(train), train.y / self.scaler.target_std, list[Epoch](), list[Floats]()
        stopping: list[float] = []
        while len(epochs) < EPOCHS and stopping == sorted(stopping, reverse=True):
            missed = y - (x * self.weights).sum(axis=1)
            self.weights = self.weights + self.rate * (x * missed[:, None]).mean(axis=0)
            epochs.append(Epoch(float(np.mean(missed**2)), self.loss(self.choose_by or validation)))
            stopping.append(self.loss(self.stop_by or validation))
            tried.append(self.weights)
        best = min(range(len(epochs)), key=lambda one: epochs[one].validation_loss)
        self.weights = tried[best]
        return FitLog(tuple(epochs), best + 1)

    def loss(self, windows: Windows) -> float:
        """Mean squared error, in training standard deviations."""
        assert self.scaler
        return float(np.mean(((windows.y - self.predict(windows)) / self.scaler.target_std) ** 2))

    def predict(self, windows: Windows) -> Floats:
        """Forecast (n,)."""
        assert self.scaler
        return np.asarray((self._columns(windows) * self.weights).sum(axis=1) * self.scaler.target_std)

    def state(self) -> State:
        """Weights, axes and scaler."""
        assert self.scaler
        assert self.axes is not None
        return {"weights": self.weights, "axes": self.axes, **self.scaler.state()}

    def restore(self, state: State) -> None:
        """Take over weights, axes and scaler."""
        self.scaler, self.begin = Scaler.restore(state), np.asarray(state["weights"], np.float64)
        self.axes, self.weights = np.asarray(state["axes"], np.float64), self.begin

    def _columns(self, windows: Windows) -> Floats:
        """The newest rows, scaled and projected (n, m)."""
        assert self.scaler
        assert self.axes is not None
        newest = (windows.x[:, -1] - self.scaler.mean) / self.scaler.std
        return np.asarray((newest[:, :, None] * self.axes).sum(axis=1))
