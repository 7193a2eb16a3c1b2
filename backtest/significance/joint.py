"""The table of tests that take all models at once: what each asks, and what it says of each model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from backtest.significance.result import FloatArray

# the tests are imported where they run: arch brings pandas and statsmodels, for which no other command should wait


@dataclass(frozen=True, slots=True)
class JointRow:
    """What a test says of one model, or with None of all of them; None for what it does not say."""

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
    """A test of all models at once: its title, its function, and its question in plain words."""

    title: str
    run: JointFunction
    asks: str


def _note(p_value: float, reps: int, note: str) -> str:
    """The note, and before it what a p-value of zero stands for."""
    return note if p_value else f"p < {1 / reps:.3g}; {note}"


def _model_confidence_set(
    losses: Mapping[str, FloatArray], *, baseline: str, horizon: int, alpha: float, seed: int
) -> list[JointRow]:
    """One row for each model, the best first."""
    from backtest.significance.confidence_set import model_confidence_set
    from backtest.significance.resampling import Resampling

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
        "Which models may be the best of all, as far as these forecasts can tell them apart?",
    ),
    "superior_predictive_ability": JointTest(
        "Superior predictive ability (SPA)",
        _superior_predictive_ability,
        "Is any model better than the baseline, or is the best of so many just lucky?",
    ),
    "stepwise": JointTest(
        "Stepwise (StepM)",
        _stepwise,
        "Which models are better than the baseline, counting that so many of them were tried?",
    ),
}
"""Tests that run on the losses of all models at once."""
