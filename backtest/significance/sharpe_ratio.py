"""What a Sharpe ratio is worth, given its sample's length, skewness and kurtosis, and how many others were tried.

All ratios are per period, never annualised. PSR: Bailey and Lopez de Prado (2012), "The Sharpe Ratio Efficient
Frontier", Journal of Risk 15(2), 3-44. DSR: Bailey and Lopez de Prado (2014), "The Deflated Sharpe Ratio", Journal of
Portfolio Management 40(5), 94-107.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from backtest.data.errors import ConfigError, UndefinedTest
from backtest.significance.mean_tests import ROUNDING
from backtest.significance.result import paired

SHORTEST = 3
"""Any two returns have the same skewness and kurtosis."""


@dataclass(frozen=True, slots=True)
class Sharpe:
    """Sharpe ratio per period of `n` returns, with their skewness and kurtosis (3 for the normal distribution)."""

    ratio: float
    skewness: float
    kurtosis: float
    n: int


def sharpe(returns: npt.ArrayLike) -> Sharpe:
    """Sharpe ratio of excess returns (n,): mean / standard deviation (ddof 1).

    Skewness and kurtosis are the plain moments (ddof 0). Raises NotFinite at a null, NaN or infinity, UndefinedTest for
    fewer than 3 returns or returns that do not vary.
    """
    (values,) = paired(returns=returns)
    if values.size < SHORTEST:
        raise UndefinedTest(f"returns: at least {SHORTEST} are needed (got {values.size}): use longer test spans")
    spread = values.std()
    if spread <= ROUNDING * np.abs(values).max():
        raise UndefinedTest(f"returns: all {values.size} are equal, so the Sharpe ratio divides by zero")
    scaled = (values - values.mean()) / spread
    ratio = float(values.mean() / values.std(ddof=1))
    return Sharpe(ratio, float(np.mean(scaled**3)), float(np.mean(scaled**4)), values.size)


def probabilistic_sharpe(sharpe: Sharpe, benchmark: float = 0.0) -> float:
    """Probability that the true ratio lies above the `benchmark`, a ratio per period: the PSR of 2012.

    Raises UndefinedTest where the moments leave the ratio no variance, ConfigError for a benchmark that is no number.
    """
    excess, variance = _excess(sharpe, benchmark), _variance(sharpe)
    return float(ndtr(excess * np.sqrt((sharpe.n - 1) / variance)))


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """Ratio per period that the best of so many `trials` without skill is expected to show; 0 for a single one.

    `variance` is that of the trials' ratios per period; the trials count as independent. This is SR0 of the DSR (2014).
    Raises ConfigError for less than one trial or a variance below zero.
    """
    if trials < 1:
        raise ConfigError(f"trials: must be at least 1 (got {trials}): the run itself is one")
    if not 0 <= variance < np.inf:
        raise ConfigError(f"variance: must be zero or positive (got {variance}): it is that of the trials' ratios")
    if trials == 1:
        return 0.0
    upper, beyond = ndtri(1 - 1 / trials), ndtri(1 - 1 / (trials * np.e))
    return float(np.sqrt(variance) * ((1 - np.euler_gamma) * upper + np.euler_gamma * beyond))


def deflated_sharpe(sharpe: Sharpe, trials: int, variance: float) -> float:
    """Probability that the true ratio lies above what the best of `trials` without skill would show: the DSR of 2014.

    `variance` is that of the trials' ratios per period. Raises as `probabilistic_sharpe` and `expected_maximum_sharpe`.
    """
    return probabilistic_sharpe(sharpe, expected_maximum_sharpe(trials, variance))


def minimum_track_record(sharpe: Sharpe, benchmark: float = 0.0, level: float = 0.95) -> float | None:
    """Periods after which such a ratio shows with probability `level` that the true one exceeds the `benchmark`.

    None where the ratio does not exceed the benchmark: no length would do. The MinTRL of 2012. Raises ConfigError for a
    level that is not between 0.5 and 1, otherwise as `probabilistic_sharpe`.
    """
    if not 0.5 < level < 1:
        raise ConfigError(f"level: must lie between 0.5 and 1 (got {level}): 0.95 is usual")
    excess, variance = _excess(sharpe, benchmark), _variance(sharpe)
    return float(1 + variance * (ndtri(level) / excess) ** 2) if excess > ROUNDING else None


def _excess(sharpe: Sharpe, benchmark: float) -> float:
    if not np.isfinite(benchmark):
        raise ConfigError(f"benchmark: must be a finite Sharpe ratio per period (got {benchmark})")
    return sharpe.ratio - benchmark


def _variance(sharpe: Sharpe) -> float:
    """Variance of the estimated ratio times n - 1."""
    ratio = sharpe.ratio
    variance = 1 - sharpe.skewness * ratio + (sharpe.kurtosis - 1) / 4 * ratio**2
    if not variance > 0:
        raise UndefinedTest(
            f"Sharpe ratio: its variance must be positive (got {variance:.3g} from ratio {ratio:.3g}, skewness "
            f"{sharpe.skewness:.3g}, kurtosis {sharpe.kurtosis:.3g}): use a longer sample"
        )
    return float(variance)
