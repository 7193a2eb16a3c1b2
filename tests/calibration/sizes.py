"""How often each test rejects, at 5 %, a null hypothesis that is true."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np

from backtest.data.errors import UndefinedTest
from backtest.data.names import PRIMARY
from backtest.significance.equal_accuracy import diebold_mariano
from backtest.significance.mean_tests import Estimator
from backtest.significance.result import Alternative
from backtest.significance.stability import giacomini_white
from backtest.significance.table import TESTS, Sample
from tests.calibration.findings import LEVEL
from tests.calibration.worlds import calibrated, equal, generator, worthless

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


SIDES: dict[Alternative, str] = {"less": "one-sided", "two-sided": "two-sided"}
VERDICTS_TEST = "The verdict's test: DM as runs make it"
SIZES: dict[str, Size] = {
    VERDICTS_TEST: _as_run(PRIMARY["test"], "less", equal),
    **{
        f"DM {estimator}, {side}": _diebold_mariano(estimator, alternative)
        for estimator in get_args(Estimator)
        for alternative, side in SIDES.items()
    },
    "Ibragimov-Müller": _as_run("ibragimov_muller", "less", equal),
    "Clark-West": _as_run("clark_west", "less", worthless),
    "Encompassing": _as_run("encompassing", "less", worthless),
    "Giacomini-White": _as_run("giacomini_white", "two-sided", equal),
    "Giacomini-White, unconditional": Size("giacomini_white", equal, _unconditional),
    "Fluctuation": _as_run("fluctuation", "two-sided", equal),
    "Pesaran-Timmermann": _as_run("pesaran_timmermann", "greater", worthless),
    "Anatolyev-Gerko": _as_run("anatolyev_gerko", "greater", worthless),
    "Mincer-Zarnowitz": _as_run("mincer_zarnowitz", "two-sided", calibrated),
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
