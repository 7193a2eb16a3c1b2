"""From a configuration to everything that a walk needs: bars, features, rows, folds and tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl

from backtest.data import sessions
from backtest.data.durations import format_duration, parse_duration
from backtest.data.errors import ConfigError
from backtest.data.names import HOLDING
from backtest.data.reading import bars as bar_files
from backtest.data.run_files import json_bytes, sha256
from backtest.data.schema import FEATURES, FOLDS, check
from backtest.features import pipeline, plugins
from backtest.features.catalog import resolve
from backtest.models import MODELS
from backtest.models.windows import Panel, microseconds, panel
from backtest.walk.config import Config, LoadedConfig
from backtest.walk.folds import Fold, final_fold, roll
from backtest.walk.tasks import Task, learning_windows, plan


@dataclass(frozen=True, slots=True)
class WalkPlan:
    """A run before its first fit.

    `external` are the series that features read. `final` is the fit on all bars after the walk: a fold without a test
    span, whose number follows the last.
    """

    loaded: LoadedConfig
    bars: pl.DataFrame
    interval: timedelta
    features: pl.DataFrame
    names: tuple[str, ...]
    rows: Panel
    external: Mapping[str, pl.DataFrame]
    folds: tuple[Fold, ...]
    final: Fold
    tasks: tuple[Task, ...]
    plugin_files: tuple[Path, ...]

    @property
    def trial(self) -> str:
        """SHA-256 of what tells one trial from another on the same bars: settings, and the code of plugins."""
        code = [sha256(path.read_bytes()) for path in self.plugin_files]
        return sha256(json_bytes([self.config.trial_digest, *code]))

    @property
    def config(self) -> Config:
        """The settings."""
        return self.loaded.config


def load_bars(config: Config, config_dir: Path | None = None) -> tuple[pl.DataFrame, timedelta]:
    """Bars of the configured source, and their interval; ConfigError where it is not the one asked for.

    A relative source is looked up in `config_dir` first, then in the working directory.
    """
    source = config.data.source
    found = config_dir and source and not Path(source).is_absolute() and any(config_dir.glob(source))
    bars = bar_files.load_bars(config_dir / source if config_dir and found else source, config.data.symbol)
    interval = sessions.interval_of(bars)
    if config.data.interval and parse_duration(config.data.interval) != interval:
        raise ConfigError(
            f"data.interval: expected bars of {config.data.interval} (got {format_duration(interval)} in {source}): "
            f"take other bars, or add --set data.interval={format_duration(interval)}"
        )
    return bars, interval


def feature_rows(
    config: Config, bars: pl.DataFrame, interval: timedelta, external: Mapping[str, pl.DataFrame]
) -> tuple[pl.DataFrame, Panel]:
    """The FEATURES of some bars and the external series that they read, and the same as arrays."""
    names = [name for feature in resolve(config.features) for name in feature.columns]
    horizon, kind = config.target.horizon, config.target.kind
    built = pipeline.build(bars, config.features, horizon=horizon, kind=kind, interval=interval, external=external)
    features = check(built, FEATURES)
    return features, panel(features, names, horizon)


def plan_walk(loaded: LoadedConfig) -> WalkPlan:
    """Read the bars, compute the features, cut the folds and plan the tasks; every problem with them shows here."""
    config = loaded.config
    plugin_files = plugins.load(config.plugins, loaded.config_dir)
    _check_models(config)
    resolve(config.features)  # a mistake in their names shows before the bars are read
    bars, interval = load_bars(config, loaded.config_dir)
    external = pipeline.series_of(config.features)
    features, rows = feature_rows(config, bars, interval, external)
    _check_features(features, rows.names)
    horizon, times = config.target.horizon, features["time"].unique().sort()
    folds = tuple(roll(times, config.folds, horizon=horizon, interval=interval))
    final = final_fold(times, config.folds, horizon=horizon, interval=interval, index=len(folds))
    _check_spans(rows, (*folds, final), config.net.window)
    tasks = plan(config, rows, (*folds, final), plugin_files)
    return WalkPlan(
        loaded, bars, interval, features, rows.names, rows, external, folds, final, tuple(tasks), plugin_files
    )


def fold_table(prepared: WalkPlan) -> pl.DataFrame:
    """The FOLDS table, with what each span holds."""
    window, rows = prepared.config.net.window, prepared.rows
    records = []
    for fold in prepared.folds:
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


def _check_models(config: Config) -> None:
    if HOLDING in config.models:
        raise ConfigError(f"models: {HOLDING} is what the strategies are compared with: give the model another name")
    unknown = [name for name in config.all_models if name not in MODELS]
    if unknown:
        raise ConfigError(f"models: unknown {', '.join(unknown)}: it may be one of {', '.join(MODELS)}")


def _check_features(features: pl.DataFrame, names: Sequence[str]) -> None:
    """ConfigError where a feature has no value at all, as `volume_norm` of bars without volume."""
    empty = [name for name in names if features[name].null_count() == features.height]
    if empty:
        raise ConfigError(
            f"features: {', '.join(empty)} has no value in any row of these bars (no volume, or too few bars?): "
            "leave it out, or use bars that have what it reads"
        )


def _check_spans(rows: Panel, folds: Sequence[Fold], window: int) -> None:
    """ConfigError where a fold has nothing to learn from, or nothing to stop by."""
    for fold in folds:
        spans = dict(zip(("training", "validation"), learning_windows(rows, fold, window), strict=True))
        for name, windows in spans.items():
            if not len(windows):
                raise ConfigError(
                    f"fold {fold.index}: its {name} span holds no whole window of {window} rows with a known target: "
                    f"lengthen folds.first_train or folds.validation, or shorten net.window"
                )
