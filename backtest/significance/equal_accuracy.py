"""Equal predictive accuracy: the Diebold-Mariano test, its version over folds, and the skill with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backtest.data.errors import UndefinedTest, UnpairedForecasts
from backtest.significance import fixed_b
from backtest.significance.mean_tests import ROUNDING, Estimator, long_run_covariance, mean_test, refuse_constant
from backtest.significance.result import (
    Alternative,
    FloatArray,
    TestResult,
    mean_per_time,
    paired,
    t_probability,
    unit_of,
)

POWER = 0.8


def diebold_mariano(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    estimator: Estimator = "fixed-b",
    alternative: Alternative = "two-sided",
) -> TestResult:
    """Diebold-Mariano test of whether model and baseline have the same expected loss.

    d = loss_model - loss_baseline, so a negative statistic favours the model and `alternative="less"` says that the
    model is better. The losses (n,) stand in the order of time and belong to forecasts `horizon` steps ahead;
    `mean_test` tells what the estimators are. "truncated" and "bartlett" agree with R's forecast::dm.test, fallback
    included; "fixed-b", which keeps its size at long horizons and in short samples (CALIBRATION.md), is the default.

    Raises UnpairedForecasts and NotFinite for losses that are no pair, UndefinedTest where n <= horizon or the
    differences do not vary, ConfigError for a setting that does not exist.

    Source: Diebold and Mariano (1995), Journal of Business & Economic Statistics 13, 253-263.
    """
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    magnitude = float(np.abs([model, baseline]).max(initial=0.0))

    tested = mean_test(
        model - baseline, horizon=horizon, estimator=estimator, alternative=alternative, magnitude=magnitude
    )
    return TestResult(
        "diebold_mariano", tested.statistic, tested.p_value, tested.n, tested.lags, alternative, tested.note
    )


def ibragimov_muller(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    folds: npt.ArrayLike,
    *,
    alternative: Alternative = "two-sided",
) -> TestResult:
    """Student's t test on the mean loss differences of the folds, from paired losses and numbers of folds (n,).

    A model that is refitted in each fold has an error component that all rows of the fold share: more rows of the same
    folds do not average it out, and no long-run variance over neighbouring rows contains it. The means of q folds are q
    values whose spread holds it, compared with t(q - 1). For alpha <= 8 % the test keeps its size whatever the
    variances of the folds are. d = loss_model - loss_baseline, so a negative statistic favours the model; `n` counts
    folds.

    Raises UnpairedForecasts and NotFinite for what is no pair, UndefinedTest where there are fewer than two folds or
    their means do not vary.

    Source: Ibragimov and Müller (2010), Journal of Business & Economic Statistics 28, 453-468.
    """
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    if np.shape(folds) != model.shape:
        raise UnpairedForecasts(f"folds: one for each of {model.size} losses is needed (got shape {np.shape(folds)})")
    _, fold, counts = np.unique(np.asarray(folds), return_inverse=True, return_counts=True)
    q = counts.size
    if q < 2:
        raise UndefinedTest(f"ibragimov_muller: undefined, at least 2 folds are needed (got {q}): use shorter spans")
    means = np.bincount(fold, weights=model - baseline) / counts
    largest = float(np.abs([model, baseline]).max())
    if means.std() <= ROUNDING * largest:
        raise UndefinedTest(f"ibragimov_muller: undefined, all {q} folds have the same mean loss difference")
    scaled = means / float(np.abs(means).max())
    statistic = float(scaled.mean()) / float(scaled.std(ddof=1)) * q**0.5
    p_value = t_probability(statistic, q - 1, alternative)
    return TestResult("ibragimov_muller", statistic, p_value, q, 0, alternative)


@dataclass(frozen=True, slots=True)
class Skill:
    """1 - mean loss of the model / mean loss of the baseline, with the interval from `low` to `high`."""

    value: float
    low: float
    high: float


def skill_interval(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    level: float = 0.95,
) -> Skill:
    """Skill of the model over the baseline and its two-sided interval, from paired losses (n,) in the order of time.

    All ratios r of the mean losses that a two-sided test of mean(loss_model - r loss_baseline) = 0 does not reject
    (Fieller 1954, Journal of the Royal Statistical Society B 16, 175-185), with the "fixed-b" variance of `mean_test`:
    so skill 0 lies outside the interval if and only if the two-sided Diebold-Mariano test rejects. The ends solve
    (m - r b)^2 = c^2 (V_mm - 2 r V_mb + r^2 V_bb) / n for the mean losses m and b, long-run variances V and critical
    value c.

    No skill is above 1. Raises UndefinedTest where the baseline's mean loss is zero or not significantly above zero,
    n <= horizon or the ratio does not vary, ConfigError for a level outside of (0, 1); otherwise as `diebold_mariano`.
    """
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    scale = float(baseline.mean()) if baseline.size else 0.0
    if not scale > 0:
        raise UndefinedTest("skill: the baseline's mean loss must be positive (got 0): it made no error to improve on")
    ratio = float(model.mean()) / scale
    magnitude = float(max(model.max(), ratio * baseline.max())) / scale
    refuse_constant((model - ratio * baseline) / scale, horizon=horizon, magnitude=magnitude)
    n = model.size
    width = fixed_b.bandwidth(n, horizon)
    reach = fixed_b.critical((1 - level) / 2, n, width) ** 2 / n
    losses = model / scale, baseline / scale
    v_mm, v_mb, v_bb = (
        reach * long_run_covariance(losses[first], losses[second], width) for first, second in ((0, 0), (0, 1), (1, 1))
    )
    if v_bb >= 1:
        raise UndefinedTest(
            f"skill: the baseline's mean loss is not significantly above zero in {n} rows: a few rows dominate it"
        )
    middle = (ratio - v_mb) / (1 - v_bb)
    half = float(np.sqrt(max(0.0, middle**2 - (ratio**2 - v_mm) / (1 - v_bb))))
    return Skill(1 - ratio, 1 - middle - half, min(1.0, 1 - middle + half))


def smallest_detectable_difference(
    loss_model: npt.ArrayLike,
    loss_baseline: npt.ArrayLike,
    *,
    horizon: int = 1,
    alpha: float = 0.05,
) -> float:
    """Return the smallest skill that a one-sided Diebold-Mariano test of size alpha finds with power 0.8, for any loss.

    The skill is 1 - mean loss / the baseline's. The standard error of the difference between both losses (t,) is taken
    as it is: a model of more skill may well have another. Raises UndefinedTest where the baseline makes no loss;
    otherwise as `mean_test`.
    """
    model, baseline = paired(loss_model=loss_model, loss_baseline=loss_baseline)
    scale = float(baseline.mean()) if baseline.size else 0.0
    if not scale > 0:
        raise UndefinedTest("smallest skill: the baseline makes no loss: there is nothing to compare with")
    tested = mean_test(model - baseline, horizon=horizon)
    width = tested.lags + 1
    expected = float(fixed_b.eigenvalues(tested.n, width).sum())
    standard_error = tested.standard_error / scale / float(np.sqrt(expected))
    return fixed_b.detectable(alpha, POWER, tested.n, width) * standard_error


def smallest_detectable(
    y: npt.ArrayLike,
    y_hat: npt.ArrayLike,
    *,
    horizon: int = 1,
    alpha: float = 0.05,
    power: float = POWER,
    times: npt.ArrayLike | None = None,
    variance: npt.ArrayLike | None = None,
) -> tuple[float, float]:
    """Return the smallest skill against zero that a one-sided Diebold-Mariano test of size alpha finds with `power`.

    Of forecasts f (n,) as noisy as these, with more or less signal. Write f as a calibrated part and noise, with mean
    squares g and w as shares of the mean square of y: the skill now is s = g - w, and skill x needs a signal of x + w,
    which is x - s more. A signal z adds 2 z y to the loss differences. Hence, with the standard error e of the skill
    now, and m the mean, in standard errors, that the test finds with this power (`fixed_b.detectable`),

        x^2 = m^2 (e^2 + 4 k (x - s) / n),

    where s is held between -q and q, q = g + w the mean square of f, and the variance is at least 4 k (x + w) / n.
    k = 1 for a signal of the same size at all times. One that follows volatility stands where y is large: its k is
    mean(v y^2) / (mean(v) mean(y^2)), with the `variance` v (n,) known at each forecast. Both are returned, in this
    order; without variances they are the same. Outcomes of h-step forecasts overlap, and z y with them: k is multiplied
    by sum_(|j| < h) (1 - |j| / h) r_j, r_j the autocorrelations of the forecasts. Where several rows share a time, by
    the variance of the mean f y of a time over the mean of (f y)^2. Forecasts that are too small for their skill, whose
    mean square q is below it by more than chance, move the losses less: k is multiplied by q / skill.

    Raises UndefinedTest where every forecast or every outcome is zero; otherwise as `mean_test`.
    """
    truth, forecast = paired(y=y, y_hat=y_hat)
    unit = unit_of(truth, forecast)
    truth, forecast = truth / unit, forecast / unit
    scale = float(np.mean(mean_per_time(truth**2, times))) if truth.size else 0.0
    if not (scale > 0 and forecast.any()):
        raise UndefinedTest(
            "smallest skill: every forecast or every outcome is zero: there is no variance to compute with"
        )
    tested = mean_test(mean_per_time((truth - forecast) ** 2 - truth**2, times), horizon=horizon)
    width = tested.lags + 1
    error = (tested.standard_error / scale) ** 2 / float(fixed_b.eigenvalues(tested.n, width).sum())
    mean = fixed_b.detectable(alpha, power, tested.n, width)
    skill, spread = -tested.mean / scale, float(np.mean(mean_per_time(forecast**2, times))) / scale
    timid = spread / skill if skill > max(spread, 2 * float(np.sqrt(error))) else 1.0
    product = truth * forecast
    shared = float(np.mean(mean_per_time(product, times) ** 2)) / float(np.mean(product**2)) if product.any() else 1.0
    signal = 4 * _overlap(mean_per_time(forecast, times), horizon) * shared * timid / tested.n
    following = 1.0
    if variance is not None:
        (known,) = paired(variance=variance)
        following = float(np.mean(known * truth**2)) / float(np.mean(known)) / float(np.mean(truth**2))
    held = min(max(skill, -spread), spread)
    skills = []
    for each in (signal, following * signal):
        fixed = max(error - each * held, each * (spread - held) / 2)
        linear = mean**2 * each
        skills.append((linear + float(np.sqrt(linear**2 + 4 * mean**2 * fixed))) / 2)
    return skills[0], skills[1]


def _overlap(forecasts: FloatArray, horizon: int) -> float:
    """How many times larger overlapping outcomes make the variance of a mean of forecast times outcome (n,)."""
    covariances = [np.mean(forecasts[lag:] * forecasts[: forecasts.size - lag]) for lag in range(horizon)]
    weights = 1 - np.arange(1, horizon) / horizon
    return max(1.0, 1 + 2 * float(np.sum(weights * np.array(covariances[1:]))) / float(covariances[0]))
