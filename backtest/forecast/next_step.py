"""The next step: forecasts from the newest bars by the final fits, those on all bars of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays

from backtest.data.dataset import Dataset
from backtest.data.durations import format_duration
from backtest.data.errors import ConfigError, DataError, RunError
from backtest.data.json_io import from_tree
from backtest.data.records.verdict import Verdict
from backtest.data.run_files import MANIFEST, SETTINGS, VERDICT, read_bytes, read_manifest
from backtest.data.targets import target_of
from backtest.features import plugins
from backtest.features.catalog import resolve
from backtest.features.pipeline import load_external
from backtest.forecast.intervals import Interval, next_intervals
from backtest.models import MODELS
from backtest.models.forecaster import predict
from backtest.models.scales import make_forecaster
from backtest.models.windows import Floats, Panel, Windows
from backtest.walk.config import Config
from backtest.walk.config_file import build, parse
from backtest.walk.plan import feature_rows, load_dataset
from backtest.walk.store import CHECKPOINTS, STATE


@dataclass(frozen=True, slots=True)
class NextStep:
    """Forecast of one symbol by one model, `horizon` bars ahead, the mean over its seeds.

    `time` is the open of the newest bar, `known_at` its close, `target_time` the close that is forecast, None if the
    market closes between sessions: no file of bars says when it opens next. `by_seed` holds the log return that each
    seed forecasts and is empty for a model without seeds. `intervals`, narrow to wide, come from errors of the mean.
    """

    symbol: str
    model: str
    horizon: int
    time: datetime
    known_at: datetime
    target_time: datetime | None
    close: float
    log_return: float
    by_seed: Mapping[int, float]
    intervals: tuple[Interval, ...]

    @property
    def next_close(self) -> float:
        """The close that the forecast return leads to."""
        return self.close * float(np.exp(self.log_return))

    def interval(self, level: float) -> Interval | None:
        """The interval of a level; None if the run has none."""
        return next((one for one in self.intervals if one.level == level), None)

    def ends(self, level: float) -> tuple[float, float] | None:
        """The interval of a level as two closes; None if there is none, or there were too few errors for it."""
        found = self.interval(level)
        if found is None or found.half_width is None:
            return None
        low, high = (self.close * float(np.exp(self.log_return + side * found.half_width)) for side in (-1, 1))
        return low, high


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
class FinalFits:
    """The final fits listed in a manifest; the seeds of one model follow each other."""

    final: tuple[FinalFit, ...]


def next_steps(
    run: Path, *, data: str | None = None, plugin_names: Sequence[str] = ()
) -> tuple[list[NextStep], Verdict]:
    """Forecasts of every model for every symbol and horizon, and the verdict on the run, to be shown with them.

    `data` is a source of newer bars; None: the run's own. Plugins are code: those of the run are imported from the
    working directory only if `plugin_names` lists them. Raises ConfigError for other bars or unlisted plugins,
    DataError if the newest bars have gaps, RunError if the run is damaged.
    """
    steps = steps_from(run, read_series(run, data), plugin_names)
    return steps, Verdict.from_json(read_bytes(run, VERDICT, read_manifest(run)).decode())


def read_series(run: Path, data: str | None = None) -> Series:
    """Bars of the source `data`, or the run's own; ConfigError if they are not of the series that the run is on."""
    config = read_config(run)
    if data is not None:
        config = config.model_copy(update={"data": config.data.model_copy(update={"source": data})})
    dataset = load_dataset(config)
    _check_series(dataset, read_manifest(run)["data"])
    return Series(config, dataset)


def steps_from(run: Path, series: Series, plugin_names: Sequence[str] = ()) -> list[NextStep]:
    """Forecasts of every model, symbol and horizon from the newest bars of a series; `next_steps` explains plugins."""
    config, dataset = series.config, series.dataset
    if not target_of(config.target.kind).tradable:  # only returns of the close lead to a next one
        raise ConfigError(
            f"forecast: expected a run on returns, whose next close is shown (got {config.target.kind}): "
            "forecasts.parquet in the run folder holds the forecasts of the walk"
        )
    missing = unnamed_plugins(config, plugin_names)
    if missing:
        raise ConfigError(
            f"--plugins: this run uses the plugin {', '.join(missing)}, which is code: if you trust it, go to its "
            f"folder and add {' '.join(f'--plugins {name}' for name in config.plugins)}"
        )
    plugins.load(config.plugins, None)
    manifest = read_manifest(run)
    resolved = resolve(config.features)
    features, rows = feature_rows(config, dataset.with_external(load_external(resolved, config.target.kind)), resolved)
    newest = _newest(features, rows, config.net.window)
    windows = rows.at(newest, window=config.net.window)
    keys = features[newest].join(
        dataset.bars.select("symbol", "time", "close"), on=["symbol", "time"], how="left", maintain_order="left"
    )
    intervals = next_intervals(run, manifest)
    fits = from_tree(FinalFits, manifest, name=str(run / MANIFEST), remedy="run `backtest run` again").final
    steps = []
    for model, own in groupby(fits, key=lambda fit: fit.model):
        forecasts = {fit.seed: _predict(run, manifest, config, fit, windows) for fit in own}
        mean = np.mean(list(forecasts.values()), axis=0)
        for (row, key), (column, horizon) in product(
            enumerate(keys.iter_rows(named=True)), enumerate(config.target.horizons)
        ):
            symbol, known_at = key["symbol"], key["known_at"]
            steps.append(
                NextStep(
                    symbol,
                    model,
                    horizon,
                    key["time"],
                    known_at,
                    known_at + horizon * dataset.interval if dataset.always_open else None,
                    key["close"],
                    float(mean[row, column]),
                    {seed: float(one[row, column]) for seed, one in forecasts.items() if seed is not None},
                    intervals.get((symbol, model, horizon), ()),
                )
            )
    return steps


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
    if fit.model not in MODELS:
        raise RunError(
            f"{run / MANIFEST}: expected models of {', '.join(MODELS)} (got {fit.model}): run `backtest run` again"
        )
    content = read_bytes(run, f"{CHECKPOINTS}/{fit.folder}/{STATE}", manifest)
    forecaster = make_forecaster(fit.model, config.resolved_question, config.net, config.train, 0)
    try:
        forecaster.restore(load_arrays(content))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as broken:
        raise RunError(
            f"{run}: expected weights of {fit.model} in {fit.folder} (got {broken}): run it again"
        ) from broken
    return predict(forecaster, windows, fit.model).point
