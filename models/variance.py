"""Models of variances: the rivals of the literature, and any other model on logarithms, turned back without bias."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backtest.models.forecaster import FitLog, Forecaster, State, log_of
from backtest.models.registry import model
from backtest.models.settings import NetSettings
from backtest.models.volatility import (
    RISKMETRICS_DECAY,
    TRADING_DAYS,
    TargetRange,
    ewma_forecast,
    experience,
    experience_filter,
    fit_ewma_decay,
    fit_har,
    har_forecast,
    har_regressors,
    quarticity_regressors,
    random_walk_forecast,
    smallest_positive,
    target_range,
    variance_from_log,
)
from backtest.models.windows import Floats, Windows

OWN = "variance."
"""What the names of this module's arrays in a state begin with."""


class InLogs:
    """A forecaster of variances from one that forecasts a target of any sign: networks, linear models, a user's own.

    It is given log variances, of the outcome and of each bar in the place of returns, less the mean of the training
    outcomes: a network need not learn that from nothing. Its forecast f is turned back as exp(f + s2 / 2), where s2 is
    the mean squared error of f on training and validation windows: the mean of a lognormal variable, of which exp(f)
    is but the median. A forecaster whose `loss` is qlike forecasts the logarithm of the mean itself, and s2 is 0. A
    variance of zero counts as the smallest one above zero in training. Forecasts are held to what training, validation
    and the window have shown (`experience_filter`). All of this is done by horizon; the history is less the mean of the
    shortest.
    """

    def __init__(self, forecaster: Forecaster) -> None:
        self.forecaster = forecaster
        self.smallest = np.nan
        self.center = self.residual_variance = np.empty(0)
        self.targets = TargetRange(np.array(np.nan), np.array(np.nan), np.array(np.nan))

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Fit the forecaster on logarithms, then measure its errors."""
        self.smallest = min(smallest_positive(train.y), smallest_positive(train.past_variances))
        self.targets = TargetRange(*map(np.atleast_1d, _outcomes(train, validation)))
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
            columns[:, place] = experience_filter(columns[:, place], ends, windows.past_variances, horizon)
        return columns if len(windows.horizons) > 1 else columns[:, 0]

    def state(self) -> State:
        """That of the forecaster, and what its forecasts are turned back with."""
        of_horizons = self.center, self.residual_variance, *self.targets
        own = {f"{OWN}smallest": np.array([self.smallest]), f"{OWN}numbers": np.stack(of_horizons)}
        return {**self.forecaster.state(), **own}

    def restore(self, state: State) -> None:
        """Take over the state of the same forecaster."""
        self.smallest = float(np.asarray(state[f"{OWN}smallest"], np.float64)[0])
        self.center, self.residual_variance, *ends = np.asarray(state[f"{OWN}numbers"], np.float64)
        self.targets = TargetRange(*ends)
        self.forecaster.restore({name: array for name, array in state.items() if not name.startswith(OWN)})

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


class VarianceModel:
    """A forecaster of the variance of the next `horizon` bars together, from the variances of the bars before.

    If `bounded`, forecasts are held to what training, validation and the window have shown (`experience_filter`). A
    weighted mean of past variances needs no bounds; only one that is zero becomes the mean of its window.
    """

    bounded = True

    def __init__(self) -> None:
        self.targets = TargetRange(np.array(np.nan), np.array(np.nan), np.array(np.nan))
        self.parameters: Floats = np.empty(0)

    def learn(self, train: Windows, validation: Windows) -> str:
        """Set the parameters, and say in words what was chosen."""
        raise NotImplementedError

    def forecast(self, windows: Windows) -> Floats:
        """Variance (n,) of the next bars together."""
        raise NotImplementedError

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Learn the parameters, and the range of the outcomes."""
        self.targets = _outcomes(train, validation)
        return FitLog(note=self.learn(train, validation))

    def predict(self, windows: Windows) -> Floats:
        """Variances (n,), above zero."""
        forecast = self.forecast(windows)
        if not self.bounded:
            known = experience(self.targets, windows.past_variances, windows.horizon)
            return np.where(forecast > 0, forecast, known.mean)
        return experience_filter(forecast, self.targets, windows.past_variances, windows.horizon)

    def state(self) -> State:
        """The parameters and the range of the outcomes."""
        return {"parameters": self.parameters, "targets": np.array([float(part) for part in self.targets])}

    def restore(self, state: State) -> None:
        """Take over the state of the same model."""
        self.parameters = np.asarray(state["parameters"], np.float64)
        self.targets = TargetRange(*(np.array(float(part)) for part in np.asarray(state["targets"], np.float64)))


def _outcomes(train: Windows, validation: Windows) -> TargetRange:
    """The range of all outcomes that a fit may see."""
    return target_range(np.concatenate([train.y, validation.y]))


@model("random_walk", baseline=True, scale="variance")
class RandomWalk(VarianceModel):
    """The variance of the last bars again.

    Of as many bars as are forecast.
    """

    bounded = False

    def learn(self, train: Windows, validation: Windows) -> str:
        """Learn nothing."""
        return "the last variance again"

    def forecast(self, windows: Windows) -> Floats:
        """Sum (n,) of the last `horizon` variances."""
        return windows.horizon * random_walk_forecast(windows.past_variances, windows.horizon)


