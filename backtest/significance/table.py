"""The table of all tests of one model against one baseline: what each is given, what it asks, and when it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from backtest.data.errors import UndefinedTest
from backtest.data.question import Question
from backtest.significance.direction import anatolyev_gerko, pesaran_timmermann
from backtest.significance.equal_accuracy import diebold_mariano, ibragimov_muller
from backtest.significance.nested import clark_west, encompassing
from backtest.significance.primary import PRIMARY, PrimaryTest
from backtest.significance.rationality import mincer_zarnowitz, mincer_zarnowitz_logs
from backtest.significance.result import Alternative, FloatArray, TestResult
from backtest.significance.robust import diebold_mariano_hall, diebold_mariano_robust
from backtest.significance.stability import fluctuation, giacomini_white


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A model and a baseline on the same rows, all in the order of time.

    `y`, `y_model` and `y_baseline` (n,) are outcomes and forecasts, `instant` (n,) numbers the times where several rows
    share one and is None otherwise; the losses (t,) are means per time, and None for a test that reads none; `folds`
    (t,) are the numbers of their folds. `neutral` is the outcome between up and down.
    """

    horizon: int
    y: FloatArray
    y_model: FloatArray
    y_baseline: FloatArray
    instant: npt.NDArray[np.int64] | None
    loss_model: FloatArray | None
    loss_baseline: FloatArray | None
    folds: npt.NDArray[np.int32]
    neutral: float = 0.0

    @property
    def losses(self) -> tuple[FloatArray, FloatArray]:
        """Both losses; raises UndefinedTest where there are none."""
        if self.loss_model is None or self.loss_baseline is None:
            raise UndefinedTest("losses: expected those of model and baseline (got none): name a loss of LOSSES")
        return self.loss_model, self.loss_baseline


Run = Callable[[Sample, Alternative], TestResult]


