"""From settings to everything that a walk needs: dataset, features, rows, folds and tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import polars as pl

from backtest.data.dataset import Dataset
from backtest.data.durations import parse_duration
from backtest.data.errors import ConfigError
from backtest.data.losses import LOSSES
from backtest.data.run_files import json_bytes, sha256
from backtest.data.schema import BARS, FEATURES, check
from backtest.data.target_columns import QUARTICITY
from backtest.data.targets import target_of
from backtest.features import plugins
from backtest.features.catalog import Resolved, resolve
from backtest.features.pipeline import build_features, load_external
from backtest.models.volatility import CALENDAR_DAYS, TRADING_DAYS
from backtest.models.windows import Panel, panel
from backtest.walk.config import Config
from backtest.walk.config_file import LoadedConfig
from backtest.walk.folds import Fold, final_fold, roll
from backtest.walk.plan_checks import (
    check_features,
    check_measures,
    check_models,
    check_outcomes,
    check_spans,
    check_target,
    check_variances,
)
from backtest.walk.sources import located, outside_series
from backtest.walk.tasks import Task, definitions_of, plan_tasks


@dataclass(frozen=True, slots=True)
class WalkPlan:
    """Everything about a walk before its first fit.

    `resolved` are the configured features with their expressions, `features` is their FEATURES table and `rows` the
    same as arrays. `final` is the fit on all bars after the walk: a fold without a test span, whose number follows the
    last. `plugin_files` are the code of the plugins.
    """

    loaded: LoadedConfig
    dataset: Dataset
    resolved: tuple[Resolved, ...]
    features: pl.DataFrame
    rows: Panel
    folds: tuple[Fold, ...]
    final: Fold
    tasks: tuple[Task, ...]
    plugin_files: tuple[Path, ...]

    @property
    def config(self) -> Config:
        """The settings."""
        return self.loaded.config

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the features."""
        return self.rows.names

    @property
    def trial(self) -> str:
        """SHA-256 of what tells one trial from another on the same bars.

        Settings, code of plugins and notebooks, and what outside series hold.
        """
        code = [sha256(path.read_bytes()) for path in self.plugin_files]
        functions: list[Callable[..., object]] = [one.function for one in self.resolved]
        functions += dict.fromkeys(entry.model.make for entry in self.config.entries.values())
        question = self.config.resolved_question
        functions += [question.about.outcome, LOSSES[question.loss].function]
        typed_in = [each for each in functions if getattr(each, "__module__", "") == "__main__"]
        code += [sha256("\n".join(definitions_of(each)).encode()) for each in typed_in]
        return sha256(json_bytes([self.config.trial_digest, *code, *self.dataset.external_sums.items()]))


def load_dataset(config: Config, config_dir: Path | None = None, features: Sequence[Resolved] = ()) -> Dataset:
    """Read the configured bars, made of finer ones where settings say so; ConfigError for bars of another interval.

    Columns of a file beyond those of bars are read where the target or one of the `features` needs them.
    A relative source is looked up in `config_dir` first, then in the working directory.
    """
    source, columns = located(config.data.source, config_dir), columns_of(config, features)
    read = Dataset.from_source(source, config.data.chosen, config.source_interval, columns)
    return _with_realised_variance(config, read)


def with_series(config: Config, dataset: Dataset, features: Sequence[Resolved], config_dir: Path | None) -> Dataset:
    """Return the dataset with the outside series that features and target read, of settings and of plugins."""
    files = outside_series(config, config_dir, dataset.interval)
    return dataset.with_external(load_external(features, config.target.kind, files))


def columns_of(config: Config, features: Sequence[Resolved]) -> dict[str, str]:
    """Return the columns that target and features read beyond those of bars: what each is called, its name in the file.

    Those with a dot belong to external series.
    """
    read = [*target_of(config.target.kind).columns, *(name for one in features for name in one.requires)]
    known = {column.name for column in BARS.columns}
    columns = {name: name for name in read if name not in known and "." not in name}
    return columns | ({QUARTICITY: config.target.quarticity} if config.target.quarticity else {})


def _with_realised_variance(config: Config, dataset: Dataset) -> Dataset:
    """Return bars of `data.interval` made of those that were read, where settings say so and it is still to be done."""
    if not (config.target.finer and config.data.interval) or dataset.finer:
        return dataset
    interval, target = parse_duration(config.data.interval), config.target
    return dataset.realised(interval, overnight=target.overnight, coverage=target.coverage)


def feature_rows(config: Config, dataset: Dataset, features: Sequence[Resolved]) -> tuple[pl.DataFrame, Panel]:
    """Return FEATURES of a dataset, and the same as arrays."""
    horizons, kind = config.target.horizons, config.target.kind
    table = check(build_features(dataset, features, horizons=horizons, kind=kind), FEATURES)
    return table, panel(table, [name for feature in features for name in feature.columns], horizons, kind)


def plan_walk(loaded: LoadedConfig, dataset: Dataset | None = None) -> WalkPlan:
    """Read the bars, compute the features, cut the folds and plan the tasks; every problem with them shows here.

    A given `dataset` is used instead of reading `data.source`, and its own source then stands in the settings.
    """
    if dataset is not None:
        data = loaded.config.data.model_copy(update={"source": dataset.source})
        loaded = replace(loaded, config=loaded.config.model_copy(update={"data": data}))
    config = loaded.config
    plugin_files = plugins.load(config.plugins, loaded.config_dir)
    check_target(config.target.kind)
    check_models(config)
    resolved = resolve(config.features)  # a mistake in their names shows before the bars are read
    dataset = _with_realised_variance(config, dataset) if dataset else load_dataset(config, loaded.config_dir, resolved)
    if not dataset.external:
        dataset = with_series(config, dataset, resolved, loaded.config_dir)
    check_variances(config, dataset)
    loaded = replace(loaded, config=with_har_lags(config, dataset))
    config = loaded.config
    features, rows = feature_rows(config, dataset, resolved)
    check_features(features, rows.names)
    check_measures(config, dataset, rows)
    check_outcomes(config, features)
    longest, interval, times = config.target.longest, dataset.interval, features["time"].unique().sort()
    folds = tuple(roll(times, config.folds, horizon=longest, interval=interval))
    final = final_fold(times, config.folds, horizon=longest, interval=interval, index=len(folds))
    check_spans(rows, (*folds, final), config.net.window)
    tasks = plan_tasks(config, rows, (*folds, final), plugin_files)
    return WalkPlan(loaded, dataset, resolved, features, rows, folds, final, tuple(tasks), plugin_files)


def with_har_lags(config: Config, dataset: Dataset) -> Config:
    """Return settings that say which lags HAR takes for a variance where none are set.

    A day, a week and a month of daily bars: 1, 5 and 22, or 1, 7 and 30 where the market never closes. Bars within a
    day take 1, 5 and 22 bars, for which no calendar speaks. ConfigError where the window cannot hold the longest.
    """
    if target_of(config.target.kind).scale != "variance":
        return config
    never_closes = dataset.always_open and dataset.interval == timedelta(days=1)
    usual = config.net.har_lags or (CALENDAR_DAYS if never_closes else TRADING_DAYS)
    config = config.model_copy(update={"net": config.net.model_copy(update={"har_lags": usual})})
    for lags in (usual, *(one.net.har_lags or () for entry in config.entries.values() for one in entry.variants)):
        if max(lags, default=0) > config.net.window:
            raise ConfigError(
                f"net.window: must be at least {max(lags)}, the longest lag of HAR (got {config.net.window}): lengthen "
                f"it, or set net.har_lags, such as {[lag for lag in lags if lag <= config.net.window]}"
            )
    return config
