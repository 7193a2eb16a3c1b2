"""The baselines that a network has to beat: zero, the last return, the mean, an autoregression, ridge regression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backtest.models.forecaster import FitLog, State, unfitted
from backtest.models.registry import model
from backtest.models.scaling import Scaler
from backtest.models.settings import TrainSettings
from backtest.models.windows import Floats, Windows

MAX_ORDER = 24
PENALTIES = np.logspace(-4, 4, 17)


@model("zero", baseline=True, scale="return")
class Zero:
    """No change, ever: the usual rival of returns and levels."""

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Learn nothing."""
        return FitLog(note="always 0")

    def predict(self, windows: Windows) -> Floats:
        """Forecast 0 for each window (n,)."""
        return np.zeros(len(windows))

    def state(self) -> State:
        """Nothing to keep."""
        return {}

    def restore(self, state: State) -> None:
        """Nothing to take over."""


@model("naive", baseline=True, scale="return")
class Naive(Zero):
    """The last return again.

    It forecasts the sum of the last `horizon` one-bar returns.
    """

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Learn nothing."""
        return FitLog(note="the last return again")

    def predict(self, windows: Windows) -> Floats:
        """Return of the last `horizon` bars before each origin (n,)."""
        last: Floats = windows.past_returns[:, -windows.horizon :].sum(axis=1)
        return last


class Linear:
    """A forecast that is linear in a window's columns: `intercept + columns @ weights`."""

    def __init__(self) -> None:
        self.weights: Floats = np.empty(0)
        self.intercept = 0.0

    def columns(self, windows: Windows) -> Floats:
        """Regressors (n, p) of each window."""
        raise NotImplementedError

    def predict(self, windows: Windows) -> Floats:
        """Forecast (n,), in blocks, so that memory does not grow with the number of windows."""
        parts = [self.columns(block) @ self.weights + self.intercept for block in windows.blocks()]
        return np.concatenate(parts) if parts else np.empty(0)

    def state(self) -> State:
        """Weights and intercept."""
        return {"weights": self.weights, "intercept": np.array([self.intercept])}

    def restore(self, state: State) -> None:
        """Take over weights and intercept."""
        self.weights = np.asarray(state["weights"], np.float64)
        self.intercept = float(np.asarray(state["intercept"], np.float64)[0])


@model("mean", baseline=True)
class Mean(Linear):
    """The mean outcome of the training span."""

    def columns(self, windows: Windows) -> Floats:
        """No regressors (n, 0)."""
        return np.empty((len(windows), 0))

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Take the mean of the training targets."""
        self.intercept = float(train.y.mean())
        return FitLog(note=f"mean {self.intercept:.3g}")


@model("ar", baseline=True)
class Autoregression(Linear):
    """An autoregression of the returns, its order chosen by BIC.

    Least squares on the last p one-bar returns, p <= 24 chosen by BIC (Schwarz 1978) on common rows. Several bars ahead
    the forecasts of one bar are iterated and summed; an outcome that is no sum of returns is regressed on them itself.
    """

    def columns(self, windows: Windows) -> Floats:
        """The last p one-bar returns (n, p), the newest first."""
        return windows.past_returns[:, ::-1][:, : len(self.weights)]

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Fit every order on the same rows and keep the one with the smallest BIC."""
        iterated = train.additive and train.horizon > 1
        known = _newest_as_targets(train) if iterated else train
        self.weights = np.empty(min(MAX_ORDER, known.window))
        moments = _moments(self, known)
        criteria, fits = [], []
        for order in range(len(self.weights) + 1):
            gram, cross = moments[: order + 1, : order + 1], moments[: order + 1, -1]
            fits.append(np.asarray(np.linalg.lstsq(gram, cross, rcond=None)[0], np.float64))  # intercept first
            error = max(float(moments[-1, -1] - cross @ fits[order]), np.finfo(float).tiny)
            criteria.append(len(train) * np.log(error / len(train)) + (order + 1) * np.log(len(train)))
        order = int(np.argmin(criteria))
        coefficients = fits[order]
        self.intercept, self.weights = float(coefficients[0]), coefficients[1:]
        if iterated:
            self.intercept, self.weights = _iterated(self.intercept, self.weights, train.horizon)
        return FitLog(note=f"order {order} by BIC")


