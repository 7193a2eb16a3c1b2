"""The tables of a walk: FOLDS from its plan, FORECASTS and FITS from the files of its finished tasks."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import groupby

import numpy as np
import polars as pl

from backtest.data.combinations import COMBINATIONS
from backtest.data.errors import RunError, UndefinedTest
from backtest.data.schema import FITS, FOLDS, FORECASTS
from backtest.data.target_columns import target_time
from backtest.models.forecaster import Tuning
from backtest.models.windows import microseconds
from backtest.significance.weights import known_variance
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
    out. At last come the combinations of the candidates. RunError if the seeds of a model, or the candidates of a
    combination, forecast different rows.
    """
    tasks_of_folds = [task for task in plan.tasks if task.fold != plan.final]
    frames, means = [], dict[str, pl.DataFrame]()
    for name, tasks in groupby(tasks_of_folds, key=lambda task: task.model):
        seeds = {seed: pl.concat(map(forecasts_of, own)) for seed, own in groupby(tasks, key=lambda task: task.seed)}
        first, *others = seeds.values()
        if any(not frame.select(KEYS).equals(first.select(KEYS)) for frame in others):
            raise RunError(f"model {name}: its seeds forecast different rows: delete the run folder and run it again")
        mean = first.with_columns(
            y_hat=pl.Series(np.mean([frame["y_hat"].to_numpy() for frame in seeds.values()], axis=0))
        )
        means[name] = mean
        by_seed = {seed: frame for seed, frame in seeds.items() if seed is not None}
        frames += [
            frame.with_columns(model=pl.lit(name), seed=pl.lit(seed, pl.Int32))
            for seed, frame in [*by_seed.items(), (None, mean)]
        ]
    frames += [
        combined(name, means, plan.config.candidates).with_columns(model=pl.lit(name), seed=pl.lit(None, pl.Int32))
        for name in plan.config.combine
    ]
    symbols = plan.features.partition_by("symbol", maintain_order=True)
    realised = pl.concat(outcomes_of(rows, plan) for rows in symbols)
    joined = pl.concat(frames).join(realised, on=["symbol", "time", "horizon"], how="left", maintain_order="left")
    return joined.select(FORECASTS.all_names)


def combined(name: str, means: Mapping[str, pl.DataFrame], members: Sequence[str]) -> pl.DataFrame:
    """Return the forecasts of a combination of the `members`; RunError if they forecast different rows."""
    first, *others = (means[member] for member in members)
    if any(not frame.select(KEYS).equals(first.select(KEYS)) for frame in others):
        raise RunError(
            f"{name}: its models {', '.join(members)} forecast different rows: delete the run folder and run it again"
        )
    forecasts = np.stack([frame["y_hat"].to_numpy() for frame in (first, *others)])
    return first.with_columns(y_hat=pl.Series(COMBINATIONS[name].of(forecasts)))


def outcomes_of(features: pl.DataFrame, plan: WalkPlan) -> pl.DataFrame:
    """Outcomes of one symbol at every horizon, with the variance that was known at each forecast.

    The variance is null where errors are not weighted by it, or where there are too few outcomes to begin with.
    """
    question, interval = plan.config.resolved_question, plan.dataset.interval
    slots = None
    if interval < timedelta(days=1):
        time_of_day = features["time"] - features["time"].dt.truncate("1d")
        slots = (time_of_day.dt.total_seconds() // interval.total_seconds()).to_numpy()
    found = []
    for horizon, name in question.outcomes.items():
        y, variance = features[name], pl.lit(None, pl.Float64)
        if question.weighted:
            with suppress(UndefinedTest):
                known = known_variance(y.to_numpy(), horizon=horizon, time_of_day=slots)
                variance = pl.lit(pl.Series(known))
        about = pl.lit(horizon, pl.Int32).alias("horizon"), target_time(horizon)
        found.append(features.select("symbol", "time", *about, y=y, variance=variance))
    return pl.concat(found)


def collect_fits(records: Sequence[Record]) -> pl.DataFrame:
    """Return FITS: a row per epoch; a single row without an epoch for a model that is fitted in one step."""
    rows: list[dict[str, object]] = []
    for record in records:
        fit: dict[str, object] = {
            "model": record.model,
            "seed": record.seed,
            "fold": record.fold,
            "note": record.log.note,
        }
        fit |= choice_of(record.log.tuning)
        if not record.log.epochs:
            rows.append({**fit, "epoch": None, "train_loss": None, "validation_loss": None, "best": True})
        for number, epoch in enumerate(record.log.epochs, start=1):
            losses = {"train_loss": epoch.train_loss, "validation_loss": epoch.validation_loss}
            rows.append({**fit, "epoch": number, **losses, "best": number == record.log.best})
    tuned = any(record.log.tuning for record in records)
    columns = FITS.all_names if tuned else FITS.names
    return pl.DataFrame(rows, schema={column.name: column.dtype for column in FITS.columns}).select(columns)


def choice_of(tuning: Tuning | None) -> dict[str, object]:
    """What tuning chose in a fit, in the columns of FITS that only runs with tuned models have."""
    if tuning is None:
        return dict.fromkeys(("chosen", "candidates", "chosen_loss", "worst_loss"))
    losses = [loss for loss in tuning.losses if loss is not None]
    ends = {"chosen_loss": min(losses), "worst_loss": max(losses)}
    return {"chosen": tuning.chosen, "candidates": len(tuning.losses), **ends}
