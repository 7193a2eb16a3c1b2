"""Whether relative accuracy changes: with what was known before (Giacomini-White), or over time (Giacomini-Rossi)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from backtest.data.errors import ConfigError, UndefinedTest
from backtest.significance.mean_tests import ROUNDING, long_run_variance, mean_test, moments_test
from backtest.significance.result import FloatArray, TestResult, check_horizon, paired

SINGULAR = 1e-10
"""A standard deviation below this, of numbers of the size of one, leaves too few digits to divide by."""

LEVEL = 0.05
"""Probability that the path leaves its band somewhere, where the two are equally good all the time."""

GRID = 512
"""Samples longer than this are simulated at this length, and the paths' extremes are corrected by SHIFT."""

SHIFT = 0.5826
"""-zeta(1/2) / sqrt(2 pi), of a step's standard deviation: what a maximum over steps falls short of that in between.

Broadie, Glasserman and Kou (1997), Mathematical Finance 7, 325-349. A step of the path has the deviation sqrt(2 / m).
"""

PATHS, BATCH, SEED = 19_999, 250, 20_100


def giacomini_white(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    conditional: bool = True,
    lags: int | None = None,
) -> TestResult:
    """Giacomini-White test of equal predictive ability of paired losses (n,) in the order of time.

    With d = loss_model - loss_baseline and q instruments, known when the forecast is made, the q moments
    z_t = (d_t, d_{t-h} d_t) have mean zero under the null: neither forecast is the better one on average, nor after it
    was the better one h steps ago. Not `conditional` tests the first moment alone. The test has no side. With
    T = n - h (n, if not conditional):

    h = 1       T zbar' S^-1 zbar, S = sum z z' / T not centred, against chi-squared(q): T times the uncentred R2 of 1
                on z;
    h > 1       `moments_test`, an F statistic that keeps its size where forecasts overlap;
    with lags   T zbar' S^-1 zbar against chi-squared(q), S the long-run variance of the centred z, Bartlett's weights
                1 - k / (lags + 1): the paper's, for h > 1 with h - 1 lags, which miss part of the overlap however long
                the sample is.

    Unlike Diebold-Mariano's, its null is about forecasts as they were made, estimated parameters included, so it holds
    for nested models too, if they are fitted on windows of bounded length.

    Raises UnpairedForecasts and NotFinite for losses that are no pair, UndefinedTest where the differences are too few,
    do not vary, or make the moments collinear, ConfigError for a horizon below 1.

    Source: Giacomini and White (2006), Econometrica 74, 1545-1578.
    """
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    _check_length(model.size, horizon, conditional)
    if lags is not None and not 0 <= lags < model.size:
        raise ConfigError(f"lags: must be at least 0 and below the number of losses, {model.size} (got {lags})")
    difference = _difference(model, baseline)
    moments = [difference]
    if conditional:
        moments = [difference[horizon:], difference[horizon:] * difference[:-horizon]]
    if horizon > 1 and lags is None:
        found = moments_test(moments, horizon=horizon)
        outcome = (found.statistic, found.p_value, moments[0].size, found.terms)
        return TestResult("giacomini_white", *outcome, "two-sided", found.note)
    statistic = _quadratic_form(moments, lags or 0)
    p_value = float(chdtrc(len(moments), statistic))
    return TestResult("giacomini_white", statistic, p_value, moments[0].size, lags or 0, "two-sided")


def _check_length(n: int, horizon: int, conditional: bool) -> None:
    """Refuse samples whose moments are as many as their values or their lags."""
    check_horizon(horizon)
    needed = max(2 * horizon, horizon + 2) if conditional else horizon
    if n <= needed:
        raise UndefinedTest(
            f"Giacomini-White: more than {needed} loss differences are needed at h = {horizon} (got {n}): use longer "
            "test spans"
        )


def _difference(model: FloatArray, baseline: FloatArray) -> FloatArray:
    """Loss differences (n,) in units of the largest, so that their products keep their digits in any unit."""
    difference = model - baseline
    largest = float(np.abs(difference).max())
    if largest == 0:
        raise UndefinedTest(
            f"Giacomini-White: all {model.size} loss differences are zero: the two are equally good in every row"
        )
    magnitude = max(float(np.abs(model).max()), float(np.abs(baseline).max()))
    scaled = difference / largest
    if scaled.std() <= ROUNDING * (magnitude / largest):
        raise UndefinedTest(
            f"Giacomini-White: the variance of the loss differences is zero, all {model.size} are equal: nothing can "
            "be tested"
        )
    return scaled


def _quadratic_form(moments: list[FloatArray], lags: int) -> float:
    """T zbar' S^-1 zbar for one or two moments (T,).

    Two standardised series are as variable as each other, so that their sum and their difference are uncorrelated
    whatever S is: the form is the sum of two squared ratios of a mean to its standard error.
    """
    parts = [_standardised(moment, lags) for moment in moments]
    if len(parts) == 2:
        parts = [_standardised(part, lags) for part in (parts[0] + parts[1], parts[0] - parts[1])]
    return sum(part.size * float(part.mean()) ** 2 for part in parts)


def _standardised(series: FloatArray, lags: int) -> FloatArray:
    """A series (T,) over the root of its mean square, or with lags of its long-run variance."""
    deviation = float(np.sqrt(long_run_variance(series, lags + 1) if lags else np.mean(series**2)))
    if deviation <= SINGULAR:
        raise UndefinedTest(
            "Giacomini-White: the covariance matrix of the moments, the loss difference and its product with an "
            "earlier one, is singular: test without the condition, or on longer test spans"
        )
    return series / deviation


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
    window = round(share * test.n)
    if not horizon < window < test.n:
        raise UndefinedTest(
            f"fluctuation: windows of more than the horizon, {horizon}, and fewer than all {test.n} rows are needed "
            f"(got {window}, {share:g} of all): use another share, or longer test spans"
        )
    sums = np.concatenate([[0.0], np.cumsum(model - baseline)])
    path = (sums[window:] - sums[:-window]) / (test.standard_error * np.sqrt(test.n * window))
    farthest = float(path[np.argmax(np.abs(path))])
    extremes = extreme_values(test.n, window, test.lags + 1)
    beyond = PATHS - int(np.searchsorted(extremes, abs(farthest)))
    p_value = (1 + beyond) / (PATHS + 1)
    band = float(extremes[PATHS - round(LEVEL * (PATHS + 1))])
    result = TestResult("fluctuation", farthest, p_value, test.n, test.lags, "two-sided")
    return Fluctuation(result, path, np.arange(path.size) + window // 2, band, share)


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
    paths, size = noise.shape
    sums = np.zeros((paths, size + 1))
    np.cumsum(noise, axis=1, out=sums[:, 1:])
    highest = np.abs(sums[:, window:] - sums[:, :-window]).max(axis=1)
    # as mean.long_run_variance, for all rows at once: centred sums, continued by zeros on both sides
    bridge = np.zeros((paths, size + 2 * lags - 1))
    np.subtract(sums, sums[:, -1:] * (np.arange(size + 1) / size), out=bridge[:, lags - 1 : lags + size])
    variance = np.sum((bridge[:, lags:] - bridge[:, :-lags]) ** 2, axis=1) / (lags * size)
    return np.asarray(highest / np.sqrt(window * variance), dtype=np.float64)
