"""Tables of forecasts for the tests of what is computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from backtest.data.losses import LOSSES
from backtest.data.schema import FOLDS, FORECASTS
from backtest.evaluation.loss_panel import LossPanel, loss_panels
from backtest.evaluation.matched_forecasts import match_forecasts

FloatArray = npt.NDArray[np.float64]
START = datetime(2020, 1, 1, tzinfo=UTC)


def forecast_table(
    y: FloatArray, y_hat: Mapping[tuple[str, int | None], FloatArray], *, folds: int = 4, symbol: str = "BTCUSDT"
) -> pl.DataFrame:
    """FORECASTS of hourly rows with outcomes `y` (n,) in `folds` equal folds, from `y_hat` by model and seed."""
    n = y.size
    rows = pl.DataFrame({"fold": np.arange(n) * folds // n, "y": y}).with_columns(
        symbol=pl.lit(symbol),
        horizon=pl.lit(1, pl.Int32),
        time=pl.datetime_range(START, START + timedelta(hours=n - 1), "1h", eager=True, time_unit="us"),
        fold=pl.col("fold").cast(pl.Int32),
    )
    rows = rows.with_columns(target_time=pl.col("time") + timedelta(hours=2))
    fits = [
        rows.with_columns(model=pl.lit(model), seed=pl.lit(seed, pl.Int32), y_hat=pl.Series(values, dtype=pl.Float64))
        for (model, seed), values in y_hat.items()
    ]
    return pl.concat(fits).select(FORECASTS.names)


def random_forecasts(
    seed: int, *, n: int = 240, folds: int = 4, signal: float = 0.0, symbol: str = "BTCUSDT"
) -> pl.DataFrame:
    """Fat-tailed returns of 1 % with both baselines, `ridge`, and `lstm` with two seeds and their mean.

    `lstm` forecasts `signal` times the outcome and noise.
    """
    rng = np.random.default_rng(seed)
    y = rng.standard_t(5, n) * 0.01
    fits: dict[tuple[str, int | None], FloatArray] = {
        ("zero", None): np.zeros(n),
        ("naive", None): np.concatenate([[0.001], y[:-1]]),
        ("ridge", None): rng.standard_normal(n) * 0.001,
    }
    for number in (0, 1):
        fits["lstm", number] = signal * y + rng.standard_normal(n) * 0.001
    fits["lstm", None] = (fits["lstm", 0] + fits["lstm", 1]) / 2
    return forecast_table(y, fits, folds=folds, symbol=symbol)


def fold_table(forecasts: pl.DataFrame) -> pl.DataFrame:
    """FOLDS that these forecasts may come from."""
    one = forecasts.filter(pl.col("seed").is_null(), model=forecasts["model"][0])
    counts = one.group_by("fold").agg(n_test=pl.len().cast(pl.Int64)).sort("fold")
    borders = {
        name: pl.lit(START).cast(dtype) for name, dtype in FOLDS.dtypes.items() if name.endswith(("start", "end"))
    }
    numbers = {name: pl.lit(0, pl.Int64) for name in ("n_train", "n_validation", "n_lost")}
    return counts.with_columns(fit_fold="fold", **borders, **numbers).select(FOLDS.names)


def panels(forecasts: pl.DataFrame) -> list[LossPanel]:
    """Loss panels of a table of forecasts, by horizon."""
    return loss_panels(match_forecasts(forecasts))


def column(forecasts: pl.DataFrame, name: str, model: str, fold: int | None = None) -> FloatArray:
    """One column of a model's mean over seeds, in the order of time."""
    rows = forecasts.filter(pl.col("model") == model, pl.col("seed").is_null()).sort("time")
    return (rows if fold is None else rows.filter(pl.col("fold") == fold))[name].to_numpy()


def losses(forecasts: pl.DataFrame, model: str, loss: str, fold: int | None = None) -> FloatArray:
    """Losses of a model's mean over seeds, by numpy."""
    return losses_of(loss, column(forecasts, "y", model, fold), column(forecasts, "y_hat", model, fold))


def losses_of(loss: str, y: FloatArray, y_hat: FloatArray) -> FloatArray:
    """Losses (n,) of forecasts (n,): the two that most tests read are written out, others are those of LOSSES."""
    error = y - y_hat
    written = {"squared": error**2, "absolute": np.abs(error)}
    return written[loss] if loss in written else LOSSES[loss].excess(y, y_hat)
