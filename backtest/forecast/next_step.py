"""The next step: forecasts from the newest bars by the final fits, those on all bars of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from backtest.data.combinations import COMBINATIONS
from backtest.data.dataset import Dataset
from backtest.data.durations import format_duration
from backtest.data.errors import ConfigError, DataError, RunError
from backtest.data.json_io import from_tree
from backtest.data.records.verdict import Verdict
from backtest.data.run_files import MANIFEST, SETTINGS, VERDICT, read_bytes, read_manifest
from backtest.data.targets import target_of
from backtest.features import plugins
from backtest.features.catalog import Resolved, resolve
from backtest.features.pipeline import readable
from backtest.forecast.intervals import next_intervals
from backtest.forecast.step import NextStep, level_column
from backtest.models import MODELS
from backtest.models.forecaster import predict
from backtest.models.scales import make_forecaster
from backtest.models.windows import Floats, Panel, Windows
from backtest.walk.config import Config
from backtest.walk.config_file import build, parse
from backtest.walk.plan import feature_rows, load_dataset, with_series
from backtest.walk.store import CHECKPOINTS, STATE


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The bars to forecast from, the newest last, and the settings of the run."""

    config: Config
    dataset: Dataset

    @property
    def bars(self) -> pl.DataFrame:
        """The bars, sorted by symbol and time."""
        return self.dataset.bars

    @property
    def interval(self) -> timedelta:
        """Time between two bars of an open market."""
        return self.dataset.interval


@dataclass(frozen=True, slots=True)
class FinalFit:
    """A model fitted on all bars of the run: its name, seed and checkpoint folder."""

    model: str
    seed: int | None
    folder: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a manifest says of the run's bars by which a variance is annualised; None in runs of earlier versions."""

    bars_per_year: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """What forecasts need of a manifest: the final fits, the seeds of one model after each other, and the calendar."""

    final: tuple[FinalFit, ...]
    data: Calendar


def next_steps(
    run: Path, *, data: str | None = None, plugin_names: Sequence[str] = ()
) -> tuple[list[NextStep], Verdict]:
    """Forecasts of every model for every symbol and horizon, and the verdict on the run, to be shown with them.

    `data` is a source of newer bars; None: the run's own. Plugins are code: those of the run are imported from the
    working directory only if `plugin_names` lists them. Raises ConfigError for other bars or unlisted plugins,
    DataError if the newest bars have gaps, RunError if the run is damaged.
    """
    steps = steps_from(run, read_series(run, data, plugin_names), plugin_names)
    return steps, Verdict.from_json(read_bytes(run, VERDICT, read_manifest(run)).decode())


def read_series(run: Path, data: str | None = None, plugin_names: Sequence[str] = ()) -> Series:
    """Bars of the source `data`, or the run's own; ConfigError if they are not of the series that the run is on.

    Columns that only features of plugins read are read where all plugins are named, which are then imported.
    """
    config = read_config(run)
    if data is not None:
        config = config.model_copy(update={"data": config.data.model_copy(update={"source": data})})
    features: tuple[Resolved, ...] = ()
    if not unnamed_plugins(config, plugin_names):
        plugins.load(config.plugins, None)
        features = resolve(config.features)
    dataset = load_dataset(config, None, features)
    _check_series(dataset, read_manifest(run)["data"])
    return Series(config, dataset)


def steps_from(run: Path, series: Series, plugin_names: Sequence[str] = ()) -> list[NextStep]:
    """Forecasts of every model, symbol and horizon from the newest bars of a series; `next_steps` explains plugins."""
    config = series.config
    missing = unnamed_plugins(config, plugin_names)
    if missing:
        raise ConfigError(
            f"--plugins: this run uses the plugin {', '.join(missing)}, which is code: if you trust it, go to its "
            f"folder and add {' '.join(f'--plugins {name}' for name in config.plugins)}"
        )
    plugins.load(config.plugins, None)
    manifest, resolved = read_manifest(run), resolve(config.features)
    dataset = with_series(config, series.dataset, resolved, None)
    keys, windows = _origins(config, dataset, resolved)
    intervals = next_intervals(run, manifest) if target_of(config.target.kind).intervals else {}
    finished = from_tree(Finished, manifest, name=str(run / MANIFEST), remedy="run `backtest run` again")
    by_seed = {
        model: {fit.seed: _predict(run, manifest, config, fit, windows) for fit in own}
        for model, own in groupby(finished.final, key=lambda fit: fit.model)
    }
    means = {model: np.mean(list(forecasts.values()), axis=0) for model, forecasts in by_seed.items()}
    for name in config.combine:
        means[name] = COMBINATIONS[name].of(np.stack([means[member] for member in config.candidates]))
    steps = []
    for model, mean in means.items():
        for (row, key), (column, horizon) in product(
            enumerate(keys.iter_rows(named=True)), enumerate(config.target.horizons)
        ):
            symbol, known_at = key["symbol"], key["known_at"]
            steps.append(
                NextStep(
                    symbol=symbol,
                    model=model,
                    horizon=horizon,
                    time=key["time"],
                    known_at=known_at,
                    target_time=known_at + horizon * dataset.interval if dataset.always_open else None,
                    target=config.target.kind,
                    y_hat=float(mean[row, column]),
                    by_seed={
                        seed: float(one[row, column])
                        for seed, one in by_seed.get(model, {}).items()
                        if seed is not None
                    },
                    last_value=key["last_value"],
                    intervals=intervals.get((symbol, model, horizon), ()),
                    bars_per_year=finished.data.bars_per_year,
                )
            )
    return steps


