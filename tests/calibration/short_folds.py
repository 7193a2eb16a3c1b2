"""Size and power of the tests of one short fold where losses are skewed: `python -m tests.calibration.short_folds`.

Samples of loss differences of a given skewness, moving sums of `horizon` of them for longer horizons. A sample without
gain counts as wrong where the one-sided test at 5 % says "better"; of a gain the share that is found is printed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from backtest.significance import fixed_b
from backtest.significance.result import FloatArray

Rng = np.random.Generator
SHAPE, SIGMA = (2 / 3.7) ** 2, 0.8012
"""Of the gamma and the lognormal distribution whose skewness is 3.7."""


def gamma(shape: tuple[int, ...], rng: Rng) -> FloatArray:
    """Numbers of mean 0, variance 1 and skewness 3.7, with a sharp end on the left."""
    return np.asarray((rng.gamma(SHAPE, size=shape) - SHAPE) / SHAPE**0.5)


def lognormal(shape: tuple[int, ...], rng: Rng) -> FloatArray:
    """Numbers of mean 0, variance 1 and skewness 3.7, with a longer tail."""
    square = np.exp(SIGMA**2)
    return np.asarray((np.exp(SIGMA * rng.standard_normal(shape)) - square**0.5) / (square * (square - 1)) ** 0.5)


WORLDS: dict[str, Callable[[tuple[int, ...], Rng], FloatArray]] = {
    "normal": lambda shape, rng: rng.standard_normal(shape),
    "gamma": gamma,
    "lognormal": lognormal,
}


def differences(world: str, samples: int, n: int, horizon: int, seed: int = 0) -> FloatArray:
    """Loss differences (samples, n) of mean 0 whose mean has the standard error h / sqrt(n)."""
    steps = WORLDS[world]((samples, n + horizon - 1), np.random.default_rng(seed))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(steps, horizon, axis=1).sum(axis=2))


def statistics(samples: FloatArray, horizon: int) -> dict[str, FloatArray]:
    """Statistics (m,) of the tests of samples (m, n): the usual one, Johnson's t, and Hall's, that of folds.

    With u = t / sqrt(n) and skewness g Johnson's (1978) is sqrt(n) (u + g u^2 / 3 + g / (6 n)). All samples at once;
    a test holds them against the functions for one.
    """
    n = samples.shape[1]
    near, far = (sums_of_rows(samples, length) for length in (horizon, fixed_b.bandwidth(n, horizon)))
    steps = horizon * n
    g = np.sum(near**3, axis=1) / steps / (np.sum(near**2, axis=1) / steps) ** 1.5
    u = samples.mean(axis=1) / np.sqrt(np.sum(far**2, axis=1) / fixed_b.bandwidth(n, horizon) / n)
    johnson = u + g * u**2 / 3 + g / (6 * n)
    return {
        name: n**0.5 * of for name, of in (("usual", u), ("Johnson", johnson), ("Hall", johnson + g**2 * u**3 / 27))
    }


def sums_of_rows(samples: FloatArray, length: int) -> FloatArray:
    """Sums of neighbours in each sample, centred and continued by zeros: see `mean_tests.sums_of_neighbours`."""
    centred = samples - samples.mean(axis=1, keepdims=True)
    padded = np.pad(centred, ((0, 0), (length - 1, length - 1)))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, length, axis=1).sum(axis=2))


def found(samples: FloatArray, horizon: int, gain: float = 0.0) -> dict[str, float]:
    """Share of samples (m, n) in which each test says "better" at 5 %, given a gain in true standard errors."""
    n = samples.shape[1]
    critical = fixed_b.critical(0.05, n, fixed_b.bandwidth(n, horizon))
    moved = statistics(samples - gain * horizon / n**0.5, horizon)
    return {name: float(np.mean(values < -critical)) for name, values in moved.items()}


def main() -> None:
    """Print size and power as rows of a table in Markdown."""
    for world in WORLDS:
        for horizon, n in ((1, 30), (1, 60), (1, 120), (1, 250), (5, 60), (5, 120), (5, 250)):
            samples, cells = differences(world, 20_000, n, horizon), []
            for gain in (0.0, 2.5, 5.0, 8.0):
                shares = (f"{100 * share:.{0 if gain else 1}f}" for share in found(samples, horizon, gain).values())
                cells.append(" / ".join(shares))
            print(f"| {world} | {horizon} · {n} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
