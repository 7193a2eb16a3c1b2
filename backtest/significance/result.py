"""What a test of paired losses is given and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from data.errors import ConfigError, NotFinite, UnpairedForecasts

FloatArray = npt.NDArray[np.float64]
Estimator = Literal["bartlett", "truncated"]
"""Weights of the autocovariances in the variance of a mean."""

Alternative = Literal["less", "two-sided", "greater"]


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test of `loss_model - loss_baseline`: a negative statistic favours the model.

    `alternative` "less" asks whether the model is better. `standard_error` belongs to `mean_difference`, `lags` counts
    the autocovariances in it, and `note` holds what a reader must know; it is empty if there is nothing.
    """

    __test__: ClassVar[bool] = False

    test: str
    statistic: float
    p_value: float
    n: int
    lags: int
    alternative: Alternative
    note: str
    mean_difference: float
    standard_error: float


class LossTest(Protocol):
    """A test of two paired series of losses, each of shape (n,) and in the order of time."""

    def __call__(
        self,
        loss_model: npt.ArrayLike,
        loss_baseline: npt.ArrayLike,
        *,
        horizon: int = 1,
        estimator: Estimator = "bartlett",
        alternative: Alternative = "two-sided",
    ) -> TestResult:
        """Test whether the expected losses differ; raises UndefinedTest where the numbers do not tell."""
        ...


def paired_losses(loss_model: npt.ArrayLike, loss_baseline: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both series as float arrays of one shape (n,).

    Raises UnpairedForecasts if they differ in length, NotFinite at a null, NaN or infinity: none is ever dropped.
    """
    model, baseline = (np.asarray(losses, dtype=np.float64) for losses in (loss_model, loss_baseline))
    if model.ndim != 1 or model.shape != baseline.shape:
        raise UnpairedForecasts(
            f"losses: model and baseline must be two series of one length (got shapes {model.shape} and "
            f"{baseline.shape}): give one loss of each per row"
        )
    for name, losses in (("model", model), ("baseline", baseline)):
        if not np.isfinite(losses).all():
            bad = np.flatnonzero(~np.isfinite(losses))
            raise NotFinite(
                f"losses of the {name}: must be finite (got {losses[bad[0]]} at position {bad[0]}; {bad.size} of "
                f"{losses.size} are null, NaN or infinite): repair the forecasts, rows are never dropped"
            )
    return model, baseline


def t_probability(statistic: float, degrees: int, alternative: Alternative) -> float:
    """P-value of a statistic that follows Student's t; raises ConfigError for an unknown alternative."""
    if alternative == "less":
        return float(stdtr(degrees, statistic))
    if alternative == "greater":
        return float(stdtr(degrees, -statistic))
    if alternative == "two-sided":
        return float(2 * stdtr(degrees, -abs(statistic)))
    raise ConfigError(f"alternative: must be one of {', '.join(get_args(Alternative))} (got {alternative!r})")