def _newest_as_targets(windows: Windows) -> Windows:
    """Windows without their newest row, whose return is the outcome: one bar ahead, and known at the origin."""
    targets = np.append(windows.returns[1:], np.nan)[:, None]
    return replace(windows, ends=windows.ends - 1, window=windows.window - 1, targets=targets, horizons=(1,))


def _iterated(intercept: float, weights: Floats, horizon: int) -> tuple[float, Floats]:
    """Intercept and weights of the sum of the forecasts 1 to `horizon` bars ahead: linear in the same past returns."""
    order = len(weights)
    forms = [np.append(row, 0.0) for row in np.eye(order)[::-1]]  # each return in the newest ones and a constant
    for _ in range(horizon):
        ahead = sum((weight * form for weight, form in zip(weights, forms[::-1], strict=False)), np.zeros(order + 1))
        ahead[-1] += intercept
        forms.append(ahead)
    total = np.sum(forms[order:], axis=0)
    return float(total[-1]), total[:-1]


@model("ridge", baseline=True, reads=("clip",))
class Ridge(Linear):
    """Ridge regression on the flattened window, its penalty chosen on the validation tail.

    Hoerl and Kennard (1970). Its inputs are scaled and held within the training range as those of the networks.
    """

    def __init__(self, train: TrainSettings | None = None) -> None:
        super().__init__()
        self.clip = (train or TrainSettings()).clip
        self.scaler: Scaler | None = None

    def columns(self, windows: Windows) -> Floats:
        """The standardised window, flattened (n, window * k)."""
        return self._fitted().standardise(windows.x).reshape(len(windows), -1)

    def predict(self, windows: Windows) -> Floats:
        """Forecast (n,), held within the range of the training targets."""
        return self._fitted().hold(super().predict(windows))

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Solve for each penalty from one eigendecomposition; the one best on `validation` is kept."""
        self.scaler = Scaler.of(train, self.clip)
        moments = _moments(self, train)
        mean, gram, cross = moments[0, 1:] / len(train), moments[1:-1, 1:-1], moments[1:-1, -1]
        gram = gram - len(train) * np.outer(mean[:-1], mean[:-1])
        cross = cross - len(train) * mean[:-1] * mean[-1]
        values, vectors = np.linalg.eigh(gram)
        rotated = vectors.T @ cross
        checks = _moments(self, validation)
        best = (np.inf, 0.0)
        for penalty in PENALTIES * len(train):
            weights = vectors @ (rotated / (np.maximum(values, 0.0) + penalty))
            intercept = float(mean[-1] - mean[:-1] @ weights)
            residual = np.concatenate([[-intercept], -weights, [1.0]])
            best_error, _ = best
            error = float(residual @ checks @ residual)
            if error < best_error:
                best = (error, float(penalty))
                self.weights, self.intercept = weights, intercept
        return FitLog(note=f"penalty {best[1] / len(train):.3g} per window by validation")

    def state(self) -> State:
        """Weights, intercept and scaler."""
        return {**super().state(), **self._fitted().state()}

    def restore(self, state: State) -> None:
        """Take over weights, intercept and scaler."""
        super().restore(state)
        self.scaler = Scaler.restore(state)

    def _fitted(self) -> Scaler:
        if self.scaler is None:
            raise unfitted(self)
        return self.scaler


def _moments(linear: Linear, windows: Windows) -> Floats:
    """Sums of products of (1, columns, target), (p + 2, p + 2), gathered block by block."""
    total: Floats | float = 0.0
    for block in windows.blocks():
        rows = np.column_stack([np.ones(len(block)), linear.columns(block), block.y])
        total = total + rows.T @ rows
    return np.asarray(total)
