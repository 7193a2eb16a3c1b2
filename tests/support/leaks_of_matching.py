"""Leaks after the last fit, for level 5: how forecasts and realised values are matched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from backtest.walk.plan import WalkPlan
from backtest.walk.tables import collect_forecasts
from backtest.walk.tasks import Task
from tests.support.planting import Plant, walk

Y, Y_HAT = pl.col("y"), pl.col("y_hat")
OF_RIDGE = pl.col("model") == "ridge"


def of_gathering(name: str, change: Callable[[pl.DataFrame], pl.DataFrame], names: str = "model ridge") -> Plant:
    """A leak into the table of forecasts."""

    def gather(plan: WalkPlan, forecasts_of: Callable[[Task], pl.DataFrame]) -> pl.DataFrame:
        return change(collect_forecasts(plan, forecasts_of))

    return Plant(name, 5, lambda folder: replace(walk(folder), gather=gather), names)


def matched_with_the_bar_before(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Every forecast is matched with the outcome of the bar before, which naive repeats."""
    return forecasts.with_columns(y=Y.shift(1, fill_value=0.0).over("model", "seed", "symbol"))


def turned_right(forecasts: pl.DataFrame) -> pl.DataFrame:
    """The forecasts of ridge with the sign that proved right."""
    return forecasts.with_columns(y_hat=pl.when(OF_RIDGE).then(Y_HAT.abs() * Y.sign()).otherwise(Y_HAT))


def calibrated(forecasts: pl.DataFrame) -> pl.DataFrame:
    """The forecasts of ridge replaced by the mean outcome of five or six of like size in the same test span."""
    like = forecasts.with_columns(bin=(Y_HAT.rank("ordinal") * 20 // (pl.len() + 1)).over("model", "fold"))
    mean = Y.mean().over("model", "fold", "bin")
    return like.with_columns(y_hat=pl.when(OF_RIDGE).then(mean).otherwise(Y_HAT)).drop("bin")


def bad_bars_left_out(forecasts: pl.DataFrame) -> pl.DataFrame:
    """The bars on which ridge did worse than zero are missing for all models."""
    bad = forecasts.filter(OF_RIDGE, (Y - Y_HAT) ** 2 > Y**2)
    return forecasts.join(bad, on=["symbol", "time"], how="anti", maintain_order="left")


MATCHING = (
    of_gathering("forecasts matched with the outcome of the bar before", matched_with_the_bar_before, "model naive"),
    of_gathering("sign of the outcome", turned_right),
    of_gathering("calibrated on the outcomes", calibrated),
    of_gathering("bars that went badly left out", bad_bars_left_out),
)
