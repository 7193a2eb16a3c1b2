"""Diebold-Mariano tests for loss differences that are skewed or have fat tails, and the skill's interval from one."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import cbrt, ndtr, ndtri, stdtr, stdtrit

from backtest.data.errors import ConfigError, UndefinedTest
from backtest.significance import fixed_b
from backtest.significance.equal_accuracy import Skill, skill_interval, smallest_detectable_difference
from backtest.significance.mean_tests import MeanTest, mean_test, sums_of_neighbours
from backtest.significance.result import Alternative, FloatArray, TestResult, p_value, paired, unit_of

DEGREES = 5
"""Degrees of freedom of the p-values, chosen by simulation: see `diebold_mariano_robust`."""

DOUBLINGS = 60
"""How often the search for the lower end of an interval goes twice as far before there is none."""


def diebold_mariano_hall(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    alternative: Alternative = "two-sided",
) -> TestResult:
    """Diebold-Mariano test corrected for skewness, for short samples such as a single fold.

    Returns are skewed, and so are the loss differences of a forecast that is nearly constant: in a few dozen rows the
    usual test then rejects on one side two or three times as often as its level. Here its statistic is transformed as
    Hall says (`hall`), which removes the effect of skewness to the first order, and compared with the same fixed-b
    distribution.

    Johnson's (1978) t, the same without its last term, is not monotone in the mean: the larger a gain, the less often
    it is found in a skewed sample. docs/significance.md has the size and power of all three.

    Losses, sign and errors are those of `diebold_mariano`; `statistic` is the transformed one.

    Source: Hall (1992), Journal of the Royal Statistical Society B 54, 221-228.
    """
    tested, corrected = _with_and_without_skewness(loss_model, loss_baseline, horizon, alternative)
    p = p_value(fixed_b.tail(abs(corrected), tested.n, tested.lags + 1), corrected, alternative)
    return TestResult("diebold_mariano_hall", corrected, p, tested.n, tested.lags, alternative)


def diebold_mariano_robust(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    alternative: Alternative = "two-sided",
) -> TestResult:
    """Diebold-Mariano test of equal expected loss that keeps its size where loss differences are skewed.

    Differences of QLIKE, or of squared errors of variances, are as skewed as the variances. Mean and standard error of
    such a series depend on each other, and the usual test rejects on one side far more often than its level. Here it
    must reject twice: by the statistic t of `diebold_mariano`, and by t without the effect of skewness (`hall`).
    `statistic` is that of the two which rejects less.

    What the estimated skewness misses is allowed for by comparing the normal score of the fixed-b probability of one
    side with Student's t with 5 degrees of freedom: at 5 % the probability must be below 2.2 %. The number 5 comes from
    a simulation of variance forecasts, not from theory; docs/significance.md has its numbers, and those of worlds in
    which it is not enough. The two-sided p-value is twice the smaller of the one-sided ones, at most 1.

    Losses, sign and errors are those of `diebold_mariano`.
    """
    tested, corrected = _with_and_without_skewness(loss_model, loss_baseline, horizon, alternative)
    pair = tested.statistic, corrected
    statistics: dict[Alternative, float] = {"less": max(pair), "greater": min(pair)}
    width = tested.lags + 1
    beyond = {side: p_value(fixed_b.tail(abs(t), tested.n, width), t, side) for side, t in statistics.items()}
    p = {side: float(stdtr(DEGREES, ndtri(each))) for side, each in beyond.items()}
    side = min(p, key=lambda each: p[each]) if alternative == "two-sided" else alternative
    found = min(1.0, 2 * p[side]) if alternative == "two-sided" else p[side]
    return TestResult("diebold_mariano_robust", statistics[side], found, tested.n, tested.lags, alternative)


def _with_and_without_skewness(
    loss_model: npt.ArrayLike, loss_baseline: npt.ArrayLike, horizon: int, alternative: Alternative
) -> tuple[MeanTest, float]:
    """The test of the mean loss difference, and its statistic without the effect of skewness."""
    if alternative not in get_args(Alternative):
        raise ConfigError(f"alternative: must be one of {', '.join(get_args(Alternative))} (got {alternative!r})")
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    magnitude = float(np.abs([model, baseline]).max(initial=0.0))
    tested = mean_test(model - baseline, horizon=horizon, magnitude=magnitude)
    skewness = long_run_skewness((model - baseline) / unit_of(model - baseline), horizon)
    return tested, hall(tested.statistic, skewness, tested.n)


def fixed_b_level(alpha: float) -> float:
    """Return the level of the fixed-b test that the one-sided robust test has to pass to reject at alpha."""
    return float(ndtr(stdtrit(DEGREES, alpha)))


def long_run_skewness(series: FloatArray, horizon: int) -> float:
    """Return the skewness of the sum of a series (n,) of h-step quantities, times the square root of its length.

    Third central moment over variance^1.5 of the sums of `horizon` neighbours, per step, with Bartlett's weights: for
    h = 1 the sample skewness. The third cumulant of a sum contains those of neighbours (Götze and Künsch 1996, Annals
    of Statistics 24, 1914-1933).
    """
    return _skewness(sums_of_neighbours(series, horizon), horizon * series.size)


def _skewness(sums: FloatArray, steps: int) -> float:
    """The same from the sums, and how many numbers they add up."""
    return float(np.sum(sums**3) / steps / (np.sum(sums**2) / steps) ** 1.5)


def hall(statistic: float, skewness: float, n: int) -> float:
    """Return a studentised mean of n values without the effect of their skewness g: monotone in the statistic t.

    With u = t / sqrt(n): sqrt(n) (u + g u^2 / 3 + g^2 u^3 / 27 + g / (6 n)). Hall (1992), Journal of the Royal
    Statistical Society B 54, 221-228; without the cube, which makes it monotone, it is the t of Johnson (1978), Journal
    of the American Statistical Association 73, 536-544.
    """
    u = statistic / n**0.5
    return float(n**0.5 * (u + skewness * u**2 / 3 + skewness**2 * u**3 / 27 + skewness / (6 * n)))


def hall_inverse(value: float, skewness: float, n: int) -> float:
    """Return the studentised mean t of which `hall` makes a value."""
    linear = value / n**0.5 - skewness / (6 * n)
    bent = skewness * linear
    if not bent:
        return float(n**0.5 * linear)
    root = np.expm1(np.log1p(bent) / 3) if bent > -0.5 else cbrt(1 + bent) - 1  # of 1 + bent, less 1
    return float(3 * n**0.5 * root / skewness)


def robust_detectable(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    alpha: float = 0.05,
) -> float:
    """Return the smallest skill that the one-sided `diebold_mariano_robust` of size alpha finds with power 0.8.

    A shift of all loss differences changes neither their standard error e nor their skewness g. The test therefore
    rejects where the mean gain is at least k e, with k the larger of the fixed-b critical value c and the statistic
    that `hall` turns into it. To reach the power the gain must lie further off: (m - c) e, as for the usual test
    (`smallest_detectable_difference` is m e), and times 1 + k g / (2 sqrt(n)) where that is above 1, because the
    standard error of a skewed sample grows with its mean, by that share, and k e with it.

    An estimate: long tails are seldom in the sample in full, docs/significance.md tells what that costs. Errors are
    those of `smallest_detectable_difference`.
    """
    level = fixed_b_level(alpha)
    plain = smallest_detectable_difference(loss_model, loss_baseline, horizon=horizon, alpha=level)
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    difference = model - baseline
    tested = mean_test(difference, horizon=horizon)
    error, n = tested.standard_error / float(baseline.mean()), tested.n
    critical = fixed_b.critical(level, n, tested.lags + 1)
    skewness = long_run_skewness(difference / unit_of(difference), horizon)
    farther = max(critical, -hall_inverse(-critical, skewness, n))
    varying = max(1.0, 1 + farther * skewness / (2 * n**0.5))
    return float(farther * error + (plain - critical * error) * varying)


def robust_interval(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    level: float = 0.95,
) -> Skill:
    """Skill of the model over the baseline and its two-sided interval, inverted from `diebold_mariano_robust`.

    All ratios r of the mean losses that the two-sided test of mean(loss_model - r loss_baseline) = 0 does not reject,
    as far as they lie together: never narrower than `skill_interval`, whose errors it raises.
    """
    plain = skill_interval(loss_model, loss_baseline, horizon=horizon, level=level)
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    scale, n = float(baseline.mean()), model.size
    width = fixed_b.bandwidth(n, horizon)
    threshold = fixed_b.critical(fixed_b_level((1 - level) / 2), n, width)
    series = model / scale, baseline / scale
    near, far = ([sums_of_neighbours(each, lags) for each in series] for lags in (horizon, width))

    def accepted(ratio: float, side: int) -> float:
        """How far r is from being rejected on the side of large (1) or of small (-1) ratios."""
        sums, wide = (of_model - ratio * of_baseline for of_model, of_baseline in (near, far))
        if not wide.any():  # the losses differ by the same amount at all times: nothing is left to doubt
            return -float(n)
        mean = float(np.mean(series[0]) - ratio * np.mean(series[1]))
        statistic = mean * n / float(np.sum(wide**2) / width) ** 0.5
        adjusted = hall(statistic, _skewness(sums, horizon * n), n)
        return float(threshold + max(side * statistic, side * adjusted))

    highest, lowest = 1 - plain.low, 1 - plain.high
    steps = (highest - 1 + plain.value) * 2.0 ** np.arange(DOUBLINGS)
    outside = next((highest + step for step in steps.tolist() if accepted(highest + step, 1) < 0), None)
    if outside is None:
        raise UndefinedTest(f"skill: its interval has no lower end in {n} rows: a few rows dominate the losses")
    low = 1 - _border(lambda ratio: accepted(ratio, 1), highest, outside)
    return Skill(plain.value, low, 1 - _border(lambda ratio: accepted(ratio, -1), lowest, 0.0))


def _border(accepted: Callable[[float], float], inside: float, outside: float) -> float:
    """Where `accepted` turns negative between a ratio that is accepted, but for rounding, and one that need not be."""
    if accepted(outside) >= 0:
        return outside
    return inside if accepted(inside) <= 0 else float(brentq(accepted, inside, outside, xtol=1e-14))
