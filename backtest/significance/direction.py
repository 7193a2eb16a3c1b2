"""Tests of direction: whether the signs of the forecasts say something about the outcomes."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from backtest.data.errors import ConfigError, UndefinedTest, UnpairedForecasts
from backtest.significance.mean_tests import ROUNDING, mean_test
from backtest.significance.result import (
    FloatArray,
    TestResult,
    check_horizon,
    mean_per_time,
    normal_probability,
    paired,
)

Zeros = Literal["omit", "down"]
"""What becomes of a forecast or an outcome of exactly zero: its row is left out, or it counts as not up."""

DEPENDENCE = "rows depend on each other: tested as the mean of the products of forecast and outcome, with fixed-b"


def pesaran_timmermann(
    y: npt.ArrayLike,
    y_hat: npt.ArrayLike,
    *,
    horizon: int = 1,
    times: npt.ArrayLike | None = None,
    zeros: Zeros = "omit",
) -> TestResult:
    """Pesaran-Timmermann test of whether forecasts y_hat (n,) tell the signs of outcomes y (n,) better than chance.

    S = (P - P*) / sqrt(var P - var P*), P the share of right signs and P* the share that independent signs of the same
    frequencies would have, variances with the source's term in 1 / n^2. That is r n / sqrt(n - 1), r the correlation
    of "forecast up" with "outcome up", and one-sided: positive if the forecasts know the direction.

    A zero names no direction and has none: its row is left out, as in the metric `direction`, and `note` counts them;
    with `zeros="down"` it is not up, on both sides. (rugarch's DACTest counts it as not up in P* and as wrong in P.)

    Outcomes `horizon` > 1 steps ahead overlap, and of several symbols rows of one of the `times` (n,) depend on each
    other: then P - P*, twice the covariance of the two, is tested as the mean of the centred products, averaged per
    time, a row left out being 0, by `mean_test` with fixed-b, and `note` says so.

    Raises UnpairedForecasts and NotFinite for what is no pair, UndefinedTest where n <= horizon, one of the directions
    is the same in all rows, or the products are, ConfigError for a setting that does not exist.

    Source: Pesaran and Timmermann (1992), Journal of Business & Economic Statistics 10, 461-465.
    """
    outcome, forecast = paired(y=y, y_hat=y_hat)
    if zeros not in get_args(Zeros):
        raise ConfigError(f"zeros: must be one of {', '.join(get_args(Zeros))} (got {zeros!r})")
    kept = (outcome != 0) & (forecast != 0) | (zeros == "down")
    ups = [(series > 0).astype(np.float64) for series in (forecast, outcome)]
    return _association("pesaran_timmermann", *ups, kept=kept, horizon=horizon, times=times, lost=1)


def anatolyev_gerko(
    y: npt.ArrayLike, y_hat: npt.ArrayLike, *, horizon: int = 1, times: npt.ArrayLike | None = None
) -> TestResult:
    """Anatolyev-Gerko test of whether trading the signs of forecasts y_hat (n,) gains more of y (n,) than by chance.

    (A - B) / sqrt(V): A = mean(sign(y_hat) y) is what the signs earn, B = mean(sign(y_hat)) mean(y) what they would if
    they knew nothing, V = var(sign(y_hat)) var(y) / n. That is r sqrt(n), r the correlation of sign(y_hat) with y, and
    one-sided: positive if the forecasts know where the mean of y goes.

    A forecast of zero is a position of zero, an outcome of zero a return of zero: all rows count. (The source and
    rugarch's DACTest write var(sign(y_hat)) as 4 p (1 - p), p = (1 + mean(sign(y_hat))) / 2: too large with zeros.)

    `horizon`, `times` and what is raised are as in `pesaran_timmermann`, of sign(y_hat) and y.

    Source: Anatolyev and Gerko (2005), Journal of Business & Economic Statistics 23, 455-461.
    """
    outcome, forecast = paired(y=y, y_hat=y_hat)
    scaled = outcome / max(abs(outcome).max(initial=0.0), np.finfo(np.float64).tiny)
    everywhere = np.ones(outcome.shape, dtype=np.bool_)
    return _association(
        "anatolyev_gerko", np.sign(forecast), scaled, kept=everywhere, horizon=horizon, times=times, lost=0
    )


def _association(
    test: str,
    forecast: FloatArray,
    outcome: FloatArray,
    *,
    kept: npt.NDArray[np.bool_],
    horizon: int,
    times: npt.ArrayLike | None,
    lost: int,
) -> TestResult:
    """Test whether two series (n,) go together in the rows that are kept: r n / sqrt(n - lost), or the mean product."""
    _check_rows(test, kept, horizon, times)
    note = "" if kept.all() else f"{np.sum(~kept)} of {kept.size} rows hold a zero and are left out"
    one, other = _centred(test, "forecasts", forecast, kept), _centred(test, "outcomes", outcome, kept)
    if horizon > 1 or times is not None:
        products = mean_per_time(one * other, times)
        if np.ptp(products) <= ROUNDING * np.abs(products).max():
            raise UndefinedTest(
                f"{test}: undefined, the products of forecast and outcome are the same at all {products.size} times, "
                "so that their mean has no variance: use longer test spans"
            )
        tested = mean_test(products, horizon=horizon, alternative="greater")
        notes = "; ".join(filter(None, [DEPENDENCE, note, tested.note]))
        return TestResult(test, tested.statistic, tested.p_value, tested.n, tested.lags, "greater", notes)
    n = int(np.sum(kept))
    correlation = float(np.sum(one * other) / np.sqrt(np.sum(one**2) * np.sum(other**2)))
    statistic = correlation * n / (n - lost) ** 0.5
    return TestResult(test, statistic, normal_probability(statistic, "greater"), n, 0, "greater", note)


def _centred(test: str, name: str, series: FloatArray, kept: npt.NDArray[np.bool_]) -> FloatArray:
    """A series (n,) less its mean over the rows that are kept, zero in the others."""
    values = series[kept]
    if np.ptp(values) <= ROUNDING * np.abs(values).max():
        raise UndefinedTest(
            f"{test}: undefined, the {name} have one direction in all {values.size} rows that count: there is no other "
            "to compare with"
        )
    return np.where(kept, series - values.mean(), 0.0)


def _check_rows(test: str, kept: npt.NDArray[np.bool_], horizon: int, times: npt.ArrayLike | None) -> None:
    """Refuse a horizon, times or too few rows that no test can be made of."""
    check_horizon(horizon)
    if times is not None and np.shape(times) != kept.shape:
        raise UnpairedForecasts(f"times: one for each of {kept.size} rows is needed (got shape {np.shape(times)})")
    n = kept.size if times is None else np.unique(np.asarray(times)).size
    if n <= horizon:
        raise UndefinedTest(
            f"{test}: undefined, more than the horizon, {horizon}, times are needed (got {n}): use longer test spans"
        )
    if not kept.any():
        raise UndefinedTest(f"{test}: undefined, each of the {kept.size} rows holds a zero: none has a direction")
