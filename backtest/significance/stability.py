"""Giacomini and Rossi's fluctuation test: whether one spell carried the result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from backtest.data.errors import ConfigError, UndefinedTest
from backtest.significance.mean import mean_test
from backtest.significance.result import FloatArray, TestResult, paired

LEVEL = 0.05
"""Probability that the path leaves its band somewhere, where the two are equally good all the time."""

GRID = 512
"""A longer sample is stood for by one of this length, and the paths' extremes are moved by SHIFT."""

SHIFT = 0.5826
"""-zeta(1/2) / sqrt(2 pi), of a step's standard deviation: what a maximum over steps falls short of that in between.

Broadie, Glasserman and Kou (1997), Mathematical Finance 7, 325-349. A step of the path has the deviation sqrt(2 / m).
"""

PATHS, BATCH, SEED = 19_999, 250, 20_100


@dataclass(frozen=True, slots=True, eq=False)
class Fluctuation:
    """The test and what it was read from: `path` (n - m + 1,) over windows of m rows, a `share` of all.

    Below zero the model is the better one. `centres` are the positions of the windows' middle rows among the n;
    -`band` and `band` are what a true null keeps the whole path between, 19 times in 20.
    """

    result: TestResult
    path: FloatArray
    centres: npt.NDArray[np.int64]
    band: float
    share: float


def fluctuation(
    loss_model: npt.ArrayLike, loss_baseline: npt.ArrayLike, *, horizon: int = 1, share: float = 0.3
) -> Fluctuation:
    """Fluctuation test of paired losses (n,) in the order of time: whether the two are equally good throughout.

    F_t = sum of d over a window of m = round(share n) rows / (s sqrt(m)), d = loss_model - loss_baseline, s^2 the
    long-run variance of d over the whole sample, Bartlett's weights over `fixed_b.bandwidth(n, horizon)` lags. The
    statistic is the F_t farthest from zero, with its sign; the test is two-sided.

    Its distribution is that of max_t |F_t| for white Gaussian noise and the same share of windows and of lags,
    simulated once with a fixed seed: PATHS paths, so that no p-value is below 1 / (PATHS + 1). With few lags in a long
    sample that is the limit sup |B(t + share) - B(t)| / sqrt(share) of the source; with many lags it counts, as
    `fixed_b` does for a mean, that s is itself uncertain: at n = 120, h = 24 the limit's band is left by 29 % of the
    paths of a true null, not by 5 %.

    Raises UnpairedForecasts and NotFinite for losses that are no pair, UndefinedTest where n <= horizon, the
    differences do not vary or a window is no longer than the horizon, ConfigError for a share outside (0, 1).

    Source: Giacomini and Rossi (2010), Journal of Applied Econometrics 25, 595-620.
    """
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    if not 0 < share < 1:
        raise ConfigError(f"share: must lie between 0 and 1 (got {share}): 0.3 is usual")
    magnitude = max(abs(model).max(initial=0.0), abs(baseline).max(initial=0.0))
    test = mean_test(model - baseline, horizon=horizon, magnitude=magnitude)
    window = _window(test.n, horizon, share)
    sums = np.concatenate([[0.0], np.cumsum(model - baseline)])
    path = (sums[window:] - sums[:-window]) / (test.standard_error * np.sqrt(test.n * window))
    farthest = float(path[np.argmax(np.abs(path))])
    extremes = extreme_values(test.n, window, test.lags + 1)
    beyond = PATHS - int(np.searchsorted(extremes, abs(farthest)))
    p_value = (1 + beyond) / (PATHS + 1)
    band = float(extremes[PATHS - round(LEVEL * (PATHS + 1))])
    result = TestResult("fluctuation", farthest, p_value, test.n, test.lags, "two-sided")
    return Fluctuation(result, path, np.arange(path.size) + window // 2, band, share)


def _window(n: int, horizon: int, share: float) -> int:
    """Rows of a window."""
    window = round(share * n)
    if not horizon < window < n:
        raise UndefinedTest(
            f"fluctuation: windows of more than the horizon, {horizon}, and fewer than all {n} rows are needed (got "
            f"{window}, {share:g} of all): use another share, or longer test spans"
        )
    return window


def extreme_values(n: int, window: int, lags: int) -> FloatArray:
    """max_t |F_t| of PATHS series (n,) of white noise, ascending; `lags` of the variance with lag 0."""
    size = min(n, GRID)
    rows = max(1, round(window * size / n))
    extremes = _simulated(size, rows, max(1, round(lags * size / n)))
    return extremes + SHIFT * (np.sqrt(2 / rows) - np.sqrt(2 / window)) if size < n else extremes


@lru_cache(maxsize=64)
def _simulated(size: int, window: int, lags: int) -> FloatArray:
    """max_t |F_t| of PATHS series (size,) of white noise, ascending."""
    rng = np.random.default_rng(SEED)
    batches = [_extremes(rng.standard_normal((BATCH, size)), window, lags) for _ in range(0, PATHS, BATCH)]
    return np.sort(np.concatenate(batches)[:PATHS])


def _extremes(noise: FloatArray, window: int, lags: int) -> FloatArray:
    """max_t |F_t| of each series, a row of the noise (paths, size)."""
    steps = np.arange(noise.shape[1] + 1)
    sums = np.pad(np.cumsum(noise, axis=1), ((0, 0), (1, 0)))
    highest = np.abs(sums[:, window:] - sums[:, :-window]).max(axis=1)
    # as mean.long_run_variance, for all rows at once: centred sums, continued by zeros on both sides
    bridge = np.pad(sums - sums[:, -1:] * (steps / steps[-1]), ((0, 0), (lags - 1, lags - 1)))
    variance = np.sum((bridge[:, lags:] - bridge[:, :-lags]) ** 2, axis=1) / (lags * noise.shape[1])
    return np.asarray(highest / np.sqrt(window * variance), dtype=np.float64)