@model("ewma", baseline=True, scale="variance")
class Ewma(VarianceModel):
    """An exponentially weighted mean of past variances, with the decay of RiskMetrics, 0.94.

    J.P. Morgan (1996), RiskMetrics Technical Document. The weights are scaled to add up to 1 over the window.
    """

    bounded = False

    def learn(self, train: Windows, validation: Windows) -> str:
        """Take the decay as it is."""
        self.parameters = np.array([RISKMETRICS_DECAY])
        return f"decay {RISKMETRICS_DECAY}"

    def forecast(self, windows: Windows) -> Floats:
        """The weighted mean for each bar of the outcome, together (n,)."""
        return windows.horizon * ewma_forecast(windows.past_variances, float(self.parameters[0]))


@model("ewma_fitted", baseline=True, scale="variance")
class FittedEwma(Ewma):
    """An exponentially weighted mean of past variances, its decay fitted by QLIKE."""

    def learn(self, train: Windows, validation: Windows) -> str:
        """Fit the decay to the training outcomes."""
        self.parameters = np.array([fit_ewma_decay(train.past_variances, train.y / train.horizon)])
        return f"decay {self.parameters[0]:.4f} by QLIKE"


class HarModel(VarianceModel):
    """A heterogeneous autoregression: means of the variances of the last day, week and month (Corsi, 2009)."""

    def __init__(self, net: NetSettings) -> None:
        super().__init__()
        self.lags = net.har_lags or TRADING_DAYS

    def columns(self, windows: Windows) -> Floats:
        """The means (n, lags) of the last variances."""
        return har_regressors(windows.past_variances, self.lags)

    def described(self) -> str:
        """Return the lags in words."""
        return f"lags {', '.join(map(str, self.lags))}"


@model("har", baseline=True, scale="variance")
class Har(HarModel):
    """A heterogeneous autoregression of variances: day, week and month.

    Least squares; direct for horizons of several bars. Corsi (2009), Journal of Financial Econometrics 7, 174-196.
    """

    def learn(self, train: Windows, validation: Windows) -> str:
        """Fit on training and validation rows: there is nothing to stop by."""
        rows = [(self.columns(part), part.y) for part in (train, validation)]
        x, y = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        self.parameters = fit_har(x, y).coefficients
        return self.described()

    def forecast(self, windows: Windows) -> Floats:
        """The regression (n,)."""
        return har_forecast(self.parameters, self.columns(windows))


@model("log_har", baseline=True, scale="variance")
class LogHar(HarModel):
    """A heterogeneous autoregression of log variances, turned back without bias.

    Logarithms of the same means, fitted to the logarithm of the outcome; the forecast f becomes exp(f + s2 / 2), with
    s2 the residual variance. A variance of zero counts as the smallest one above zero in training.
    """

    def learn(self, train: Windows, validation: Windows) -> str:
        """Fit on training and validation rows, and keep the residual variance and what stands for zero."""
        rows = [(self.columns(part), part.y) for part in (train, validation)]
        x, y = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        smallest = np.array([smallest_positive(x), smallest_positive(y)])
        found = fit_har(np.log(np.maximum(x, smallest[0])), np.log(np.maximum(y, smallest[1])))
        self.parameters = np.concatenate([smallest[:1], [float(found.s2)], found.coefficients])
        return f"{self.described()}; residual variance of logs {float(found.s2):.3g}"

    def forecast(self, windows: Windows) -> Floats:
        """The mean (n,) of a lognormal variance."""
        smallest, s2, *coefficients = self.parameters
        x = np.log(np.maximum(self.columns(windows), smallest))
        return variance_from_log(har_forecast(np.array(coefficients), x), s2)


@model("harq", baseline=True, scale="variance", needs=("quarticities",))
class Harq(HarModel):
    """A heterogeneous autoregression that trusts yesterday's variance less where it was measured badly.

    Beside the means of `har` the last variance times the square root of its realised quarticity, less that root's mean
    in training and validation. Bollerslev, Patton and Quaedvlieg (2016), Journal of Econometrics 192, 1-18.
    """

    def columns(self, windows: Windows) -> Floats:
        """The means (n, lags) of the last variances, and that of the shortest lag times its measurement error."""
        histories, center = (windows.past_variances, windows.past_quarticities), float(self.parameters[0])
        return np.hstack([super().columns(windows), quarticity_regressors(*histories, self.lags[:1], center)])

    def learn(self, train: Windows, validation: Windows) -> str:
        """Fit on training and validation rows, and keep the mean error."""
        parts, shortest = (train, validation), self.lags[:1]
        errors = [np.sqrt(har_regressors(part.past_quarticities, shortest)) for part in parts]
        self.parameters = np.array([np.concatenate(errors).mean()])
        x, y = np.concatenate([self.columns(part) for part in parts]), np.concatenate([part.y for part in parts])
        self.parameters = np.concatenate([self.parameters, fit_har(x, y).coefficients])
        return self.described()

    def forecast(self, windows: Windows) -> Floats:
        """The regression (n,)."""
        return har_forecast(self.parameters[1:], self.columns(windows))
