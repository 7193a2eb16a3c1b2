"""The result of a test, the checks of its input, and p-values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtr

from backtest.data.errors import ConfigError, NotFinite, UnpairedForecasts

FloatArray = npt.NDArray[np.float64]

Alternative = Literal["less", "two-sided", "greater"]

LARGEST = 1e300
"""Numbers beyond it have no sum."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test. `lags` counts the autocovariances, or cosine terms, in its variance; `note` is what a reader must know.

    Of tests on losses a negative statistic favours the model, and `alternative` "less" asks whether it is better.
    """

    __test__: ClassVar[bool] = False

    test: str
    statistic: float
    p_value: float
    n: int
    lags: int
    alternative: Alternative
    note: str = ""


def check_horizon(horizon: object) -> None:
    """Raise ConfigError for a horizon that is no whole number of steps, at least 1."""
    if isinstance(horizon, bool) or not isinstance(horizon, int | np.integer) or horizon < 1:
        raise ConfigError(f"horizon: must be at least 1, a whole number of steps (got {horizon!r})")


def paired(**series: npt.ArrayLike) -> tuple[FloatArray, ...]:
    """Series by their names as float arrays of one shape (n,).

    Raises UnpairedForecasts if they differ in length, NotFinite at a null, NaN or infinity: none is ever dropped.
    """
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in series.items()}
    shapes = {values.shape for values in arrays.values()}
    if len(shapes) > 1 or any(values.ndim != 1 for values in arrays.values()):
        got = " and ".join(f"{name} {values.shape}" for name, values in arrays.items())
        raise UnpairedForecasts(f"expected series of one length (got {got}): give one number of each per row")
    for name, values in arrays.items():
        bad = np.flatnonzero(~(np.abs(values) < LARGEST))
        if bad.size:
            raise NotFinite(
                f"{name}: must be finite (got {values[bad[0]]} at position {bad[0]}; {bad.size} of {values.size} are "
                f"null, NaN or infinite, or beyond {LARGEST:.0e}): repair the forecasts, rows are never dropped"
            )
    return tuple(arrays.values())


def unit_of(*series: FloatArray) -> float:
    """Power of two about as large as the largest number of some series.

    In such units squares neither overflow nor vanish, and no digit of a ratio changes.
    """
    return 2.0 ** int(np.frexp(max(float(np.abs(values).max(initial=0.0)) for values in series))[1])


def mean_per_time(values: FloatArray, times: npt.ArrayLike | None) -> FloatArray:
    """Mean of the rows (n,) of each time, in the order of the times (n,); the values themselves without times.

    Errors of one time depend on each other across symbols; their mean leaves one series whose variance counts that
    (Timmermann and Zhu, 2019, "Comparing Forecasting Performance with Panel Data").
    """
    if times is None:
        return values
    if np.shape(times) != values.shape:
        raise UnpairedForecasts(f"times: one for each of {values.size} rows is needed (got shape {np.shape(times)})")
    _, index, counts = np.unique(np.asarray(times), return_inverse=True, return_counts=True)
    return np.asarray(np.bincount(index, weights=values) / counts, dtype=np.float64)


def t_probability(statistic: float, degrees: int, alternative: Alternative) -> float:
    """P-value of a statistic that follows Student's t; raises ConfigError for an unknown alternative."""
    return p_value(float(stdtr(degrees, -abs(statistic))), statistic, alternative)


def normal_probability(statistic: float, alternative: Alternative) -> float:
    """P-value of a statistic that follows the normal distribution; raises ConfigError for an unknown alternative."""
    return p_value(float(ndtr(-abs(statistic))), statistic, alternative)


def p_value(beyond: float, statistic: float, alternative: Alternative) -> float:
    """P-value from the probability `beyond` |statistic| on one side of a symmetric distribution."""
    if alternative == "two-sided":
        return 2 * beyond
    if alternative not in get_args(Alternative):
        raise ConfigError(f"alternative: must be one of {', '.join(get_args(Alternative))} (got {alternative!r})")
    return beyond if (statistic < 0) == (alternative == "less") else 1 - beyond
