"""Bootstrap of the losses of several models together, and the checks of these losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from arch.bootstrap import CircularBlockBootstrap, StationaryBootstrap, optimal_block_length

from backtest.data.errors import ConfigError, UndefinedTest
from backtest.data.threads import one_thread
from backtest.significance.mean_tests import ROUNDING, long_run_variance
from backtest.significance.result import FloatArray, check_horizon, paired

SHORTEST, STRETCHES = 30, 10
"""At least so many times are needed, and so many stretches as long as the horizon."""


def stationary(data: npt.NDArray[Any], block: int, seed: int) -> StationaryBootstrap:
    """The stationary bootstrap of Politis and Romano (1994): blocks of random length, `block` on average."""
    return StationaryBootstrap(block, data, seed=seed)


def circular(data: npt.NDArray[Any], block: int, seed: int) -> CircularBlockBootstrap:
    """The circular block bootstrap of Politis and Romano (1992): blocks of the fixed length `block`."""
    return CircularBlockBootstrap(block, data, seed=seed)


@dataclass(frozen=True, slots=True)
class Resampling:
    """How times are resampled: `reps` times, in blocks of a mean length (None: by `block_length`), from a seed.

    `bootstrap` makes one of arch's bootstraps from data (n, ...), the block length and the seed (None: the one that
    the docstring of the test names).
    """

    reps: int = 1000
    seed: int = 0
    block: int | None = None
    bootstrap: Callable[[npt.NDArray[Any], int, int], Any] | None = None

    def note(self, block: int, others: Iterable[str]) -> str:
        """The notes in `others`, then the number of resamples and the mean block length."""
        return "; ".join([*others, f"{self.reps:,} resamples in blocks of {block} on average"])


DEFAULT_RESAMPLING = Resampling()


def block_length(
    differences: FloatArray, shortest: int, bootstrap: Literal["stationary", "circular"] = "stationary"
) -> int:
    """Mean length of a block: the longest that suits any of the loss differences (n, k), and at least `shortest`.

    Politis and White (2004), corrected by Patton, Politis and White (2009), for either bootstrap.
    """
    # the sums of a BLAS depend on its number of threads; and where a difference is zero at an end of the series, arch
    # divides zero by zero without an error
    with one_thread(), np.errstate(all="ignore"):
        lengths = optimal_block_length(differences)[bootstrap]
    return int(np.ceil(np.fmax.reduce(lengths, initial=shortest)))


def bootstrap_variances(series: FloatArray, block: int) -> FloatArray:
    """Variance (k,) that each of the series (n, k) adds to its sum per step where the stationary bootstrap draws it.

    g_0 + 2 sum_i ((1 - i/n) q^i + i/n q^(n - i)) g_i, q = 1 - 1 / block: Politis and Romano (1994), Hansen (2005). The
    second term continues the series in a circle, whose autocovariances a Fourier transform gives at once.
    """
    n = len(series)
    power = np.abs(np.fft.rfft(series - series.mean(axis=0), axis=0)) ** 2
    circular = np.fft.irfft(power, n, axis=0) / n
    lags = np.arange(1, n)
    weights = (1 - lags / n) * (1 - 1 / block) ** lags
    return np.asarray(circular[0] + 2 * np.sum(weights[:, None] * circular[1:], axis=0), dtype=np.float64)


def bartlett_variances(series: FloatArray, bandwidth: int) -> FloatArray:
    """The `long_run_variance` (k,) of each of the series (n, k)."""
    columns = np.ascontiguousarray(series.T)
    return np.array([long_run_variance(column, bandwidth) for column in columns])


def check_losses(
    losses: Mapping[str, npt.ArrayLike], *, horizon: int, resampling: Resampling, alpha: float = 0.05
) -> dict[str, FloatArray]:
    """The losses as arrays (n,) by model.

    Raises UnpairedForecasts and NotFinite for losses that are no pairs, ConfigError for a bad setting, UndefinedTest
    for fewer than two models, 30 times, or 10 stretches of the horizon.
    """
    if not 0 < alpha < 1:
        raise ConfigError(f"alpha: must lie between 0 and 1 (got {alpha}): 0.05 is usual")
    check_horizon(horizon)
    for name, value in (("reps", resampling.reps), ("block", resampling.block)):
        if value is not None and value < 1:
            raise ConfigError(f"{name}: must be at least 1 (got {value})")
    if len(losses) < 2:
        raise UndefinedTest(f"losses: those of at least two models are needed (got {', '.join(losses) or 'none'})")
    series = dict(zip(losses, paired(**losses), strict=True))
    n, needed = next(iter(series.values())).size, max(SHORTEST, STRETCHES * horizon)
    if n < needed:
        raise UndefinedTest(
            f"losses: at least {needed} times are needed at horizon {horizon} (got {n}): test for longer"
        )
    return series


def same_losses(series: Mapping[str, FloatArray], one: str, other: str) -> bool:
    """Whether two models have the same losses, up to rounding.

    Raises UndefinedTest where one is worse by the same amount at all times: no resample would vary.
    """
    difference = series[one] - series[other]
    floor = ROUNDING * max(np.abs(series[one]).max(), np.abs(series[other]).max())
    if np.ptp(difference) > floor:
        return False
    if np.abs(difference).max() > floor:
        raise UndefinedTest(f"losses of {one} and {other}: their difference is the same at all times: leave one out")
    return True
