"""How a model of the table takes part in a question: on the scale of its outcomes, at each of its horizons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from backtest.data.errors import RunError
from backtest.data.losses import LOSSES
from backtest.data.names import Scale
from backtest.data.question import Question
from backtest.models.entries import Entry
from backtest.models.filters import UNKNOWN_RANGE, TargetRange, known_range_filter
from backtest.models.forecaster import FitLog, Forecaster, State, log_of, part_of
from backtest.models.horizons import PerHorizon
from backtest.models.probability import within
from backtest.models.registry import Model
from backtest.models.scaling import covered
from backtest.models.tuning import Tuned
from backtest.models.variance import range_of_outcomes
from backtest.models.volatility import smallest_positive, variance_from_log
from backtest.models.windows import Floats, Windows

VARIANCE, PROBABILITY, INPUTS = "variance.", "probability.", "inputs."
"""What the names of a wrapper's own arrays in a state begin with; those of the forecaster in it keep their names."""


class InLogs:
    """A forecaster of variances from one that forecasts a target of any sign: networks, linear models, a user's own.

    It is given log variances, of the outcome and of each bar in the place of returns, less the mean of the training
    outcomes: a network need not learn that from nothing. Its forecast f is turned back as exp(f + s2 / 2), where s2 is
    the mean squared error of f on training and validation windows: the mean of a lognormal variable, of which exp(f)
    is but the median. A forecaster whose `loss` is qlike forecasts the logarithm of the mean itself, and s2 is 0. A
    variance of zero counts as the smallest one above zero in training. Forecasts are held to what training, validation
    and the window have shown (`known_range_filter`). All of this is done by horizon; the history is less the mean of
    the shortest.
    """

    def __init__(self, forecaster: Forecaster) -> None:
        self.forecaster = forecaster
        self.smallest = np.nan
        self.center = self.residual_variance = np.empty(0)
        self.targets = UNKNOWN_RANGE

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Fit the forecaster on logarithms, then measure its errors."""
        self.smallest = min(smallest_positive(train.y), smallest_positive(train.past_variances))
        self.targets = TargetRange(*map(np.atleast_1d, range_of_outcomes(train, validation)))
        self.center = np.atleast_1d(np.log(np.maximum(train.y, self.smallest)).mean(axis=0))
        parts = [self._in_logs(windows) for windows in (train, validation)]
        log = log_of(self.forecaster.fit(*parts), type(self.forecaster).__name__)
        errors = np.concatenate([part.y - self.forecaster.predict(part.hidden()) for part in parts])
        forecasts_means = getattr(self.forecaster, "loss", "squared") == "qlike"
        self.residual_variance = np.atleast_1d(np.mean(errors**2, axis=0)) * (not forecasts_means)
        return log

    def predict(self, windows: Windows) -> Floats:
        """Variances (n,), or (n, H) of several horizons, within what outcomes and windows have shown."""
        forecast = variance_from_log(
            self.center + self.forecaster.predict(self._in_logs(windows)), self.residual_variance
        )
        columns = forecast.reshape(len(windows), len(windows.horizons))
        for place, horizon in enumerate(windows.horizons):
            ends = TargetRange(*(part[place] for part in self.targets))
            columns[:, place] = known_range_filter(columns[:, place], ends, windows.past_variances, horizon)
        return columns if len(windows.horizons) > 1 else columns[:, 0]

    def state(self) -> State:
        """That of the forecaster, and what its forecasts are turned back with."""
        of_horizons = self.center, self.residual_variance, *self.targets
        own = {"smallest": np.array([self.smallest]), "numbers": np.stack(of_horizons)}
        return _joined(self.forecaster, own, VARIANCE)

    def restore(self, state: State) -> None:
        """Take over the state of the same forecaster."""
        own = _taken_apart(state, self.forecaster, VARIANCE)
        self.smallest = float(own["smallest"][0])
        self.center, self.residual_variance, *ends = own["numbers"]
        self.targets = TargetRange(*ends)

    def _in_logs(self, windows: Windows) -> Windows:
        """The same windows with log variances as target and in the place of returns."""
        variances, targets = windows.variances, windows.targets
        if variances is None:
            raise LookupError("these windows have no variances: expected a target such as log_variance")
        in_logs = None if targets is None else self._log(targets) - self.center
        history = self._log(variances) - self.center[0]
        return replace(windows, returns=history, targets=in_logs, variances=None, additive=False)

    def _log(self, variances: Floats) -> Floats:
        """Logarithms of variances, of which none is zero."""
        return np.log(np.maximum(variances, self.smallest))


class InProbabilities:
    """A forecaster of probabilities from one of any target: networks, linear models, a user's own.

    It is given the outcome, 1 or 0, less the share of ones among the training windows: a network need not learn that
    from nothing. Its squared error is the Brier score, whose best forecast is the probability. The forecast and that
    share together are held `within` what so many training windows can tell.
    """

    def __init__(self, forecaster: Forecaster) -> None:
        self.forecaster = forecaster
        self.n = 0
        self.center: Floats = np.empty(0)

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Fit the forecaster on outcomes less their training mean, one for each horizon."""
        self.n, self.center = len(train), np.atleast_1d(train.y.mean(axis=0))
        parts = [
            replace(windows, targets=np.asarray(windows.targets) - self.center, additive=False)
            for windows in (train, validation)
        ]
        return log_of(self.forecaster.fit(*parts), type(self.forecaster).__name__)

    def predict(self, windows: Windows) -> Floats:
        """Probabilities (n,), or (n, H) of H horizons."""
        return within(self.center + self.forecaster.predict(replace(windows, additive=False)), self.n)

    def state(self) -> State:
        """That of the forecaster, the training mean (H,) and the number of training windows."""
        return _joined(self.forecaster, {"center": self.center, "n": np.array([self.n])}, PROBABILITY)

    def restore(self, state: State) -> None:
        """Take over the state of the same forecaster."""
        own = _taken_apart(state, self.forecaster, PROBABILITY)
        self.center, self.n = own["center"], int(own["n"][0])


