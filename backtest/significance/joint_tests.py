"""The tables of joint tests: of all models at once at one horizon, and of one model at all horizons together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from backtest.data.errors import UndefinedTest
from backtest.significance.result import FloatArray

# the tests are imported where they run: arch brings pandas and statsmodels, for which no other command should wait


@dataclass(frozen=True, slots=True)
class JointRow:
    """The result of a joint test for one model, or with None for all of them; None for what it does not give."""

    model: str | None
    p_value: float | None
    selected: bool | None
    note: str


class JointFunction(Protocol):
    """A test as the table holds it."""

    def __call__(
        self, losses: Mapping[str, FloatArray], *, baseline: str, horizon: int, alpha: float, seed: int
    ) -> list[JointRow]:
        """From the losses (n,) of all models to rows; raises as the test itself, UndefinedTest among others."""


@dataclass(frozen=True, slots=True)
class JointTest:
    """A joint test of all models: its title, its function, and its question.

    It is made for the loss of the verdict, or with `every_loss` for each that is tabulated.
    """

    title: str
    run: JointFunction
    asks: str
    every_loss: bool = False


def _note(p_value: float, reps: int, note: str) -> str:
    """The note, preceded by a bound where the p-value is zero."""
    return note if p_value else f"p < {1 / reps:.3g}; {note}"


def _model_confidence_set(
    losses: Mapping[str, FloatArray], *, baseline: str, horizon: int, alpha: float, seed: int
) -> list[JointRow]:
    """One row for each model, the best first."""
    from backtest.significance.resampling import Resampling
    from backtest.significance.superiority import model_confidence_set

    found = model_confidence_set(losses, horizon=horizon, alpha=alpha, resampling=Resampling(seed=seed))
    return [
        JointRow(model, p, model in found.included, _note(p, found.reps, found.note))
        for model, p in found.p_values.items()
    ]


def _superior_predictive_ability(
    losses: Mapping[str, FloatArray], *, baseline: str, horizon: int, alpha: float, seed: int
) -> list[JointRow]:
    """One row for all models."""
    from backtest.significance.resampling import Resampling
    from backtest.significance.superiority import superior_predictive_ability

    found = superior_predictive_ability(losses, baseline=baseline, horizon=horizon, resampling=Resampling(seed=seed))
    bounds = f"p between {found.lower:.3g} and {found.upper:.3g}; " if found.lower < found.upper else ""
    note = f"{bounds}{found.note}"
    return [JointRow(None, found.consistent, None, _note(found.consistent, found.reps, note))]


def _stepwise(
    losses: Mapping[str, FloatArray], *, baseline: str, horizon: int, alpha: float, seed: int
) -> list[JointRow]:
    """One row for each model but the baseline."""
    from backtest.significance.resampling import Resampling
    from backtest.significance.superiority import stepwise

    found = stepwise(losses, baseline=baseline, horizon=horizon, alpha=alpha, resampling=Resampling(seed=seed))
    return [JointRow(model, None, model in found.better, found.note) for model in losses if model != baseline]


JOINT_TESTS: dict[str, JointTest] = {
    "model_confidence_set": JointTest(
        "Model Confidence Set",
        _model_confidence_set,
        "Which models cannot be ruled out as the best?",
        every_loss=True,
    ),
    "superior_predictive_ability": JointTest(
        "Superior predictive ability (SPA)",
        _superior_predictive_ability,
        "Is any model better than the baseline, allowing for how many were tried?",
    ),
    "stepwise": JointTest(
        "Stepwise (StepM)",
        _stepwise,
        "Which models are better than the baseline, allowing for how many were tried?",
    ),
}
"""Tests that run on the losses of all models at once."""


Losses = Mapping[int, FloatArray]
"""Losses (n,) of one model by horizon."""


@dataclass(frozen=True, slots=True)
class HorizonTest:
    """A test of one model against a baseline at all horizons together: its title, its function, and its question.

    The function takes the losses of both and a seed, and returns the p-value and a note; it raises as the test itself.
    """

    title: str
    run: Callable[[Losses, Losses, int], tuple[float, str]]
    asks: str


def _average(model: Losses, baseline: Losses, seed: int) -> tuple[float, str]:
    """Each horizon in units of the baseline's mean loss: outcomes over more bars have larger losses, not more weight.

    What is tested is then the mean of the skills.
    """
    from backtest.significance.multi_horizon import average_superior_predictive_ability
    from backtest.significance.resampling import Resampling

    sizes = {horizon: float(losses.mean()) for horizon, losses in baseline.items()}
    lossless = [horizon for horizon, size in sizes.items() if not size > 0]
    if lossless:
        raise UndefinedTest(f"losses at horizon {lossless[0]}: the baseline has none: leave the horizon out")
    weights = {horizon: 1 / size for horizon, size in sizes.items()}
    found = average_superior_predictive_ability(model, baseline, weights=weights, resampling=Resampling(seed=seed))
    return found.p_value, _note(found.p_value, found.reps, found.note)


def _uniform(model: Losses, baseline: Losses, seed: int) -> tuple[float, str]:
    """Every horizon by its own standard error."""
    from backtest.significance.multi_horizon import uniform_superior_predictive_ability
    from backtest.significance.resampling import Resampling

    found = uniform_superior_predictive_ability(model, baseline, resampling=Resampling(seed=seed))
    return found.p_value, _note(found.p_value, found.reps, found.note)


HORIZON_TESTS: dict[str, HorizonTest] = {
    "average_superior_predictive_ability": HorizonTest(
        "Average superior predictive ability (aSPA)",
        _average,
        "Is the model better than the baseline on average over the horizons?",
    ),
    "uniform_superior_predictive_ability": HorizonTest(
        "Uniform superior predictive ability (uSPA)",
        _uniform,
        "Is the model better than the baseline at every horizon?",
    ),
}
"""Tests of one model at all horizons of a run together."""
