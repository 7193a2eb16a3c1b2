"""Questions with made-up forecasts whose truth is known: two models that are equally good, or one that is better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from backtest.data.names import BEST
from backtest.data.question import Question
from backtest.significance.result import FloatArray
from tests.calibration.volatility import draw_variances, noisy, too_large, too_small
from tests.calibration.worlds import CAUGHT, PREDICTABLE, errors, remembering, with_skill

CANDIDATE, OTHER = "candidate", "other"
"""The model that is judged, and a rival that is none of the references."""

Forecasts = Mapping[str, FloatArray]
Draw = Callable[[int, int, float, np.random.Generator], tuple[FloatArray, Forecasts]]
"""From horizon, number of forecasts, strength and random numbers to outcomes (n,) and forecasts (n,) by model."""

LogErrors = Callable[[float, int, np.random.Generator], FloatArray]


@dataclass(frozen=True, slots=True)
class Case:
    """A question, and forecasts of which the truth is known.

    At strength 0 candidate and rival have the same expected loss; above, the candidate is better by that much: a skill
    where the target is a return, a difference in expected loss elsewhere.
    """

    question: Question
    draw: Draw
    strengths: tuple[float, ...]


COST = 0.05
"""What both models lose in expected QLIKE by their errors where neither is better; volatility models differ by that."""


def _variances(
    proxy: str, of_candidate: LogErrors, of_rival: LogErrors, rival: str = "log_har", *, equals: bool = False
) -> Draw:
    """Forecasts that are the conditional mean times exp(error); the candidate's is right where it is better.

    The other references are worse than the rival, or as `equals` as good as it is.
    """

    def draw(horizon: int, n: int, strength: float, rng: np.random.Generator) -> tuple[FloatArray, Forecasts]:
        y, mean = draw_variances(proxy, (horizon,), n, rng)[horizon]
        costs = (0.0, strength) if strength else (COST, COST)
        logs = {CANDIDATE: of_candidate(costs[0], n, rng), rival: of_rival(costs[1], n, rng)}
        others = costs[1] if equals else 2 * COST
        logs |= {name: noisy(others, n, rng) for name in ("random_walk", "ewma", "log_har") if name != rival}
        return y, {name: mean * np.exp(error) for name, error in logs.items()}

    return draw


def _returns_against_zero(
    horizon: int, n: int, strength: float, rng: np.random.Generator
) -> tuple[FloatArray, Forecasts]:
    """Forecasts with exactly that skill."""
    y, forecast = (each[0] for each in with_skill("garch", horizon, n, 1, strength, rng))
    return y, {"zero": np.zeros(n), "naive": np.roll(y, horizon), CANDIDATE: forecast}


FOLLOWED = 0.2


def _returns_against_another(
    horizon: int, n: int, strength: float, rng: np.random.Generator
) -> tuple[FloatArray, Forecasts]:
    """The rival follows a fifth of what can be known and the candidate half of it, with noise of the same price.

    The strength is the difference in expected squared error, in units of the error's variance; the noise pays for it.
    """
    known = np.sqrt(PREDICTABLE) * remembering(rng, (1, n))[0]
    y = known + errors("garch", rng, (1, 1, n), horizon)[0, 0]
    noise = PREDICTABLE * ((1 - FOLLOWED) ** 2 - (1 - CAUGHT) ** 2) - strength
    forecast = CAUGHT * known + np.sqrt(noise) * remembering(rng, (1, n))[0]
    return y, {"zero": np.zeros(n), "naive": np.roll(y, horizon), OTHER: FOLLOWED * known, CANDIDATE: forecast}


def _direction(rival: str, lost: float) -> Draw:
    """Probabilities of a rise, of which the rival's lose the share `lost` of what can be known, in Brier score.

    With p the true ones and V = E (p - 0.5)^2, 0.5 + (1 - sqrt(lost)) (p - 0.5) loses lost V. A rise is known + error >
    0 with a normal error, so that p is the normal distribution at what is known, and V = arcsin(r) / 2 pi with r = s^2
    / (1 + s^2), s^2 the variance of what is known. The candidate follows half of p - 0.5, with noise whose variance
    makes the difference in expected Brier score the strength.
    """

    def draw(horizon: int, n: int, strength: float, rng: np.random.Generator) -> tuple[FloatArray, Forecasts]:
        known = np.sqrt(PREDICTABLE) * remembering(rng, (1, n))[0]
        y = (known + errors("ma", rng, (1, 1, n), horizon)[0, 0] > 0).astype(np.float64)
        deviation, even = ndtr(known) - 0.5, np.full(n, 0.5)
        variance = np.arcsin(PREDICTABLE / (1 + PREDICTABLE)) / (2 * np.pi)
        noise = variance * (lost - (1 - CAUGHT) ** 2) - strength
        candidate = 0.5 + CAUGHT * deviation + np.sqrt(noise) * remembering(rng, (1, n))[0]
        models = {"base_rate": even, "coin": even, rival: 0.5 + (1 - np.sqrt(lost)) * deviation}
        return y, {**models, CANDIDATE: candidate.clip(1e-3, 1 - 1e-3)}

    return draw


LOG_HAR, AGAINST_OTHER = Question("log_variance", "qlike", "log_har"), Question("log_variance", "qlike", OTHER)
BEST_OF_THREE = Question("log_variance", "qlike", BEST, baselines=("random_walk", "ewma", "log_har"))
WEAK, STRONG = (0.02, 0.05, 0.1, 0.2), (0.0025, 0.005, 0.01, 0.02, 0.04)
CASES: dict[str, Case] = {
    "returns, against zero": Case(Question(), _returns_against_zero, (0.01, 0.02, 0.04, 0.06)),
    "returns, against another model": Case(Question(rival=OTHER), _returns_against_another, (0.01, 0.02, 0.03, 0.038)),
    "direction, against the base rate": Case(
        Question("direction", "brier", "base_rate"), _direction("base_rate", 1.0), (0.002, 0.004, 0.006, 0.01)
    ),
    "direction, against another model": Case(
        Question("direction", "brier", OTHER), _direction(OTHER, (1 - FOLLOWED) ** 2), (0.001, 0.002, 0.004, 0.005)
    ),
    "squared returns: noisy against too large": Case(LOG_HAR, _variances("squared returns", noisy, too_large), WEAK),
    "squared returns: too small against noisy": Case(LOG_HAR, _variances("squared returns", too_small, noisy), WEAK),
    "squared returns: too small against too large": Case(
        LOG_HAR, _variances("squared returns", too_small, too_large), WEAK
    ),
    "squared returns of t(5): too small against noisy": Case(
        LOG_HAR, _variances("squared returns of t(5)", too_small, noisy), WEAK
    ),
    "realised variance: noisy against too large": Case(
        LOG_HAR, _variances("realised variance", noisy, too_large), STRONG
    ),
    "realised variance: too small against noisy": Case(
        LOG_HAR, _variances("realised variance", too_small, noisy), STRONG
    ),
    "realised variance: noisy against too small, another model": Case(
        AGAINST_OTHER, _variances("realised variance", noisy, too_small, OTHER), STRONG
    ),
    "realised variance: too small against the best of three, two of them worse": Case(
        BEST_OF_THREE, _variances("realised variance", too_small, noisy), STRONG
    ),
    "realised variance: too small against the best of three, all as good": Case(
        BEST_OF_THREE, _variances("realised variance", too_small, noisy, equals=True), STRONG
    ),
}
"""What is measured, by the name under which the page shows it: target and proxy, how candidate and rival err."""