class FlooredInputs:
    """Any forecaster, given inputs without minus infinity, the logarithm of zero, as of the variance of a still bar.

    In its place stands the smallest value of the input in the training rows, 0 where they have none: known at every
    forecast, and the rule by which the models of logarithms treat variances of zero (`smallest_positive`).
    """

    def __init__(self, forecaster: Forecaster) -> None:
        self.forecaster = forecaster
        self.smallest: Floats = np.empty(0)

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Take the smallest values (k,) of the training rows, then fit the forecaster."""
        rows = train.features[covered(train)]
        known = np.where(np.isneginf(rows), np.inf, rows).min(axis=0, initial=np.inf)
        self.smallest = np.where(np.isfinite(known), known, 0.0)
        return self.forecaster.fit(self._floored(train), self._floored(validation))

    def predict(self, windows: Windows) -> Floats:
        """Forecasts (n,), or (n, H) of several horizons."""
        return self.forecaster.predict(self._floored(windows))

    def state(self) -> State:
        """That of the forecaster, and the smallest values."""
        return _joined(self.forecaster, {"smallest": self.smallest}, INPUTS)

    def restore(self, state: State) -> None:
        """Take over the state of the same forecaster, whose earlier versions had no smallest values."""
        self.smallest = _taken_apart(state, self.forecaster, INPUTS).get("smallest", np.empty(0))

    def _floored(self, windows: Windows) -> Windows:
        """The same windows, a copy of their rows where some hold a logarithm of zero."""
        zeros = np.isneginf(windows.features)
        if not zeros.any():
            return windows
        if not self.smallest.size:
            raise RunError("inputs: expected the smallest values of training (got a fit without): run it again")
        return replace(windows, features=np.where(zeros, self.smallest, windows.features))


def _joined(forecaster: Forecaster, own: Mapping[str, Floats], prefix: str) -> State:
    """The state of a wrapper: that of its forecaster, and its own arrays."""
    return {**forecaster.state(), **{f"{prefix}{name}": array for name, array in own.items()}}


def _taken_apart(state: State, forecaster: Forecaster, prefix: str) -> dict[str, Floats]:
    """Give a wrapper's forecaster its part of a state, and return the wrapper's own arrays."""
    forecaster.restore({name: array for name, array in state.items() if not name.startswith(prefix)})
    return {name: np.asarray(array, np.float64) for name, array in part_of(state, prefix).items()}


WRAPPERS: Mapping[Scale, Callable[[Forecaster], Forecaster]] = {"variance": InLogs, "probability": InProbabilities}
"""What makes a forecaster of a scale from one of any target; a return is forecast as it is."""


def make_forecaster(entry: Entry, question: Question, seed: int) -> Forecaster:
    """Return a fresh forecaster of a model of a run for what a question asks; where it has candidates, a tuned one."""
    if entry.candidates:
        makers = [(one.values, partial(make_forecaster, one, question, seed)) for one in entry.candidates]
        return Tuned(makers, LOSSES[question.loss])
    model, scale = entry.model, question.about.scale

    def on_scale() -> Forecaster:
        """The model on the scale of the target."""
        forecaster = entry.make(seed)
        return WRAPPERS[scale](forecaster) if model.scale == "any" and scale in WRAPPERS else forecaster

    several = len(question.horizons) > 1 and not model.multi_horizon
    return FlooredInputs(PerHorizon(on_scale, question.horizons) if several else on_scale())


def bounded(model: Model, scale: Scale) -> bool:
    """Whether forecasts of a model are held to what was known when they were made: by itself, or by `InLogs`."""
    return scale == "variance" and (model.scale == "any" or model.bounded)
