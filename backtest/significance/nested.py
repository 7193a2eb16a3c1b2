"""Tests for nested models: the baseline is a special case of the model, as zero is of every network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backtest.data.errors import UndefinedTest
from backtest.significance.mean_tests import Estimator, mean_test
from backtest.significance.result import Alternative, FloatArray, TestResult, mean_per_time, paired, unit_of


def clark_west(
    y: npt.ArrayLike,
    y_model: npt.ArrayLike,
    y_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    estimator: Estimator = "fixed-b",
    alternative: Alternative = "less",
    times: npt.ArrayLike | None = None,
) -> TestResult:
    """Clark-West test of whether a larger model would beat the smaller one if its parameters were known.

    A larger model pays for estimating what the smaller one knows to be zero, so that its squared errors are expected
    to be larger where both are equally good. The adjusted difference (y - f)^2 - (f - f_0)^2 - (y - f_0)^2, of the
    model's forecasts f (n,) and the baseline's f_0 (n,), takes that noise out: its mean is tested, a negative statistic
    favours the model. Against f_0 = 0 it is -2 y f. "bartlett" is the form of the paper, with h - 1 lags and the normal
    distribution; it gives minus the paper's statistic. Rows of one of the `times` (n,) are averaged first.

    Raises as `diebold_mariano`. Source: Clark and West (2007), Journal of Econometrics 138, 291-311.
    """
    truth, model, baseline = _scaled(y, y_model, y_baseline)
    adjusted = (truth - model) ** 2 - (model - baseline) ** 2 - (truth - baseline) ** 2
    tested = mean_test(
        mean_per_time(adjusted, times),
        horizon=horizon,
        estimator=estimator,
        alternative=alternative,
        magnitude=_magnitude(truth, model, baseline),
        small_sample=False,
    )
    return TestResult("clark_west", tested.statistic, tested.p_value, tested.n, tested.lags, alternative, tested.note)


def encompassing(
    y: npt.ArrayLike,
    y_model: npt.ArrayLike,
    y_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    estimator: Estimator = "fixed-b",
    alternative: Alternative = "less",
    times: npt.ArrayLike | None = None,
) -> TestResult:
    """Test whether the baseline's forecasts hold all that the model's know, so that a mix of both gains nothing.

    With e = y - f and e_0 = y - f_0 (n,) the mean of e_0 (e - e_0) is tested: zero where the best weight on the model
    is zero, negative where the model adds something; `note` tells that weight, mean of e_0 (e_0 - e) over mean of
    (e_0 - e)^2. The series is half of Clark and West's, so with one estimator both statistics agree but for the
    small-sample factor that this test has. Rows of one of the `times` (n,) are averaged first.

    Raises as `diebold_mariano`.
    Source: Harvey, Leybourne and Newbold (1998), Journal of Business & Economic Statistics 16, 254-259.
    """
    truth, model, baseline = _scaled(y, y_model, y_baseline)
    gap = baseline - model
    series = mean_per_time((truth - baseline) * gap, times)
    tested = mean_test(
        series,
        horizon=horizon,
        estimator=estimator,
        alternative=alternative,
        magnitude=_magnitude(truth, model, baseline),
    )
    share = -float(series.mean()) / float(mean_per_time(gap**2, times).mean())
    note = "; ".join(filter(None, [f"the best mix gives the model a weight of {share:.2f}", tested.note]))
    return TestResult("encompassing", tested.statistic, tested.p_value, tested.n, tested.lags, alternative, note)


def _scaled(y: npt.ArrayLike, y_model: npt.ArrayLike, y_baseline: npt.ArrayLike) -> tuple[FloatArray, ...]:
    """Outcomes and forecasts (n,) in units of about the largest of them, so that their squares are numbers."""
    series = paired(y=y, y_model=y_model, y_baseline=y_baseline)
    unit = unit_of(*series)
    return tuple(values / unit for values in series)


def _magnitude(truth: FloatArray, model: FloatArray, baseline: FloatArray) -> float:
    """Size of the products that the tested series is made of; UndefinedTest where both forecasts are the same."""
    if truth.size and not (model - baseline).any():
        raise UndefinedTest(f"forecasts: model and baseline are the same in all {truth.size} rows: nothing to test")
    errors = np.abs([truth - baseline, truth - model]).max(initial=0.0)
    return float(errors * np.abs(model - baseline).max(initial=0.0))
