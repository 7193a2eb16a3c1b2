"""Many Diebold-Mariano tests adjusted by the joint distribution of their largest statistic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from backtest.data.errors import DataError
from backtest.significance import fixed_b
from backtest.significance.mean_tests import sums_of_neighbours
from backtest.significance.multiple_testing import holm
from backtest.significance.result import FloatArray

REPS = 9_999
"""Samples that are simulated: an adjusted p-value of 5 % then has a Monte-Carlo error of 0.2 points."""

TOGETHER = 500
"""So many samples are simulated at once."""

NEGLIGIBLE = 5e-5
"""Share of the squared mean of a variance estimate by which its simulation may vary too little."""


def romano_wolf(statistics: npt.ArrayLike, null: npt.ArrayLike) -> FloatArray:
    """Return stepdown p-values (k,) of statistics (k,), large ones reject, from draws (B, k) under all null hypotheses.

    p_j = (1 + number of draws whose largest statistic, over the hypotheses not yet rejected, reaches that of j) /
    (B + 1), made monotone in the order of the steps. Raises DataError where the shapes do not fit or a number is not
    finite. Source: Romano and Wolf (2016), Statistics and Probability Letters 113, 38-40.
    """
    found, draws = np.asarray(statistics, dtype=np.float64), np.asarray(null, dtype=np.float64)
    if draws.ndim != 2 or found.shape != draws.shape[1:] or not (np.isfinite(found).all() and np.isfinite(draws).all()):
        raise DataError(
            f"stepdown: statistics (k,) and draws (B, k), all finite, are needed (got {found.shape} and {draws.shape})"
        )
    order = np.argsort(-found, kind="stable")
    adjusted = np.empty_like(found)
    adjusted[order] = np.maximum.accumulate(_steps(found[order], draws[:, order]))
    return adjusted


def _steps(statistics: FloatArray, draws: npt.NDArray[np.floating[Any]]) -> FloatArray:
    """P-values (k,) of each step, (1 + number of draws whose largest statistic of those left reaches it) / (B + 1).

    The statistics (k,), and the columns of the draws (B, k), come in the order in which they are rejected.
    """
    largest = np.maximum.accumulate(draws[:, ::-1], axis=1)[:, ::-1]
    return np.asarray((1 + (largest >= statistics).sum(axis=0)) / (len(draws) + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """The loss differences (n,) of one hypothesis, the places (n,) of their times on a common scale, and the horizon.

    Places are integers, ascending; the differences stand `horizon` steps over each other.
    """

    differences: FloatArray
    places: npt.NDArray[np.int64]
    horizon: int


@dataclass(frozen=True, slots=True, eq=False)
class JointNull:
    """What the p-values of k tests look like together where every null hypothesis is true.

    Each column of `p_values` (B, k) holds evenly spaced numbers between 0 and 1, in an order that has the dependence of
    the tests. By symmetry they hold for both sides.
    """

    p_values: npt.NDArray[np.float32]

    def part(self, columns: Sequence[int]) -> JointNull:
        """Return the same of some of the tests, by their numbers."""
        return JointNull(self.p_values[:, columns])

    def level(self, alpha: float, others: int = 0) -> float:
        """Return the p-value that becomes alpha where that of every other test is 1, `others` of them without draws.

        Never above alpha, nor below that of Holm's adjustment.
        """
        smallest = np.sort(self.p_values.min(axis=1)).astype(np.float64)
        reached = (1 + np.arange(1, smallest.size + 1)) / (smallest.size + 1) + others * smallest
        passed = np.flatnonzero(reached <= alpha)
        found = float(smallest[passed[-1]]) if passed.size else 0.0
        return float(np.clip(found, alpha / (self.p_values.shape[1] + others), alpha))

    def adjust(self, p_values: npt.ArrayLike, others: npt.ArrayLike = ()) -> FloatArray:
        """Return stepdown p-values of p-values (k,), beside p-values (m,) of other tests that nothing more is known of.

        As `romano_wolf`, small p-values rejecting; the others are allowed for by Bonferroni's inequality, as Holm does.
        Never above Holm's p-values for all of them, nor below the p-values themselves: a simulation has an error, these
        bounds have none. Raises DataError for a value outside [0, 1] or another number of them.
        """
        own, rest = np.asarray(p_values, dtype=np.float64), np.asarray(others, dtype=np.float64)
        together = np.concatenate([own, rest])
        bound = holm(together)[: own.size]
        if own.shape != self.p_values.shape[1:]:
            raise DataError(f"p-values: {self.p_values.shape[1]} are needed (got {own.size}): one for each hypothesis")
        order = np.argsort(together, kind="stable")
        mine = order[order < own.size]
        simulated = np.zeros_like(together)
        simulated[mine] = _steps(-own[mine], -self.p_values[:, mine])
        counts = np.cumsum((order >= own.size)[::-1])[::-1]  # others that are not rejected before each step
        stepped = np.empty_like(together)
        stepped[order] = np.maximum.accumulate(simulated[order] + counts * together[order])
        return np.asarray(np.clip(stepped[: own.size], own, bound))


def joint_null(hypotheses: Sequence[Hypothesis], *, reps: int = REPS, seed: int = 0) -> JointNull:
    """Simulate the p-values (reps, k) of k Diebold-Mariano tests if every null hypothesis is true.

    White Gaussian series take the place of the loss differences. Their correlation is the long-run correlation of the
    differences, estimated with Bartlett's weights over the longest of the bandwidths; a time at which one of them has
    no difference adds nothing to a covariance, so that the matrix is that of the sums. Each series is then tested as
    `mean_test` does with its own n and bandwidth; of the statistics only the ranks are kept, since their distributions
    are known: what is simulated is the dependence. A Bartlett variance of white noise is a quadratic form, so its
    eigenvalues l_i take the place of the series: t = z_0 / sqrt(sum_i l_i z_i^2), where z_i (k,) are normal with that
    correlation. For different bandwidths this takes the eigenvectors, nearly cosine waves, to be the same.
    """
    correlation = long_run_correlation(hypotheses)
    shapes = [(one.differences.size, fixed_b.bandwidth(one.differences.size, one.horizon)) for one in hypotheses]
    spectra = [fixed_b.eigenvalues(*shape)[::-1] for shape in shapes]
    terms = max(map(_terms, spectra))
    weights = np.zeros((terms, len(hypotheses)))
    rest = np.zeros(len(hypotheses))
    for place, spectrum in enumerate(spectra):
        weights[: min(terms, spectrum.size), place] = spectrum[:terms]
        rest[place] = spectrum[terms:].sum()
    generator = np.random.default_rng(seed)
    found = np.empty((reps, len(hypotheses)), dtype=np.float32)
    with threadpool_limits(1):  # the last digits of BLAS and LAPACK depend on their number of threads
        values, vectors = np.linalg.eigh(correlation)
        root = (vectors * np.sqrt(np.clip(values, 0, None))).T.astype(np.float32)
        for first in range(0, reps, TOGETHER):
            size = min(TOGETHER, reps - first)
            normal = generator.standard_normal((size, 1 + terms, len(hypotheses)), dtype=np.float32) @ root
            variances = np.einsum("rtk,tk->rk", normal[:, 1:] ** 2, weights.astype(np.float32)) + rest
            found[first : first + size] = normal[:, 0] / np.sqrt(variances)
    ranks = np.argsort(np.argsort(-found, axis=0, kind="stable"), axis=0, kind="stable")
    return JointNull(((ranks + 0.5) / reps).astype(np.float32))


def long_run_correlation(hypotheses: Sequence[Hypothesis]) -> FloatArray:
    """Return the correlation (k, k) of the means of loss differences that share some of their times."""
    all_places, inverse = np.unique(np.concatenate([one.places for one in hypotheses]), return_inverse=True)
    width = max(fixed_b.bandwidth(one.differences.size, one.horizon) for one in hypotheses)
    sums, first = [], 0
    for one in hypotheses:
        placed = np.zeros(all_places.size)
        centred = one.differences - one.differences.mean()
        placed[inverse[first : first + centred.size]] = centred / np.abs(centred).max()
        sums.append(sums_of_neighbours(placed, width))
        first += centred.size
    matrix = np.stack(sums)
    matrix /= np.sqrt(np.sum(matrix**2, axis=1, keepdims=True))
    with threadpool_limits(1):
        return np.asarray(matrix @ matrix.T)


def _terms(spectrum: FloatArray) -> int:
    """How many of the eigenvalues, largest first, vary: the others add next to nothing but their mean."""
    left = np.cumsum(spectrum[::-1] ** 2)[::-1]
    return max(1, int(np.sum(left > NEGLIGIBLE * spectrum.sum() ** 2)))
