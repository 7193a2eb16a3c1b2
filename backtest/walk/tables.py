"""The tables of a walk: FOLDS from its plan, FORECASTS and FITS from the files of its finished tasks."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np
import polars as pl

from backtest.data.errors import RunError
from backtest.data.schema import FITS, FOLDS, FORECASTS
from backtest.data.target_columns import target_time
from backtest.models.windows import microseconds
from backtest.walk.plan import WalkPlan
from backtest.walk.store import FORECASTS as FORECASTS_FILE
from backtest.walk.store import Record, Store
from backtest.walk.tasks import Task, learning_windows

KEYS = ["fold", "symbol", "time", "horizon"]


def fold_table(plan: WalkPlan) -> pl.DataFrame:
    """Return FOLDS: the spans of every fold, and how many windows and forecasts each of them holds."""
    window, rows = plan.config.net.window, plan.rows
    records = []
    for fold in plan.folds:
        forecasts = len(rows.origins(fold.test.start, fold.test.end, window=window))
        inside = (rows.time >= microseconds(fold.test.start)) & (rows.time < microseconds(fold.test.end))
        spans = {
            f"{name}_{border}": getattr(getattr(fold, name), border)
            for name in ("train", "validation", "test")
            for border in ("start", "end")
        }
        train, validation = learning_windows(rows, fold, window)
        counts = {"n_train": len(train), "n_validation": len(validation), "n_test": forecasts}
        lost = int(inside.sum()) - forecasts
        records.append({"fold": fold.index, "fit_fold": fold.fit_index, **spans, **counts, "n_lost": lost})
    return pl.DataFrame(records, schema=FOLDS.dtypes)


def read_forecasts(plan: WalkPlan, store: Store) -> pl.DataFrame:
    """Return FORECASTS of a walk whose tasks are all finished; RunError if a file is damaged."""
    return collect_forecasts(plan, lambda task: pl.read_parquet(io.BytesIO(store.read(task.folder, FORECASTS_FILE))))


def collect_forecasts(plan: WalkPlan, forecasts_of: Callable[[Task], pl.DataFrame]) -> pl.DataFrame:
    """Return FORECASTS: of each model with seeds those of every seed, then of every model their mean.

    `forecasts_of` returns what one task forecast: fold, symbol, time, horizon, y_hat. The fit after the walk is left
    out. RunError if the seeds of a model forecast different rows.
    """
    tasks_of_folds = [task for task in plan.tasks if task.fold != plan.final]
    frames = []
    for name, tasks in groupby(tasks_of_folds, key=lambda task: task.model):
        seeds = {seed: pl.concat(map(forecasts_of, own)) for seed, own in groupby(tasks, key=lambda task: task.seed)}
        first, *others = seeds.values()
        if any(not frame.select(KEYS).equals(first.select(KEYS)) for frame in others):
            raise RunError(f"model {name}: its seeds forecast different rows: delete the run folder and run it again")
        mean = first.with_columns(
            y_hat=pl.Series(np.mean([frame["y_hat"].to_numpy() for frame in seeds.values()], axis=0))
        )
        by_seed = {seed: frame for seed, frame in seeds.items() if seed is not None}
        frames += [
            frame.with_columns(model=pl.lit(name), seed=pl.lit(seed, pl.Int32))
            for seed, frame in [*by_seed.items(), (None, mean)]
        ]
    realised = pl.concat(
        plan.features.select("symbol", "time", pl.lit(horizon, pl.Int32).alias("horizon"), target_time(horizon), y=name)
        for horizon, name in plan.config.resolved_question.outcomes.items()
    )
    joined = pl.concat(frames).join(realised, on=["symbol", "time", "horizon"], how="left", maintain_order="left")
    return joined.select(FORECASTS.names)


def collect_fits(records: Sequence[Record]) -> pl.DataFrame:
    """Return FITS: a row per epoch; a single row without an epoch for a model that is fitted in one step."""
    rows: list[dict[str, object]] = []
    for record in records:
        fit = {"model": record.model, "seed": record.seed, "fold": record.fold, "note": record.log.note}
        if not record.log.epochs:
            rows.append({**fit, "epoch": None, "train_loss": None, "validation_loss": None, "best": True})
        for number, epoch in enumerate(record.log.epochs, start=1):
            losses = {"train_loss": epoch.train_loss, "validation_loss": epoch.validation_loss}
            rows.append({**fit, "epoch": number, **losses, "best": number == record.log.best})
    return pl.DataFrame(rows, schema=FITS.dtypes)
