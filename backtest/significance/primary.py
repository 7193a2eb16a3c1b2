"""The tests that a verdict can rest on, each with the interval that belongs to it and the data that it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backtest.data.errors import UndefinedTest
from backtest.significance.equal_accuracy import (
    Skill,
    diebold_mariano,
    skill_interval,
    smallest_detectable_difference,
)
from backtest.significance.result import FloatArray, TestResult
from backtest.significance.robust import diebold_mariano_robust, robust_detectable, robust_interval


@dataclass(frozen=True, slots=True)
class PrimaryTest:
    """A test of two series of losses by which a verdict can be reached.

    `run` takes losses (n,) of model and baseline, `horizon` and `alternative`; `interval` is that of the skill,
    inverted from it; `detectable` is the smallest skill that its one-sided version finds with power 0.8 at a level
    `alpha`. Below `per_step` loss differences for each step of the horizon it does not keep its level. `complementary`
    says whether its one-sided p-values sum to 1.
    """

    run: Callable[..., TestResult]
    interval: Callable[..., Skill]
    detectable: Callable[..., float]
    per_step: int
    complementary: bool

    def require(self, n: int, horizon: int) -> None:
        """Raise UndefinedTest where `n` loss differences are too few for the test to keep its level."""
        if n < self.per_step * horizon:
            raise UndefinedTest(
                f"too few losses for a test: {self.per_step * horizon} or more are needed, {self.per_step} for each "
                f"step of the horizon (got {n})"
            )

    def both_sides(self, loss_model: FloatArray, loss_baseline: FloatArray, horizon: int) -> tuple[float, float]:
        """The p-values for "better" and for "worse" than the baseline."""
        pair = loss_model, loss_baseline
        better = self.run(*pair, horizon=horizon, alternative="less").p_value
        if self.complementary:
            return better, 1 - better
        return better, self.run(*pair, horizon=horizon, alternative="greater").p_value


PRIMARY: dict[str, PrimaryTest] = {
    "diebold_mariano": PrimaryTest(
        diebold_mariano, skill_interval, smallest_detectable_difference, per_step=10, complementary=True
    ),
    "diebold_mariano_robust": PrimaryTest(
        diebold_mariano_robust, robust_interval, robust_detectable, per_step=40, complementary=False
    ),
}
"""By their names in TESTS, which are those of `data.targets.PRIMARY_TESTS`."""
