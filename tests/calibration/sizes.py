"""How often tests reject, at 5 %, null hypotheses that are true, and how often intervals hold the true skill."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from backtest.data.errors import UndefinedTest
from backtest.data.targets import FOLD_TEST, PRIMARY_TEST, ROBUST_TEST
from backtest.significance.equal_accuracy import diebold_mariano, skill_interval
from backtest.significance.mean_tests import Estimator
from backtest.significance.rationality import mincer_zarnowitz_logs
from backtest.significance.resampling import Resampling
from backtest.significance.result import Alternative, FloatArray
from backtest.significance.stability import giacomini_white
from backtest.significance.superiority import model_confidence_set, stepwise, superior_predictive_ability
from backtest.significance.table import TESTS, Sample
from tests.calibration.findings import LEVEL
from tests.calibration.worlds import calibrated, equal, errors, generator, with_skill, worthless

World = Callable[[str, int, int, int, np.random.Generator], Iterator[Sample]]
"""Draws samples: kind of world, horizon, length, how many, random numbers."""


@dataclass(frozen=True, slots=True)
class Size:
    """A test under its null hypothesis: its entry of TESTS, the samples in which that is true, its p-value of one."""

    test: str
    null: World
    p_value: Callable[[Sample], float]


def _as_run(test: str, alternative: Alternative, null: World) -> Size:
    """An entry of TESTS as runs make it."""
    return Size(test, null, lambda sample: TESTS[test].run(sample, alternative).p_value)


def _diebold_mariano(estimator: Estimator, alternative: Alternative) -> Size:
    """Diebold-Mariano with an estimator of one's own choice."""

    def p_value(sample: Sample) -> float:
        return diebold_mariano(
            *sample.losses, horizon=sample.horizon, estimator=estimator, alternative=alternative
        ).p_value

    return Size("diebold_mariano", equal, p_value)


def _unconditional(sample: Sample) -> float:
    """Giacomini-White without an instrument."""
    return giacomini_white(*sample.losses, horizon=sample.horizon, conditional=False).p_value


def _of_logs(sample: Sample) -> float:
    """Mincer-Zarnowitz on logs, outcome and forecast being those logarithms."""
    return mincer_zarnowitz_logs(np.exp(sample.y), np.exp(sample.y_model), horizon=sample.horizon).p_value


SIDES: dict[Alternative, str] = {"less": "one-sided", "two-sided": "two-sided"}
VERDICTS_TEST = "The verdict's test: DM as runs make it"
SIZES: dict[str, Size] = {
    VERDICTS_TEST: _as_run(PRIMARY_TEST, "less", equal),
    **{
        f"DM {estimator}, {side}": _diebold_mariano(estimator, alternative)
        for estimator in get_args(Estimator)
        for alternative, side in SIDES.items()
    },
    **{f"Robust DM, {side}": _as_run(ROBUST_TEST, alternative, equal) for alternative, side in SIDES.items()},
    "DM corrected for skewness, as in folds": _as_run(FOLD_TEST, "less", equal),
    "Ibragimov-Müller": _as_run("ibragimov_muller", "less", equal),
    "Clark-West": _as_run("clark_west", "less", worthless),
    "Encompassing": _as_run("encompassing", "less", worthless),
    "Giacomini-White": _as_run("giacomini_white", "two-sided", equal),
    "Giacomini-White, unconditional": Size("giacomini_white", equal, _unconditional),
    "Fluctuation": _as_run("fluctuation", "two-sided", equal),
    "Pesaran-Timmermann": _as_run("pesaran_timmermann", "greater", worthless),
    "Anatolyev-Gerko": _as_run("anatolyev_gerko", "greater", worthless),
    "Mincer-Zarnowitz": _as_run("mincer_zarnowitz", "two-sided", calibrated),
    "Mincer-Zarnowitz on logs": Size("mincer_zarnowitz_logs", calibrated, _of_logs),
}
"""What is measured, by the name under which the page shows it; every entry of TESTS has one."""


def count_rejections(
    kind: str, horizon: int, n: int, draws: int, block: int, names: Collection[str] = tuple(SIZES)
) -> dict[str, list[int]]:
    """How many of so many samples each test rejects, and for how many it is undefined; `block` is the seed."""
    counts = {name: [0, 0] for name in names}
    for null in dict.fromkeys(SIZES[name].null for name in names):
        tests = {name: SIZES[name].p_value for name in names if SIZES[name].null is null}
        for sample in null(kind, horizon, n, draws, generator(null.__name__, kind, horizon, n, block)):
            for name, p_value in tests.items():
                try:
                    counts[name][0] += p_value(sample) <= LEVEL
                except UndefinedTest:
                    counts[name][1] += 1
    return counts


JOINT_MODELS = tuple(f"model {number}" for number in range(5))
BASELINE = JOINT_MODELS[0]
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
    drawn = errors(kind, generator("joint", kind, horizon, n, block), (len(JOINT_MODELS), draws, n), horizon) ** 2
    for sample in range(draws):
        losses = dict(zip(JOINT_MODELS, drawn[:, sample], strict=True))
        resampling = Resampling(reps=REPS, seed=block * draws + sample)
        for name, errs in JOINT_SIZES.items():
            try:
                counts[name][0] += errs(losses, horizon, resampling)
            except UndefinedTest:
                counts[name][1] += 1
    return counts


SKILLS = (0.0, 0.05)


def count_covered(kind: str, horizon: int, n: int, skill: float, draws: int, block: int) -> list[int]:
    """How many of so many intervals hold `skill`, and how many are undefined; `block` is the seed."""
    covered = undefined = 0
    targets, forecasts = with_skill(kind, horizon, n, draws, skill, generator("skill", kind, horizon, n, block))
    for y, forecast in zip(targets, forecasts, strict=True):
        try:
            interval = skill_interval((y - forecast) ** 2, y**2, horizon=horizon)
        except UndefinedTest:
            undefined += 1
        else:
            covered += interval.low <= skill <= interval.high
    return [covered, undefined]