def _origins(config: Config, dataset: Dataset, resolved: Sequence[Resolved]) -> tuple[pl.DataFrame, Windows]:
    """Return the last row of each symbol, with its `last_value`, and the window that ends with it."""
    features, rows = feature_rows(config, dataset, resolved)
    newest = _newest(features, rows, config.net.window)
    known = _last_values(config, dataset)
    keys = features[newest].join(known, on=["symbol", "time"], how="left", maintain_order="left")
    return keys, rows.at(newest, window=config.net.window)


def _last_values(config: Config, dataset: Dataset) -> pl.DataFrame:
    """Return symbol, time and `last_value` of each bar, as `NextStep` explains it."""
    kind = config.target.kind
    table = readable(dataset.bars, dataset.interval, dataset.external)
    prices = "close" in table.columns and target_of(kind).scale != "variance"
    column = level_column(kind) or ("close" if prices else None)
    value = pl.col(column) if column else pl.lit(None)
    return table.select("symbol", "time", last_value=value.cast(pl.Float64))


def read_config(run: Path) -> Config:
    """Read the settings of a finished run; RunError if they are not as its manifest says."""
    text = read_bytes(run, SETTINGS, read_manifest(run)).decode()
    return build(parse(text, where=f"{run}/{SETTINGS}"), where=str(run))


def _check_series(dataset: Dataset, card: dict[str, Any]) -> None:
    """ConfigError if the bars are another series than the run's, or end before it."""
    expected = card["symbols"], timedelta(seconds=card["interval_seconds"])
    found = dataset.symbols, dataset.interval
    if found != expected:
        described = [f"{', '.join(symbols)} every {format_duration(step)}" for symbols, step in (expected, found)]
        raise ConfigError(
            f"--data: expected bars of {described[0]}, as in the run (got {described[1]} in {dataset.source})"
        )
    learned, last = datetime.fromisoformat(card["end"]), dataset.end
    if last < learned:
        raise ConfigError(
            f"--data: expected bars up to {learned:%Y-%m-%d %H:%M} or later, the end of the run's bars "
            f"(got {last:%Y-%m-%d %H:%M} in {dataset.source}): the models were fitted on what they would forecast"
        )


def unnamed_plugins(config: Config, named: Sequence[str]) -> list[str]:
    """The plugins of a run that the user has not named, and so not trusted."""
    return [name for name in config.plugins if name not in named]


def _newest(features: pl.DataFrame, rows: Panel, window: int) -> Any:
    """The last row of each symbol; DataError if it does not end a complete window."""
    last = features.with_row_index("row").group_by("symbol", maintain_order=True).agg(pl.last("row", "time"))
    for symbol, row, time in last.iter_rows():
        complete = int(rows.valid_length[row])
        if complete < window:
            raise DataError(
                f"{symbol}: expected {window} complete rows up to {time:%Y-%m-%d %H:%M} (got {complete}): "
                "no bar may be missing in the window or in the look-back of its features; add the missing bars or wait"
            )
    return last["row"].to_numpy().astype(np.int64)


def _predict(run: Path, manifest: dict[str, Any], config: Config, fit: FinalFit, windows: Windows) -> Floats:
    """Forecasts of one fit, (n, H); RunError if its model is unknown or its weights do not fit that model."""
    if fit.model not in config.known_models:
        raise RunError(
            f"{run / MANIFEST}: expected models of {', '.join(MODELS)} (got {fit.model}): run `backtest run` again"
        )
    content = read_bytes(run, f"{CHECKPOINTS}/{fit.folder}/{STATE}", manifest)
    try:
        forecaster = make_forecaster(config.entry(fit.model), config.resolved_question, 0)
        forecaster.restore(load_arrays(content))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as broken:
        raise RunError(
            f"{run}: expected weights of {fit.model} in {fit.folder} (got {broken}): run it again"
        ) from broken
    return predict(forecaster, windows, fit.model).point
