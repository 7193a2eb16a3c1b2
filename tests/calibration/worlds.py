"""Worlds whose truth is known: errors of forecasts, forecasts without value, and forecasts of a known skill."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.signal import lfilter

from backtest.significance.result import FloatArray
from backtest.significance.table import Sample

KINDS = {
    "iid": "errors that are independent over time, whatever the horizon",
    "ma": "overlapping errors, as of forecasts h steps ahead: moving averages of the last h normal innovations",
    "garch": "overlapping errors with clusters of volatility, GARCH(1,1) with 0.06 and 0.91, that both models share",
    "t3": "overlapping errors of Student's t with 3 degrees of freedom: their squares have no finite variance",
}
ALPHA, BETA = 0.06, 0.91
BURN_IN = 500
MEMORY = 0.9
FOLDS = 6
PREDICTABLE, CAUGHT = 0.1, 0.5
"""Variance of the target's predictable part, that of the rest being 1, and the share of it that a forecast follows."""


def generator(*key: int | str) -> np.random.Generator:
    """Random numbers of their own for each key."""
    return np.random.default_rng([int.from_bytes(part.encode()) if isinstance(part, str) else part for part in key])


def equal(kind: str, horizon: int, n: int, rows: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Draw `rows` samples of n steps: model and baseline err alike, independently but for their volatility."""
    for error, other in zip(*errors(kind, rng, (2, rows, n), horizon), strict=True):
        yield _sample(horizon, np.zeros(n), error, other)


def worthless(kind: str, horizon: int, n: int, rows: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Draw `rows` samples of n steps: nothing can be known, and the model's forecasts remember without knowing."""
    for y, forecast in zip(errors(kind, rng, (1, rows, n), horizon)[0], remembering(rng, (rows, n)), strict=True):
        yield _sample(horizon, y, forecast, np.zeros(n))


def calibrated(kind: str, horizon: int, n: int, rows: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Draw `rows` samples of n steps: the target is the model's forecast plus an error."""
    for error, forecast in zip(errors(kind, rng, (1, rows, n), horizon)[0], remembering(rng, (rows, n)), strict=True):
        yield _sample(horizon, forecast + error, forecast, np.zeros(n))


def with_skill(
    kind: str, horizon: int, n: int, rows: int, skill: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Targets and forecasts (rows, n) whose skill, 1 - E (y - f)^2 / E y^2, is exactly `skill`.

    The target is y = m + e with e an error of the world, the forecast f = CAUGHT m + noise; m and noise remember.
    E y^2 = PREDICTABLE + 1, and E (y - f)^2 = (1 - CAUGHT)^2 PREDICTABLE + 1 + the noise's variance, which follows.
    """
    noise = PREDICTABLE * (1 - (1 - CAUGHT) ** 2) - skill * (PREDICTABLE + 1)
    known = np.sqrt(PREDICTABLE) * remembering(rng, (rows, n))
    y = known + errors(kind, rng, (1, rows, n), horizon)[0]
    return y, CAUGHT * known + np.sqrt(noise) * remembering(rng, (rows, n))


def errors(kind: str, rng: np.random.Generator, shape: tuple[int, int, int], horizon: int) -> FloatArray:
    """Errors (series, rows, n) of variance 1; series of one row share their volatility."""
    if kind == "iid":
        return rng.standard_normal(shape)
    series, rows, n = shape
    longer = (series, rows, n + horizon - 1)
    innovations = rng.standard_t(3, longer) / np.sqrt(3) if kind == "t3" else rng.standard_normal(longer)
    if kind == "garch":
        innovations *= _volatility(rng, rows, longer[-1])
    sums = np.cumsum(innovations, axis=-1)
    sums[..., horizon:] -= sums[..., :-horizon].copy()
    return np.asarray(sums[..., horizon - 1 :] / np.sqrt(horizon))


def _sample(horizon: int, y: FloatArray, model: FloatArray, baseline: FloatArray) -> Sample:
    """What a test is given, with squared losses."""
    folds = np.arange(y.size, dtype=np.int32) * FOLDS // y.size
    return Sample(horizon, y, model, baseline, None, (y - model) ** 2, (y - baseline) ** 2, folds)


def _volatility(rng: np.random.Generator, rows: int, n: int) -> FloatArray:
    """Standard deviations (rows, n) of a GARCH(1,1) of variance 1, after a burn-in."""
    squares = rng.standard_normal((BURN_IN + n, rows)) ** 2
    variance = np.ones((BURN_IN + n, rows))
    for step in range(1, len(variance)):
        variance[step] = 1 - ALPHA - BETA + (ALPHA * squares[step - 1] + BETA) * variance[step - 1]
    return np.asarray(np.sqrt(variance[BURN_IN:].T))


def remembering(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Autoregressions (rows, n) of order 1 with coefficient MEMORY and variance 1."""
    draws = rng.standard_normal(shape)
    draws[:, 1:] *= np.sqrt(1 - MEMORY**2)
    return np.asarray(lfilter([1.0], [1.0, -MEMORY], draws, axis=1))