@dataclass(frozen=True, slots=True)
class ForecastTest:
    """A test: its title, its function, its question in plain words, and the alternatives that are asked.

    `pooled` are those asked of all folds together, `fold` those asked of each; a fold that is too short for `gate` is
    not tested. It is made for all losses of a question,
    for the one that the verdict is about, or for those it names, and against all references, the rival, or those that a
    model does not contain as a special case; a test that reads neither names what its null hypothesis is about.
    `of_skill` says whether a rejection means that the model knows something.
    """

    title: str
    run: Run
    asks: str
    pooled: tuple[Alternative, ...]
    fold: tuple[Alternative, ...] = ()
    gate: PrimaryTest | None = None
    losses: tuple[str, ...] | Literal["all", "primary"] = "primary"
    against: Literal["references", "rival", "not nested"] = "references"
    of_skill: bool = False

    def asked_of(self, question: Question, rival: str, tested: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        """Losses, of those `tested`, and baselines of a test of a question whose rival turned out to be this model."""
        losses = {"all": tested, "primary": (question.loss,)}
        nested = question.about.nested
        baselines = {
            "references": question.references,
            "rival": (rival,),
            "not nested": tuple(name for name in question.references if name not in nested),
        }
        return losses[self.losses] if isinstance(self.losses, str) else self.losses, baselines[self.against]


def _of_losses(test: Callable[..., TestResult], *, sided: bool = False) -> Run:
    """A test of two series of losses, with or without sides."""

    def run(sample: Sample, alternative: Alternative) -> TestResult:
        side: dict[str, Any] = {"alternative": alternative} if sided else {}
        return test(*sample.losses, horizon=sample.horizon, **side)

    return run


def _of_forecasts(test: Callable[..., TestResult]) -> Run:
    """A one-sided test of outcomes and both forecasts."""

    def run(sample: Sample, alternative: Alternative) -> TestResult:
        forecasts = sample.y, sample.y_model, sample.y_baseline
        return test(*forecasts, horizon=sample.horizon, alternative=alternative, times=sample.instant)

    return run


def _of_one_forecast(test: Callable[..., TestResult], *, signs: bool = False) -> Run:
    """A test of outcomes and the model's forecasts alone, or of which side of the neutral outcome they lie on."""

    def run(sample: Sample, _: Alternative) -> TestResult:
        centre = sample.neutral if signs else 0.0
        return test(sample.y - centre, sample.y_model - centre, horizon=sample.horizon, times=sample.instant)

    return run


TESTS: dict[str, ForecastTest] = {
    "diebold_mariano": ForecastTest(
        "Diebold-Mariano",
        _of_losses(diebold_mariano, sided=True),
        "Were these forecasts better than the baseline's?",
        pooled=("less", "two-sided", "greater"),
        losses="all",
        of_skill=True,
    ),
    "diebold_mariano_hall": ForecastTest(
        "Diebold-Mariano, corrected for skewness",
        _of_losses(diebold_mariano_hall, sided=True),
        "Were the forecasts of this fold better than the baseline's?",
        pooled=(),
        fold=("less", "two-sided"),
        gate=PRIMARY["diebold_mariano"],
        losses="all",
        of_skill=True,
    ),
    "diebold_mariano_robust": ForecastTest(
        "Robust Diebold-Mariano",
        _of_losses(diebold_mariano_robust, sided=True),
        "Were these forecasts better than the baseline's, whatever the skewness of the losses?",
        pooled=("less", "two-sided", "greater"),
        fold=("less", "two-sided"),
        gate=PRIMARY["diebold_mariano_robust"],
        losses="all",
        of_skill=True,
    ),
    "ibragimov_muller": ForecastTest(
        "Ibragimov-Müller",
        lambda sample, side: ibragimov_muller(*sample.losses, sample.folds, alternative=side),
        "Does the gain repeat from fold to fold?",
        pooled=("less",),
        of_skill=True,
    ),
    "clark_west": ForecastTest(
        "Clark-West",
        _of_forecasts(clark_west),
        "Would the model beat the baseline nested in it if its weights were known?",
        pooled=("less",),
        losses=("squared",),
        of_skill=True,
    ),
    "encompassing": ForecastTest(
        "Encompassing",
        _of_forecasts(encompassing),
        "Does the model add information, so that combining it with the baseline helps?",
        pooled=("less",),
        losses=("squared",),
        against="not nested",  # against those it reads the same series as Clark-West
        of_skill=True,
    ),
    "giacomini_white": ForecastTest(
        "Giacomini-White",
        _of_losses(giacomini_white),
        "Does the last loss difference predict which of the two is better next?",
        pooled=("two-sided",),
        losses="all",
    ),
    "fluctuation": ForecastTest(
        "Fluctuation (Giacomini-Rossi)",
        lambda sample, _: fluctuation(*sample.losses, horizon=sample.horizon).result,
        "Was one of the two better in some period, whatever the overall result?",
        pooled=("two-sided",),
        against="rival",
    ),
    "pesaran_timmermann": ForecastTest(
        "Pesaran-Timmermann",
        _of_one_forecast(pesaran_timmermann, signs=True),
        "Did the forecasts get the direction right more often than chance?",
        pooled=("greater",),
        losses=("direction",),
        against="rival",
        of_skill=True,
    ),
    "anatolyev_gerko": ForecastTest(
        "Anatolyev-Gerko",
        _of_one_forecast(anatolyev_gerko, signs=True),
        "Would trading on the sign of the forecasts, without costs, have earned more than chance?",
        pooled=("greater",),
        losses=("direction",),
        against="rival",
        of_skill=True,
    ),
    "mincer_zarnowitz": ForecastTest(
        "Mincer-Zarnowitz",
        _of_one_forecast(mincer_zarnowitz),
        "Are the forecasts biased in level or in scale (intercept other than 0, slope other than 1)?",
        pooled=("two-sided",),
        losses=("squared",),
        against="rival",
    ),
    "mincer_zarnowitz_logs": ForecastTest(
        "Mincer-Zarnowitz on logs",
        _of_one_forecast(mincer_zarnowitz_logs),
        "Do the forecasts move too much or too little, in logs (slope other than 1)?",
        pooled=("two-sided",),
        against="rival",
    ),
}
"""The tests that are made of every model; those of `fold` in each fold too."""
