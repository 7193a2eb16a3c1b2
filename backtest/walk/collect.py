"""From the tasks' own files to the run's tables: FORECASTS and FITS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl

from backtest.data.errors import RunError
from backtest.data.schema import FITS, FORECASTS
from backtest.walk.checkpoints import Record, read_forecasts
from backtest.walk.plan import WalkPlan
from backtest.walk.tasks import Task

KEYS = ["fold", "symbol", "time"]


def collect_forecasts(run: Path, prepared: WalkPlan) -> pl.DataFrame:
    """FORECASTS of a run folder in which every task is done."""
    return gather_forecasts(prepared, lambda task: read_forecasts(run, task.folder))


def gather_forecasts(prepared: WalkPlan, forecasts_of: Callable[[Task], pl.DataFrame]) -> pl.DataFrame:
    """FORECASTS: each model's forecasts, those of its seeds first where it has several, then their mean.

    `forecasts_of` returns what one task of the walk forecast: fold, symbol, time, y_hat.
    """
    walk = [task for task in prepared.tasks if task.fold != prepared.final]
    frames = []
    for name, tasks in groupby(walk, key=lambda task: task.model):
        seeds = {seed: pl.concat(map(forecasts_of, own)) for seed, own in groupby(tasks, key=lambda task: task.seed)}
        mean = _mean(name, list(seeds.values()))
        by_seed = [_labelled(frame, name, seed) for seed, frame in seeds.items() if seed is not None]
        frames += [*by_seed, _labelled(mean, name, None)]
    horizon = prepared.config.target.horizon
    truth = prepared.features.select("symbol", "time", "target_time", y=f"y_log_return_{horizon}")
    joined = pl.concat(frames).join(truth, on=["symbol", "time"], how="left", maintain_order="left")
    return joined.with_columns(pl.lit(horizon, pl.Int32).alias("horizon")).select(FORECASTS.names)


def collect_fits(records: Sequence[Record]) -> pl.DataFrame:
    """FITS: a row for each epoch; a single row without an epoch for a model that is fitted in one step."""
    rows: list[dict[str, object]] = []
    for record in records:
        common: dict[str, object] = {
            "model": record.model,
            "seed": record.seed,
            "fold": record.fold,
            "note": record.log.note,
        }
        if not record.log.epochs:
            rows.append({**common, "epoch": None, "train_loss": None, "validation_loss": None, "best": True})
        for number, epoch in enumerate(record.log.epochs, start=1):
            losses = {"train_loss": epoch.train_loss, "validation_loss": epoch.validation_loss}
            rows.append({**common, "epoch": number, **losses, "best": number == record.log.best})
    return pl.DataFrame(rows, schema=FITS.dtypes)


def _mean(name: str, seeds: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Mean forecast over seeds, whose rows must be the same."""
    first = seeds[0]
    if any(not frame.select(KEYS).equals(first.select(KEYS)) for frame in seeds):
        raise RunError(f"model {name}: its seeds forecast different rows: delete the run folder and run it again")
    return first.with_columns(y_hat=pl.Series(np.mean([frame["y_hat"].to_numpy() for frame in seeds], axis=0)))


def _labelled(frame: pl.DataFrame, model: str, seed: int | None) -> pl.DataFrame:
    return frame.with_columns(model=pl.lit(model), seed=pl.lit(seed, pl.Int32))
