"""The table of all tests of one model against one baseline: what each is given, what it asks, and when it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backtest.significance.diebold_mariano import diebold_mariano
from backtest.significance.direction import anatolyev_gerko, pesaran_timmermann
from backtest.significance.fluctuation import fluctuation
from backtest.significance.giacomini_white import giacomini_white
from backtest.significance.mincer_zarnowitz import mincer_zarnowitz
from backtest.significance.nested import clark_west, encompassing
from backtest.significance.result import Alternative, FloatArray, TestResult
from data.names import REFERENCES


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A model and a baseline on the same rows, all in the order of time.

    `y`, `y_model` and `y_baseline` (n,) are outcomes and forecasts, `times` (n,) numbers the instants where several
    rows share one and is None otherwise; the losses (t,) are means per instant.
    """

    horizon: int
    y: FloatArray
    y_model: FloatArray
    y_baseline: FloatArray
    times: npt.NDArray[np.int64] | None
    loss_model: FloatArray
    loss_baseline: FloatArray


@dataclass(frozen=True, slots=True)
class ForecastTest:
    """A test: its function, its question in plain words, the alternatives asked of all folds together and of each fold.

    It is made for every loss of `losses` and every baseline of `baselines`; a test that reads neither names the one
    that its null hypothesis is about.
    """

    run: Callable[[Sample, Alternative], TestResult]
    asks: str
    pooled: tuple[Alternative, ...]
    fold: tuple[Alternative, ...] = ()
    losses: tuple[str, ...] = ("squared",)
    baselines: tuple[str, ...] = REFERENCES


def _diebold_mariano(sample: Sample, alternative: Alternative) -> TestResult:
    return diebold_mariano(sample.loss_model, sample.loss_baseline, horizon=sample.horizon, alternative=alternative)


def _clark_west(sample: Sample, alternative: Alternative) -> TestResult:
    forecasts = sample.y, sample.y_model, sample.y_baseline
    return clark_west(*forecasts, horizon=sample.horizon, alternative=alternative, times=sample.times)


def _encompassing(sample: Sample, alternative: Alternative) -> TestResult:
    forecasts = sample.y, sample.y_model, sample.y_baseline
    return encompassing(*forecasts, horizon=sample.horizon, alternative=alternative, times=sample.times)


def _giacomini_white(sample: Sample, _: Alternative) -> TestResult:
    return giacomini_white(sample.loss_model, sample.loss_baseline, horizon=sample.horizon)


def _fluctuation(sample: Sample, _: Alternative) -> TestResult:
    return fluctuation(sample.loss_model, sample.loss_baseline, horizon=sample.horizon).result


def _pesaran_timmermann(sample: Sample, _: Alternative) -> TestResult:
    return pesaran_timmermann(sample.y, sample.y_model, horizon=sample.horizon, times=sample.times)


def _anatolyev_gerko(sample: Sample, _: Alternative) -> TestResult:
    return anatolyev_gerko(sample.y, sample.y_model, horizon=sample.horizon, times=sample.times)


def _mincer_zarnowitz(sample: Sample, _: Alternative) -> TestResult:
    return mincer_zarnowitz(sample.y, sample.y_model, horizon=sample.horizon, times=sample.times)


TESTS: dict[str, ForecastTest] = {
    "diebold_mariano": ForecastTest(
        _diebold_mariano,
        "Were these forecasts better than the baseline's?",
        pooled=("less", "two-sided", "greater"),
        fold=("less", "two-sided"),
        losses=("squared", "absolute"),
    ),
    "clark_west": ForecastTest(
        _clark_west,
        "Would the model be better than the baseline within it, could its weights be learned without error?",
        pooled=("less",),
    ),
    "encompassing": ForecastTest(
        _encompassing,
        "Does the model know anything that the baseline does not, so that a mix of both gains?",
        pooled=("less",),
    ),
    "giacomini_white": ForecastTest(
        _giacomini_white,
        "Could the last loss difference have told which of the two would be better next?",
        pooled=("two-sided",),
    ),
    "fluctuation": ForecastTest(
        _fluctuation,
        "Was one of the two better in some spell, whatever it was over all?",
        pooled=("two-sided",),
        baselines=("zero",),
    ),
    "pesaran_timmermann": ForecastTest(
        _pesaran_timmermann,
        "Did the forecasts get the sign right more often than chance?",
        pooled=("greater",),
        losses=("direction",),
        baselines=("zero",),
    ),
    "anatolyev_gerko": ForecastTest(
        _anatolyev_gerko,
        "Would trading the sign of the forecasts, free of costs, have earned more than chance?",
        pooled=("greater",),
        losses=("direction",),
        baselines=("zero",),
    ),
    "mincer_zarnowitz": ForecastTest(
        _mincer_zarnowitz,
        "Are the forecasts off in level or in size (intercept other than 0, slope other than 1)?",
        pooled=("two-sided",),
        baselines=("zero",),
    ),
}
"""Tests of every model against every baseline; those of `fold` are made in each fold too."""
