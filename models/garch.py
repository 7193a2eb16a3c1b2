"""GARCH(1,1) and GJR-GARCH(1,1) of returns, estimated by `arch`, forecast by their recursion, and as rivals of a walk.

With returns r_t = sqrt(s_t) z_t of mean zero and E z_t^2 = 1,

    s_{t+1} = omega + (alpha + gamma [r_t < 0]) r_t^2 + beta s_t,

and k steps further ahead E s_{t+1+k} = omega + (alpha + gamma / 2 + beta) E s_{t+k}, for z_t of a symmetric
distribution. Variances are in squared units of the returns, per bar.

Sources: Bollerslev (1986), Journal of Econometrics 31, 307-327; Glosten, Jagannathan and Runkle (1993), Journal of
Finance 48, 1779-1801; Student t: Bollerslev (1987), Review of Economics and Statistics 69, 542-547.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from backtest.data.errors import NotFinite, TooFewBars
from backtest.models.registry import model
from backtest.models.scaling import covered
from backtest.models.variance import VarianceModel
from backtest.models.windows import Floats, Windows

Distribution = Literal["normal", "t"]

BACKCAST_DECAY, BACKCAST_LENGTH = 0.94, 75
"""Weights 0.94^i on the first 75 squares of a window start its recursion, as in `arch`."""


class GarchParams(NamedTuple):
    """Parameters of a GJR-GARCH(1,1); gamma = 0 is a GARCH, nu = infinity the normal distribution."""

    omega: float
    alpha: float
    gamma: float
    beta: float
    nu: float = np.inf

    @property
    def persistence(self) -> float:
        """Share of a deviation of the variance from its long-run level that is left one bar later."""
        return self.alpha + self.gamma / 2 + self.beta


class GarchFit(NamedTuple):
    """Estimated parameters, whether the estimation converged, and what happened in words."""

    params: GarchParams
    converged: bool
    note: str


RISKMETRICS = GarchParams(omega=0.0, alpha=0.06, gamma=0.0, beta=0.94)
"""The EWMA of RiskMetrics as a GARCH: what stands in where an estimation does not converge."""


def fit_garch(returns: Floats, *, asymmetric: bool = False, distribution: Distribution = "t") -> GarchFit:
    """Maximum likelihood of a GARCH(1,1), or a GJR-GARCH(1,1) if `asymmetric`, on returns (n,) of mean zero.

    Returns are scaled to unit variance and the search starts from fixed values, so that the same returns give the same
    parameters, in any unit. A search that does not converge is repeated from the starting values of `arch`; if that
    fails too, or every return is zero, the parameters are RISKMETRICS, which need no estimation, and `note` says so.
    NotFinite where a return is not; TooFewBars below two returns for each parameter.
    """
    dynamics = (0.03, 0.08, 0.90) if asymmetric else (0.08, 0.90)
    start = np.array([0.02 if not asymmetric else 0.03, *dynamics, *((8.0,) if distribution == "t" else ())])
    if not np.isfinite(returns).all():
        raise NotFinite("fit_garch: expected finite returns (got NaN or infinity)")
    if len(returns) < 2 * len(start):
        raise TooFewBars(
            f"fit_garch: expected at least {2 * len(start)} returns (got {len(returns)}): use a longer span"
        )
    scale = float(np.sqrt(np.mean(returns**2)))
    if scale == 0:
        return GarchFit(RISKMETRICS, False, "every return is zero: RiskMetrics, 0.94")
    from arch import arch_model  # takes a second, needed by this fit only

    garch = arch_model(
        returns / scale, mean="Zero", vol="GARCH", p=1, o=int(asymmetric), q=1, dist=distribution, rescale=False
    )
    for values in (start, None):
        with warnings.catch_warnings():  # `arch` changes the filters for good
            warnings.simplefilter("ignore")
            found = garch.fit(starting_values=values, disp="off", show_warning=False)
        estimates = found.params
        if found.convergence_flag == 0 and np.isfinite(estimates).all():
            params = GarchParams(
                omega=float(estimates["omega"]) * scale**2,
                alpha=float(estimates["alpha[1]"]),
                gamma=float(estimates["gamma[1]"]) if asymmetric else 0.0,
                beta=float(estimates["beta[1]"]),
                nu=float(estimates["nu"]) if distribution == "t" else np.inf,
            )
            return GarchFit(params, True, f"persistence {params.persistence:.4f}, {params.nu:.3g} degrees of freedom")
    return GarchFit(RISKMETRICS, False, "the estimation did not converge: RiskMetrics, 0.94")


def backcast(returns: Floats) -> Floats:
    """Variance (n,) that stands before each window of returns (n, window): weights 0.94^i on its first 75 squares."""
    first = returns[:, :BACKCAST_LENGTH]
    weights = BACKCAST_DECAY ** np.arange(first.shape[1])
    return np.asarray(first**2 @ (weights / weights.sum()))


def next_variance(params: GarchParams, returns: Floats, before: Floats | float | None = None) -> Floats:
    """Variance (n,) of the bar after each window of returns (n, window), the newest last.

    `before`, () or (n,), is the variance and squared return that stand before the window; by default its `backcast`.
    """
    omega, alpha, gamma, beta, _ = params
    started = backcast(returns) if before is None else np.broadcast_to(np.asarray(before, np.float64), len(returns))
    variance = omega + params.persistence * started
    for column in returns.T:
        variance = omega + (alpha + gamma * (column < 0)) * column**2 + beta * variance
    return variance


def garch_forecast(
    params: GarchParams, returns: Floats, horizon: int = 1, before: Floats | float | None = None
) -> Floats:
    """Sum (n,) of the variances expected in the `horizon` bars after each window of returns (n, window).

    `before` as in `next_variance`.
    """
    expected = next_variance(params, returns, before)
    total = expected
    for _ in range(horizon - 1):
        expected = params.omega + params.persistence * expected
        total = total + expected
    return total


def longest_stretch(*parts: Windows) -> Floats:
    """Returns (n,) of the longest run of neighbouring bars that some windows cover, the latest of several.

    Windows without a `place` begin at the same row, and know of no holes.
    """
    rows = [covered(part) for part in parts]
    places = [np.arange(len(part.returns)) if part.place is None else part.place for part in parts]
    place, first = np.unique(np.concatenate([own[of] for own, of in zip(places, rows, strict=True)]), return_index=True)
    returns = np.concatenate([part.returns[of] for part, of in zip(parts, rows, strict=True)])[first]
    stretches = np.split(returns, np.flatnonzero(np.diff(place) != 1) + 1)
    return max(reversed(stretches), key=len)


@lru_cache(maxsize=2)
def _fit_once(returns: bytes, asymmetric: bool) -> GarchFit:
    """The fit to the same returns, made once for all horizons of a fold."""
    return fit_garch(np.frombuffer(returns), asymmetric=asymmetric)


@model("garch", baseline=True, scale="variance", needs=("returns",))
class Garch(VarianceModel):
    """A GARCH(1,1) of returns with Student t shocks, at the level of the outcomes.

    Estimated on the returns of training and validation bars, the longest stretch of one symbol without a hole: the
    recursion of the likelihood joins no returns that do not follow each other. That of a forecast runs over the window
    from its `backcast`; with 44 bars that moved the forecasts of the S&P 500's variance by 1.5 % on average against a
    recursion over all bars before, and their QLIKE by 0.0005 of 0.457.

    Outcomes may be on another level than squared returns from close to close, as variances of open hours are. Forecasts
    are therefore multiplied by the sum of the outcomes in training and validation over that of the forecasts for them:
    the scaling of Hansen and Lunde (2005), Journal of Financial Econometrics 3, 525-554, with forecasts in the place of
    the much noisier squared returns.
    """

    asymmetric = False

    def learn(self, train: Windows, validation: Windows) -> str:
        """Estimate the parameters, then the level."""
        fit = _fit_once(longest_stretch(train, validation).tobytes(), self.asymmetric)
        self.parameters = np.array([*fit.params, 1.0])
        forecasts, outcomes = (
            sum(float(part.sum()) for part in parts)
            for parts in zip(*((self.forecast(part), part.y) for part in (train, validation)), strict=True)
        )
        self.parameters[-1] = outcomes / forecasts if forecasts > 0 else 1.0
        return f"{fit.note}; times {self.parameters[-1]:.4g}, to the level of the outcomes"

    def forecast(self, windows: Windows) -> Floats:
        """Sum (n,) of the variances that the recursion expects, at the level of the outcomes."""
        *params, level = map(float, self.parameters)
        return level * garch_forecast(GarchParams(*params), windows.past_returns, windows.horizon)


@model("gjr_garch", baseline=True, scale="variance", needs=("returns",))
class GjrGarch(Garch):
    """A GJR-GARCH(1,1): as garch, but falling prices raise the variance more than rising ones."""

    asymmetric = True
