"""Many models at once, and the skill that is called detectable, in worlds of returns whose truth is known."""

from __future__ import annotations

import numpy as np

from backtest.significance.equal_accuracy import diebold_mariano, smallest_detectable
from backtest.significance.multiple_testing import holm
from backtest.significance.result import FloatArray
from backtest.significance.stepdown import Hypothesis, joint_null
from backtest.significance.weights import known_variance
from tests.calibration.findings import LEVEL
from tests.calibration.worlds import generator, remembering

LEAD = 250
"""Outcomes before the first forecast, as a training span has them."""

REPS = 1_999
"""Samples of the joint distribution: fewer than a verdict takes, for the time."""

WAYS = ("plain, Holm", "plain, max-t", "weighted, max-t", "both, max-t")
"""How p-values of k models are adjusted: the last is the verdict's."""

NOISE = 0.003
"""Mean square of what the forecasts of equally good models have in noise and in signal each, as a share of y's."""


def normal(n: int, rng: np.random.Generator) -> FloatArray:
    """Independent normal returns."""
    return rng.standard_normal(n)


def gjr(n: int, rng: np.random.Generator) -> FloatArray:
    """GJR-GARCH with 0.03, 0.09 after losses, 0.90, and innovations of Student's t with 5 degrees of freedom."""
    shocks = rng.standard_t(5, n + 500) / np.sqrt(5 / 3)
    found, variance = np.empty(n + 500), 1.0
    for step, shock in enumerate(shocks.tolist()):
        found[step] = value = variance**0.5 * shock
        variance = 0.025 + (0.03 + 0.09 * (value < 0)) * value**2 + 0.9 * variance
    return found[500:]


def burst(n: int, rng: np.random.Generator) -> FloatArray:
    """Normal returns, six times as large in one twenty-fifth of the time."""
    size = np.ones(n)
    first = int(n * 0.45)
    size[first : first + n // 25] = 6.0
    return size * rng.standard_normal(n)


def regimes(n: int, rng: np.random.Generator) -> FloatArray:
    """Normal returns, four times as large in turbulent times: of 50 steps on average, one step in eleven."""
    draws, turbulent, found = rng.random(n), False, np.empty(n)
    for step, draw in enumerate(draws.tolist()):
        turbulent = turbulent != (draw < (0.02 if turbulent else 0.002))
        found[step] = 4.0 if turbulent else 1.0
    return found * rng.standard_normal(n)


def skewed(n: int, rng: np.random.Generator) -> FloatArray:
    """Independent returns of mean 0 with skewness -3.7: shifted lognormal, upside down."""
    width = 0.8
    return np.asarray(np.exp(width**2 / 2) - np.exp(width * rng.standard_normal(n)))


RETURNS = {"normal": normal, "GJR-GARCH": gjr, "burst": burst, "regimes": regimes, "skewed": skewed}
"""Worlds of returns that nothing is known of, by the name under which the page shows them."""


def count_false_claims(world: str, k: int, n: int, draws: int, block: int) -> dict[str, int]:
    """How many of so many samples call any of k equally good models better than zero, by way; `block` is the seed.

    Nine tenths of a forecast's signal and noise are those of all models. What the signal gains, the noise costs.
    """
    rng = generator("many", world, k, n, block)
    counts = dict.fromkeys(WAYS, 0)
    for _ in range(draws):
        returns = RETURNS[world](n + LEAD, rng)
        scale = np.sqrt(NOISE * np.mean(returns**2))
        signal = remembering(rng, (1, n + LEAD))[0]
        noises = _twins(k, n + LEAD, 0.9, rng)
        y = returns + scale * signal
        for way, found in _any_better(y, scale * (signal + noises)).items():
            counts[way] += found
    return counts


def count_found(k: int, correlation: float, n: int, draws: int, block: int) -> dict[str, int]:
    """How many of so many samples of GJR-GARCH call any of k models better that know 0.5 % of y, by way."""
    rng = generator("found", k, repr(correlation), n, block)
    counts = dict.fromkeys(WAYS, 0)
    for _ in range(draws):
        returns = gjr(n + LEAD, rng)
        signal = np.sqrt(0.005 * np.mean(returns**2)) * remembering(rng, (1, n + LEAD))[0]
        noises = np.sqrt(0.0015 * np.mean(returns**2)) * _twins(k, n + LEAD, correlation, rng)
        for way, found in _any_better(returns + signal, signal + noises).items():
            counts[way] += found
    return counts


def _any_better(y: FloatArray, forecasts: FloatArray) -> dict[str, bool]:
    """Whether any of the forecasts (k, n) of outcomes (n,) is called better than zero, by way."""
    variance, y, forecasts = known_variance(y)[LEAD:], y[LEAD:], forecasts[:, LEAD:]
    places = np.arange(y.size)
    plain = [(y - f) ** 2 - y**2 for f in forecasts]
    weighted = [difference / variance for difference in plain]
    p = [[_p_better(each) for each in series] for series in (plain, weighted)]
    nulls = [
        joint_null([Hypothesis(each, places, 1) for each in series], reps=REPS)
        for series in (plain, weighted, plain + weighted)
    ]
    adjusted = holm(p[0]), nulls[0].adjust(p[0]), nulls[1].adjust(p[1]), nulls[2].adjust(p[0] + p[1])
    return {way: bool(each.min() <= LEVEL) for way, each in zip(WAYS, adjusted, strict=True)}


def _p_better(difference: FloatArray) -> float:
    """The p-value of "better" of loss differences (n,)."""
    return diebold_mariano(difference, np.zeros(difference.size), alternative="less").p_value


def _twins(k: int, n: int, correlation: float, rng: np.random.Generator) -> FloatArray:
    """Series (k, n) of variance 1 that remember, any two of which have this correlation."""
    common, own = remembering(rng, (1, n)), remembering(rng, (k, n))
    return np.asarray(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)


def judge_detectable(world: str, n: int, following: int, draws: int, block: int) -> list[tuple[float, bool]]:
    """The skill that is called detectable of forecasts without a signal, and whether forecasts that have it are found.

    `following` 0: the signal is even over time; 1: it follows the known volatility.
    """
    rng = generator("detectable", world, n, following, block)
    found = []
    for _ in range(draws):
        returns = RETURNS[world](n + LEAD, rng)
        variance = known_variance(returns)[LEAD:]
        returns = returns[LEAD:]
        square = float(np.mean(returns**2))
        noise = np.sqrt(0.002 * square) * remembering(rng, (1, n))[0]
        least = smallest_detectable(returns, noise, variance=variance)[following]
        path = np.sqrt(variance / variance.mean()) if following else np.ones(n)
        size = (least * square + float(np.mean(noise**2))) / (1 - least)  # so that the skill is what was called so
        signal = np.sqrt(max(size, 0.0)) * path * remembering(rng, (1, n))[0]
        y, forecast = returns + signal, signal + noise
        found.append((least, _p_better((y - forecast) ** 2 - y**2) <= LEVEL))
    return found
