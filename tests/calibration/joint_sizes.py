"""How often each test of all models at once errs, at 5 %, where all models are equally good."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from backtest.data.errors import UndefinedTest
from backtest.significance.resampling import Resampling
from backtest.significance.result import FloatArray
from backtest.significance.superiority import model_confidence_set, stepwise, superior_predictive_ability
from tests.calibration.findings import LEVEL
from tests.calibration.worlds import errors, generator

MODELS = tuple(f"model {number}" for number in range(5))
BASELINE = MODELS[0]
REPS = 250
"""Bootstrap draws of each test here, fewer than in a run: they blur single p-values and no rate of rejection."""

Losses = Mapping[str, FloatArray]


def _better(losses: Losses, horizon: int, resampling: Resampling) -> bool:
    found = superior_predictive_ability(losses, baseline=BASELINE, horizon=horizon, resampling=resampling)
    return found.consistent <= LEVEL


def _named_better(losses: Losses, horizon: int, resampling: Resampling) -> bool:
    return bool(stepwise(losses, baseline=BASELINE, horizon=horizon, alpha=LEVEL, resampling=resampling).better)


def _left_out(losses: Losses, horizon: int, resampling: Resampling) -> bool:
    found = model_confidence_set(losses, horizon=horizon, alpha=LEVEL, resampling=resampling)
    return BASELINE not in found.included


JOINT_SIZES: dict[str, Callable[[Losses, int, Resampling], bool]] = {
    "SPA": _better,
    "StepM": _named_better,
    "Model Confidence Set": _left_out,
}
"""What counts as an error: a better model is seen, or named; a model that is as good as any is not in the set."""


def count_joint_errors(kind: str, horizon: int, n: int, draws: int, block: int) -> dict[str, list[int]]:
    """How many of so many samples each test errs in, and for how many it is undefined; `block` is the seed."""
    counts = {name: [0, 0] for name in JOINT_SIZES}
    drawn = errors(kind, generator("joint", kind, horizon, n, block), (len(MODELS), draws, n), horizon) ** 2
    for sample in range(draws):
        losses = dict(zip(MODELS, drawn[:, sample], strict=True))
        resampling = Resampling(reps=REPS, seed=block * draws + sample)
        for name, errs in JOINT_SIZES.items():
            try:
                counts[name][0] += errs(losses, horizon, resampling)
            except UndefinedTest:
                counts[name][1] += 1
    return counts
