"""Models of variances, from the variances of the bars before: the rivals of the literature."""

from __future__ import annotations

import numpy as np

from backtest.models.filters import UNKNOWN_RANGE, TargetRange, known_range, known_range_filter, target_range
from backtest.models.forecaster import FitLog, State
from backtest.models.registry import model
from backtest.models.settings import NetSettings
from backtest.models.volatility import (
    RISKMETRICS_DECAY,
    TRADING_DAYS,
    ewma_forecast,
    fit_ewma_decay,
    fit_har,
    har_forecast,
    har_regressors,
    quarticity_regressors,
    random_walk_forecast,
    smallest_positive,
    variance_from_log,
)
from backtest.models.windows import Floats, Windows


class VarianceModel:
    """A forecaster of the variance of the next `horizon` bars together, from the variances of the bars before.

    If `bounded`, forecasts are held to what training, validation and the window have shown (`known_range_filter`). A
    weighted mean of past variances needs no bounds; only one that is zero becomes the mean of its window.
    """

    bounded = True

    def __init__(self) -> None:
        self.targets = UNKNOWN_RANGE
        self.parameters: Floats = np.empty(0)

    def learn(self, train: Windows, validation: Windows) -> str:
        """Set the parameters, and say in words what was chosen."""
        raise NotImplementedError

    def forecast(self, windows: Windows) -> Floats:
        """Variance (n,) of the next bars together."""
        raise NotImplementedError

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Learn the parameters, and the range of the outcomes."""
        self.targets = range_of_outcomes(train, validation)
        return FitLog(note=self.learn(train, validation))

    def predict(self, windows: Windows) -> Floats:
        """Variances (n,), above zero."""
        forecast = self.forecast(windows)
        if not self.bounded:
            known = known_range(self.targets, windows.past_variances, windows.horizon)
            return np.where(forecast > 0, forecast, known.mean)
        return known_range_filter(forecast, self.targets, windows.past_variances, windows.horizon)

    def state(self) -> State:
        """The parameters and the range of the outcomes."""
        return {"parameters": self.parameters, "targets": np.array([float(part) for part in self.targets])}

    def restore(self, state: State) -> None:
        """Take over the state of the same model."""
        self.parameters = np.asarray(state["parameters"], np.float64)
        self.targets = TargetRange(*(np.array(float(part)) for part in np.asarray(state["targets"], np.float64)))


def range_of_outcomes(train: Windows, validation: Windows) -> TargetRange:
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

    def observations(self, train: Windows, validation: Windows) -> tuple[Floats, Floats]:
        """Columns and outcomes of training and validation rows: there is nothing to stop by."""
        parts = train, validation
        return np.concatenate([self.columns(part) for part in parts]), np.concatenate([part.y for part in parts])

    def described(self) -> str:
        """Return the lags in words."""
        return f"lags {', '.join(map(str, self.lags))}"


@model("har", baseline=True, scale="variance", reads=("har_lags",))
class Har(HarModel):
    """A heterogeneous autoregression of variances: day, week and month.

    Least squares; direct for horizons of several bars. Corsi (2009), Journal of Financial Econometrics 7, 174-196.
    """

    def learn(self, train: Windows, validation: Windows) -> str:
        """Fit on training and validation rows."""
        x, y = self.observations(train, validation)
        self.parameters = fit_har(x, y).coefficients
        return self.described()

    def forecast(self, windows: Windows) -> Floats:
        """The regression (n,)."""
        return har_forecast(self.parameters, self.columns(windows))


@model("log_har", baseline=True, scale="variance", reads=("har_lags",))
class LogHar(HarModel):
    """A heterogeneous autoregression of log variances, turned back without bias.

    Logarithms of the same means, fitted to the logarithm of the outcome; the forecast f becomes exp(f + s2 / 2), with
    s2 the residual variance. A variance of zero counts as the smallest one above zero in training.
    """

    def learn(self, train: Windows, validation: Windows) -> str:
        """Fit on training and validation rows, and keep the residual variance and what stands for zero."""
        x, y = self.observations(train, validation)
        smallest = np.array([smallest_positive(x), smallest_positive(y)])
        found = fit_har(np.log(np.maximum(x, smallest[0])), np.log(np.maximum(y, smallest[1])))
        self.parameters = np.concatenate([smallest[:1], [float(found.s2)], found.coefficients])
        return f"{self.described()}; residual variance of logs {float(found.s2):.3g}"

    def forecast(self, windows: Windows) -> Floats:
        """The mean (n,) of a lognormal variance."""
        smallest, s2, *coefficients = self.parameters
        x = np.log(np.maximum(self.columns(windows), smallest))
        return variance_from_log(har_forecast(np.array(coefficients), x), s2)


@model("harq", baseline=True, scale="variance", needs=("quarticities",), reads=("har_lags",))
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
        x, y = self.observations(train, validation)
        self.parameters = np.concatenate([self.parameters, fit_har(x, y).coefficients])
        return self.described()

    def forecast(self, windows: Windows) -> Floats:
        """The regression (n,)."""
        return har_forecast(self.parameters[1:], self.columns(windows))
