"""The next step: what the networks, fitted on all bars after the walk, forecast from the newest ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors.numpy import load as load_arrays

from backtest.checkpoints import CHECKPOINTS, STATE
from backtest.config import Config, build, parse
from backtest.prepare import feature_rows, load_bars
from data import durations, gaps
from data.errors import ConfigError, DataError
from data.runs import SETTINGS, VERDICT, read_bytes, read_manifest
from features import plugins
from features.pipeline import series_of
from models import MODELS
from models.windows import Panel


@dataclass(frozen=True, slots=True)
class NextStep:
    """Forecast of one symbol by one model, the mean over its seeds; `target_time` is None where the market closes.

    When such a market trades next is in no file of bars.
    """

    symbol: str
    model: str
    known_at: datetime
    target_time: datetime | None
    close: float
    log_return: float

    @property
    def next_close(self) -> float:
        """The close that the forecast return leads to."""
        return self.close * float(np.exp(self.log_return))


def next_steps(run: Path, *, data: str | None = None, plugin_names: Sequence[str] = ()) -> tuple[list[NextStep], str]:
    """Forecasts of every model for every symbol, and the sentence of the run's verdict, which belongs beside them.

    `data` is a source of newer bars; the run's own where it is None. Plugins are code: those of the run must be named
    in `plugin_names` before they are imported from the working directory.
    """
    manifest = read_manifest(run)
    config = read_config(run)
    _load_plugins(config, plugin_names)
    if data is not None:
        config = config.model_copy(update={"data": config.data.model_copy(update={"source": data})})
    bars, interval = load_bars(config)
    _check_series(bars, interval, manifest["data"], config.data.source)
    features, rows = feature_rows(config, bars, interval, series_of(config.features))
    newest = _newest(features, rows, config.net.window)
    windows = rows.at(newest, window=config.net.window)
    keys = features[newest].join(
        bars.select("symbol", "time", "close"), on=["symbol", "time"], how="left", maintain_order="left"
    )
    ahead = config.target.horizon * interval if gaps.always_open(bars, interval) else None
    steps = []
    for model, fits in groupby(manifest["final"], key=lambda fit: str(fit["model"])):
        forecast = np.mean([_predict(run, manifest, config, fit, windows) for fit in fits], axis=0)
        for key, log_return in zip(keys.iter_rows(named=True), forecast, strict=True):
            target_time = key["known_at"] + ahead if ahead else None
            steps.append(NextStep(key["symbol"], model, key["known_at"], target_time, key["close"], float(log_return)))
    return steps, str(json.loads(read_bytes(run, VERDICT, manifest))["sentence"])


def read_config(run: Path) -> Config:
    """Read the settings of a finished run; RunError where its folder is not as its manifest says."""
    text = read_bytes(run, SETTINGS, read_manifest(run)).decode()
    return build(parse(text, where=f"{run}/{SETTINGS}"), where=str(run))


def _check_series(bars: pl.DataFrame, interval: timedelta, card: dict[str, Any], source: str) -> None:
    """ConfigError where the bars are not of the series that the networks learned."""
    expected = card["symbols"], timedelta(seconds=card["interval_seconds"])
    found = bars["symbol"].unique().sort().to_list(), interval
    if found != expected:
        said = [f"{', '.join(symbols)} every {durations.spell(step)}" for symbols, step in (expected, found)]
        raise ConfigError(f"--data: expected bars of {said[0]}, as the run learned them (got {said[1]} in {source})")
    learned, last = datetime.fromisoformat(card["end"]), bars["time"].sort()[-1] + interval
    if last < learned:
        raise ConfigError(
            f"--data: expected bars up to {learned:%Y-%m-%d %H:%M} at least, as the run learned them "
            f"(got {last:%Y-%m-%d %H:%M} in {source}): the networks have seen what they would forecast"
        )


def _load_plugins(config: Config, named: Sequence[str]) -> None:
    missing = [name for name in config.plugins if name not in named]
    if missing:
        raise ConfigError(
            f"--plugins: this run uses the plugin {', '.join(missing)}, which is code: if you trust it, go to its "
            f"folder and add {' '.join(f'--plugins {name}' for name in config.plugins)}"
        )
    plugins.load(config.plugins, None)


def _newest(features: pl.DataFrame, rows: Panel, window: int) -> Any:
    """The last row of each symbol; DataError where it has no whole window behind it."""
    last = features.with_row_index("row").group_by("symbol", maintain_order=True).agg(pl.last("row", "time"))
    for symbol, row, time in last.iter_rows():
        if rows.run[row] < window:
            raise DataError(
                f"{symbol}: the last {window} bars up to {time:%Y-%m-%d %H:%M} must be without a hole, and so the bars "
                f"that their features look back to (got {rows.run[row]} whole rows): fill the hole, or wait"
            )
    return last["row"].to_numpy().astype(np.int64)


def _predict(run: Path, manifest: dict[str, Any], config: Config, fit: dict[str, Any], windows: Any) -> Any:
    content = read_bytes(run, f"{CHECKPOINTS}/{fit['folder']}/{STATE}", manifest)
    forecaster = MODELS[fit["model"]].make(config.net, config.train, 0)
    forecaster.restore(load_arrays(content))
    return forecaster.predict(windows)
