"""What test spans hold against the range that training has seen: inputs, and forecasts against outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from backtest.data.result_tables import RANGES
from backtest.models.scaling import covered
from backtest.models.windows import Floats, Windows
from backtest.walk.folds import Fold
from backtest.walk.plan import WalkPlan
from backtest.walk.tasks import learning_windows


def range_table(plan: WalkPlan, forecasts: pl.DataFrame) -> pl.DataFrame:
    """Return RANGES: how many values of each test span lie outside of the range of the fold's training rows.

    Of an input the newest value of each window counts; of `forecasts`, FORECASTS, those of every seed. Nothing of it
    depends on whether anything is held within that range.
    """
    single = pl.col("seed").is_not_null() | (pl.col("seed").is_not_null().sum().over("model", "fold") == 0)
    fitted, horizons = forecasts.filter(single), forecasts["horizon"].unique().sort().to_list()
    rows: list[dict[str, Any]] = []
    for fold in plan.folds:
        train, _ = learning_windows(plan.rows, fold, plan.config.net.window)
        rows += [*_inputs(plan, fold, train), *_forecasts(fold, train, fitted.filter(fold=fold.index), horizons)]
    return pl.DataFrame(rows, schema=RANGES.dtypes)


def _inputs(plan: WalkPlan, fold: Fold, train: Windows) -> Iterator[dict[str, Any]]:
    """Yield a row for each input: the training range is that of the rows a scaler is fitted on."""
    window = plan.config.net.window
    seen = train.features[covered(train)]
    met = plan.rows.features[plan.rows.origins(fold.test.start, fold.test.end, window=window)]
    for place, name in enumerate(plan.names):
        low, high, values = seen[:, place].min(), seen[:, place].max(), met[:, place]
        outside = int(((values < low) | (values > high)).sum())
        yield _row(fold, low, high, values, outside, feature=name)


def _forecasts(fold: Fold, train: Windows, forecasts: pl.DataFrame, horizons: list[int]) -> Iterator[dict[str, Any]]:
    """Yield a row for each model and horizon: the range is that of the outcomes it was trained on."""
    outcomes = train.y.reshape(len(train), -1)
    own = forecasts.partition_by("model", "horizon", as_dict=True, maintain_order=True)
    for (model, horizon), rows in own.items():
        seen, values = outcomes[:, horizons.index(horizon)], rows["y_hat"].to_numpy()
        low, high = seen.min(), seen.max()
        outside = int(((values <= low) | (values >= high)).sum())
        yield _row(fold, low, high, values, outside, model=model, horizon=horizon)


def _row(fold: Fold, low: float, high: float, values: Floats, outside: int, **of: Any) -> dict[str, Any]:
    ends = (float(values.min()), float(values.max())) if len(values) else (None, None)
    counts = {"n": len(values), "outside": outside, "lowest": ends[0], "highest": ends[1]}
    return {"fold": fold.index, "low": float(low), "high": float(high), **counts, **of}
