"""What test spans hold against the range that training has seen: inputs, and forecasts against outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from backtest.data.result_tables import RANGES
from backtest.models.filters import known_range, target_range
from backtest.models.scales import bounded
from backtest.models.scaling import covered
from backtest.models.windows import Floats, Windows
from backtest.walk.folds import Fold
from backtest.walk.plan import WalkPlan
from backtest.walk.tasks import learning_windows


def range_table(plan: WalkPlan, forecasts: pl.DataFrame) -> pl.DataFrame:
    """Return RANGES: how many values of each test span lie outside of the range of the fold's training rows.

    Of an input the newest value of each window counts; of `forecasts`, FORECASTS, those of every seed. Nothing of it
    depends on whether anything is held within that range. Of inputs that are logarithms those of zero are counted, too,
    for which the smallest one of training stands (`FlooredInputs`), and of forecasts of variances those that the filter
    replaced.
    """
    single = pl.col("seed").is_not_null() | (pl.col("seed").is_not_null().sum().over("model", "fold") == 0)
    fitted = forecasts.filter(single)
    rows: list[dict[str, Any]] = []
    for fold in plan.folds:
        learned = learning_windows(plan.rows, fold, plan.config.net.window)
        rows += [*_inputs(plan, fold, learned[0]), *_forecasts(plan, fold, learned, fitted.filter(fold=fold.index))]
    return pl.DataFrame(rows, schema=RANGES.dtypes)


def _inputs(plan: WalkPlan, fold: Fold, train: Windows) -> Iterator[dict[str, Any]]:
    """Yield a row for each input: the training range is that of the rows a scaler is fitted on."""
    window = plan.config.net.window
    seen = train.features[covered(train)]
    met = plan.rows.features[plan.rows.origins(fold.test.start, fold.test.end, window=window)]
    logarithms = {name for one in plan.resolved if one.logarithm for name in one.columns}
    for place, name in enumerate(plan.names):
        known, zeros = seen[:, place][np.isfinite(seen[:, place])], np.isneginf(met[:, place])
        low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
        values = np.where(zeros, low, met[:, place])
        outside = int(((values < low) | (values > high)).sum())
        replaced = int(zeros.sum()) if name in logarithms else None
        yield _row(fold, low, high, values, outside, feature=name, replaced=replaced)


def _forecasts(
    plan: WalkPlan, fold: Fold, learned: tuple[Windows, Windows], forecasts: pl.DataFrame
) -> Iterator[dict[str, Any]]:
    """Yield a row for each model and horizon: the range is that of the outcomes it was trained on."""
    train, validation = (part.y.reshape(len(part), -1) for part in learned)
    horizons = forecasts["horizon"].unique().sort().to_list()
    own = forecasts.partition_by("model", "horizon", as_dict=True, maintain_order=True)
    for (model, horizon), rows in own.items():
        place, values = horizons.index(horizon), rows["y_hat"].to_numpy()
        low, high = train[:, place].min(), train[:, place].max()
        outside = int(((values <= low) | (values >= high)).sum())
        outcomes = np.concatenate([train[:, place], validation[:, place]])
        of = {"model": model, "horizon": horizon, "replaced": _replaced(plan, fold, outcomes, rows)}
        yield _row(fold, low, high, values, outside, **of)


def _replaced(plan: WalkPlan, fold: Fold, outcomes: Floats, forecasts: pl.DataFrame) -> int | None:
    """How many `forecasts` of a model at a horizon hold a value that stands for another; None: no variances.

    `outcomes` are those that the fit has seen. The values are the mean variance of the forecast's window, and for the
    models that are held to it the largest one that outcomes and window show.
    """
    if plan.rows.variances is None or forecasts.is_empty():
        return None
    model, horizon = forecasts.select("model", "horizon").row(0)
    windows = plan.rows.test(fold.test.start, fold.test.end, window=plan.config.net.window)
    _, mean, high = known_range(target_range(outcomes), windows.past_variances, horizon)
    keys = plan.features[plan.rows.origins(fold.test.start, fold.test.end, window=windows.window)]
    known = keys.select("symbol", "time", mean=mean, high=high)
    rows = forecasts.join(known, on=["symbol", "time"], maintain_order="left")
    entry = plan.config.entries.get(model)  # a combination has none, and holds nothing itself
    held = entry is not None and bounded(entry.model, plan.config.resolved_question.about.scale)
    return rows.filter((pl.col("y_hat") == pl.col("mean")) | ((pl.col("y_hat") == pl.col("high")) & held)).height


def _row(fold: Fold, low: float, high: float, values: Floats, outside: int, **of: Any) -> dict[str, Any]:
    ends = (float(values.min()), float(values.max())) if len(values) else (None, None)
    counts = {"n": len(values), "outside": outside, "lowest": ends[0], "highest": ends[1]}
    return {"fold": fold.index, "low": float(low), "high": float(high), **counts, **of}
