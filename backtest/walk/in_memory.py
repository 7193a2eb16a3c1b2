"""The walk without a run folder, for those who want many forecasts and no files."""

from __future__ import annotations

import polars as pl

from backtest.models.forecaster import State
from backtest.walk.collect import gather_forecasts
from backtest.walk.fitting import fit_and_forecast, forecaster_of
from backtest.walk.plan import WalkPlan


def walk_in_memory(prepared: WalkPlan) -> pl.DataFrame:
    """FORECASTS of a whole walk, carried out in this process: to the bit what a run folder would hold.

    The fit on all bars after the walk is left out. Raises as `fit_and_forecast`.
    """
    config, keys = prepared.config, prepared.features.select("symbol", "time")
    states: dict[str, State] = {}
    forecasts = {}
    for task in prepared.tasks:
        if task.fold == prepared.final:
            continue
        start = states[task.after] if task.after else None
        forecaster = forecaster_of(task, config.net, config.train, start)
        fitted = fit_and_forecast(prepared.rows, keys, task, forecaster, config.net.window)
        forecasts[task.key], states[task.folder] = fitted.forecasts, fitted.state
    return gather_forecasts(prepared, lambda task: forecasts[task.key])
