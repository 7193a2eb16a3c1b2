"""Leaks of time, for level 3: bars, series, labels and windows that are used before they are known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from backtest.audit.audited_walk import AuditedWalk, Fit
from backtest.audit.recompute import Series
from backtest.features import external, feature
from backtest.models import Forecaster
from backtest.models.windows import Panel, Windows
from backtest.walk.fitting import Fitted, fit_and_forecast
from backtest.walk.folds import Fold
from backtest.walk.tasks import Task
from tests.support.odd_bars import plain, published
from tests.support.planting import FOREVER, Plant, Taught, everything, of_fit, of_table, outcomes, taught, walk

LATE = published(timedelta(hours=8), timedelta(hours=5), 90)
EARLY = published(timedelta(hours=8), -timedelta(hours=5), 90)
SELDOM = plain(1000, "B", 1).filter(pl.col("time").dt.hour().is_between(12, 13))[:60]
FAR = {"target": {"horizon": 5}}

Learnt = tuple[Windows | None, Windows | None]


def of_series(name: str, strategy: str = "backward", on: str = "known_at") -> Plant:
    """A leak in how an external series is joined to the bars' closes."""

    def join(features: pl.DataFrame, bars: pl.DataFrame, series: Series) -> pl.DataFrame:
        rates = series["funding"].select(pl.col(on).alias("known_at"), planted="rate").sort("known_at")
        return features.drop("planted").join_asof(rates, on="known_at", strategy=strategy)  # type: ignore[arg-type]

    return of_table(name, join, level=3, series={"funding": LATE})


def check_stamps(folder: Path) -> AuditedWalk:
    """A walk with a funding rate that says to be known five hours before its time."""
    external(name="funding")(lambda: EARLY)
    feature(name="planted", lookback=0, requires=("funding.rate",))(lambda: pl.col("funding.rate"))
    return walk(folder, features=["planted"])


def with_column(name: str, names: str, **columns: pl.Expr) -> Plant:
    """A leak in other columns of FEATURES."""
    return of_table(name, lambda features, bars, series: features.with_columns(**columns), level=3, names=names)


def shuffled(rows: Panel, fold: Fold, window: int) -> Learnt:
    """A random nine tenths of the windows, whatever their time, and the rest."""
    windows = everything(rows, window)
    tenth = np.random.default_rng(0).random(len(windows)) < 0.1
    return replace(windows, ends=windows.ends[~tenth]), replace(windows, ends=windows.ends[tenth])


def up_to_validation(rows: Panel, fold: Fold, window: int) -> Learnt:
    """Training up to the first validation bar, whenever its labels are known."""
    return rows.training(fold.train.start, fold.validation.start, window=window, known_by=FOREVER), None


def up_to_test(rows: Panel, fold: Fold, window: int) -> Learnt:
    """Validation up to the first test bar, whenever its labels are known."""
    return None, rows.validation(fold.validation.start, fold.test.start, window=window, known_by=FOREVER)


def gap_alone(rows: Panel, fold: Fold, window: int) -> Learnt:
    """The usual training span, whenever its labels are known."""
    return rows.training(fold.train.start, fold.train.end, window=window, known_by=FOREVER), None


def shifted_rows() -> Fit:
    """Every row holds the features of the bar that it forecasts."""

    def fit(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
        of_next = np.append(rows.features[1:], rows.features[-1:], axis=0)
        return fit_and_forecast(replace(rows, features=of_next), keys, task, forecaster, window)

    return fit


def next_window(windows: Windows) -> Windows:
    """The windows that end one row later, as far as there are rows."""
    return replace(windows, ends=np.minimum(windows.ends + 1, len(windows.features) - 1))


def forecast_from_next() -> Fit:
    """Forecasts are made from the window of the next bar."""

    def fit(rows: Panel, keys: pl.DataFrame, task: Task, forecaster: Forecaster, window: int) -> Fitted:
        return fit_and_forecast(rows, keys, task, Taught(forecaster, look=next_window), window)

    return fit


AVAILABILITY = (
    of_series("external series joined on the event's time", on="time"),
    of_series("external series joined forward", "forward"),
    of_series("external series joined to the nearest", "nearest"),
    Plant("funding rate stamped before it was published", 3, check_stamps, "funding"),
    with_column("bars known at their open", "known_at", known_at=pl.col("time")),
    with_column("labels known one bar too early", "y_log_return_1", target_time=pl.col("known_at")),
    with_column(
        "labels that read a bar more than they say", "y_log_return_1", y_log_return_1=pl.col("bar_return").shift(-2)
    ),
    taught("gap smaller than the horizon", up_to_validation, names="fold 0, training", settings=FAR),
    taught("no gap before the test span", up_to_test, names="fold 0, validation", settings=FAR),
    taught("labels of a symbol that seldom trades", gap_alone, plain(), SELDOM, names="fold 0, training", settings=FAR),
    taught("shuffled folds", shuffled, names="fold 0, training"),
    taught("one fit on all rows", lambda rows, _, window: (everything(rows, window), None), names="fold 0, training"),
    taught("validation by the test span", lambda *fold: (None, outcomes(*fold)), names="fold 0, validation"),
    of_fit("window that includes the target bar", shifted_rows, level=3, names="fold 0", ahead=1),
    of_fit("forecasts from the window of the next bar", forecast_from_next, level=3, names="fold 0"),
)
