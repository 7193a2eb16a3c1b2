"""From settings to everything that a walk needs: dataset, features, rows, folds and tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import polars as pl

from backtest.data.dataset import Dataset
from backtest.data.durations import parse_duration
from backtest.data.errors import ConfigError
from backtest.data.losses import LOSSES
from backtest.data.names import BEST, HOLDING
from backtest.data.run_files import json_bytes, sha256
from backtest.data.schema import BARS, FEATURES, check
from backtest.data.target_columns import QUARTICITY
from backtest.data.targets import LOG_VARIANCE_OF, target_of
from backtest.evaluation.metrics import METRICS
from backtest.features import plugins
from backtest.features.catalog import Resolved, resolve
from backtest.features.pipeline import build_features, load_external
from backtest.models import MODELS
from backtest.models.volatility import CALENDAR_DAYS, TRADING_DAYS
from backtest.models.windows import Panel, panel
from backtest.significance.table import TESTS
from backtest.walk.config import Config
from backtest.walk.config_file import LoadedConfig
from backtest.walk.folds import Fold, final_fold, roll
from backtest.walk.tasks import Task, definitions_of, learning_windows, plan_tasks


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
        """SHA-256 of what tells one trial from another on the same bars: settings, code of plugins and notebooks."""
        code = [sha256(path.read_bytes()) for path in self.plugin_files]
        functions = [one.function for one in self.resolved] + [MODELS[name].make for name in self.config.all_models]
        functions += [self.config.resolved_question.about.outcome, LOSSES[self.config.resolved_question.loss]]
        typed_in = [each for each in functions if getattr(each, "__module__", "") == "__main__"]
        code += [sha256("\n".join(definitions_of(each)).encode()) for each in typed_in]
        return sha256(json_bytes([self.config.trial_digest, *code]))


def load_dataset(config: Config, config_dir: Path | None = None, features: Sequence[Resolved] = ()) -> Dataset:
    """Read the configured bars, made of finer ones where settings say so; ConfigError for bars of another interval.

    Columns of a file beyond those of bars are read where the target or one of the `features` needs them.
    A relative source is looked up in `config_dir` first, then in the working directory.
    """
    source, symbol, interval = config.data.source, config.data.symbol, config.source_interval
    found = config_dir and source and not Path(source).is_absolute() and any(config_dir.glob(source))
    columns = columns_of(config, features)
    read = Dataset.from_source(config_dir / source if config_dir and found else source, symbol, interval, columns)
    return _with_realised_variance(config, read)


def columns_of(config: Config, features: Sequence[Resolved]) -> dict[str, str]:
    """Return the columns that target and features read beyond those of bars: what each is called, its name in the file.

    Those with a dot belong to external series.
    """
    read = [*target_of(config.target.kind).reads, *(name for one in features for name in one.requires)]
    known = {column.name for column in BARS.columns}
    columns = {name: name for name in read if name not in known and "." not in name}
    return columns | ({QUARTICITY: config.target.quarticity} if config.target.quarticity else {})


def _with_realised_variance(config: Config, dataset: Dataset) -> Dataset:
    """Return bars of `data.interval` made of those that were read, where settings say so and it is still to be done."""
    if not (config.target.finer and config.data.interval) or dataset.finer:
        return dataset
    return dataset.realised(parse_duration(config.data.interval), overnight=config.target.overnight)


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
    _check_target(config.target.kind)
    _check_models(config)
    resolved = resolve(config.features)  # a mistake in their names shows before the bars are read
    dataset = _with_realised_variance(config, dataset) if dataset else load_dataset(config, loaded.config_dir, resolved)
    if not dataset.external:
        dataset = dataset.with_external(load_external(resolved, config.target.kind))
    _check_variances(config, dataset)
    loaded = replace(loaded, config=with_har_lags(config, dataset))
    config = loaded.config
    features, rows = feature_rows(config, dataset, resolved)
    _check_features(features, rows.names)
    _check_measures(config, dataset, rows)
    longest, interval, times = config.target.longest, dataset.interval, features["time"].unique().sort()
    folds = tuple(roll(times, config.folds, horizon=longest, interval=interval))
    final = final_fold(times, config.folds, horizon=longest, interval=interval, index=len(folds))
    _check_spans(rows, (*folds, final), config.net.window)
    tasks = plan_tasks(config, rows, (*folds, final), plugin_files)
    return WalkPlan(loaded, dataset, resolved, features, rows, folds, final, tuple(tasks), plugin_files)


def _check_models(config: Config) -> None:
    if HOLDING in config.models:
        raise ConfigError(f"models: {HOLDING} is what the strategies are compared with: give the model another name")
    if BEST in config.models:
        raise ConfigError(f"models: {BEST} is the rival that is the best of the baselines: give the model another name")
    rival = config.resolved_question.rival
    if rival not in {BEST, *MODELS}:
        raise ConfigError(f"question.rival: unknown {rival}: it may be {BEST}, or one of {', '.join(MODELS)}")
    unknown = [name for name in config.all_models if name not in MODELS]
    if unknown:
        raise ConfigError(f"models: unknown {', '.join(unknown)}: it may be one of {', '.join(MODELS)}")
    scale = target_of(config.target.kind).scale
    others = [name for name in config.all_models if MODELS[name].scale not in {"any", scale}]
    if others:
        fitting = [name for name, model in MODELS.items() if model.scale in {"any", scale}]
        raise ConfigError(
            f"models: {', '.join(others)} cannot forecast {config.target.kind}: choose from {', '.join(fitting)}"
        )


def _check_measures(config: Config, dataset: Dataset, rows: Panel) -> None:
    """ConfigError where a model needs a measure of bars that these have not."""
    measures = {
        "returns": ("close" in dataset.bars.columns, "prices", "use a file that has them"),
        "quarticities": (
            rows.quarticities is not None,
            "the realised quarticity of each bar",
            "name its column in target.quarticity, or set target.from, which makes it of finer bars",
        ),
    }
    for measure, (known, title, remedy) in measures.items():
        lacking = [name for name in config.all_models if measure in MODELS[name].needs]
        if lacking and not known:
            raise ConfigError(
                f"models: {', '.join(lacking)}: expected {title} (got bars without): {remedy}, or leave the model out"
            )


def _check_target(kind: str) -> None:
    """ConfigError where a target, as one of a plugin may, names metrics or tests that nobody knows."""
    target = target_of(kind)
    tables = (("metrics", target.metrics, [*METRICS, "skill"]), ("tests", target.tests, TESTS))
    for field, names, known in tables:
        if unknown := [name for name in names if name not in known]:
            raise ConfigError(
                f"target {kind}: {field}: unknown {', '.join(unknown)}: it may be one of {', '.join(known)}"
            )


def _check_variances(config: Config, dataset: Dataset) -> None:
    """ConfigError where a column of variances or quarticities from the file has none in some row, or a negative one."""
    kind, column = config.target.kind, config.target.kind.removeprefix(LOG_VARIANCE_OF)
    if column == kind or dataset.finer:
        return
    measures = (
        (f"target.kind: {kind}", "variance", column, column),
        ("target.quarticity", "quarticity", QUARTICITY, config.target.quarticity),
    )
    for setting, measure, name, called in measures:
        if name not in dataset.bars.columns:
            continue
        wrong = dataset.bars.filter(pl.col(name).is_null() | (pl.col(name) < 0))
        if wrong.height:
            raise ConfigError(
                f"{setting}: expected a {measure} of at least 0 in every row of {called} (got {wrong[name][0]} at "
                f"{wrong['time'][0]:%Y-%m-%d %H:%M}, in all {wrong.height:,} such rows): correct or delete the rows, "
                "or name another column"
            )


def with_har_lags(config: Config, dataset: Dataset) -> Config:
    """Return settings that say which lags HAR takes for a variance where none are set.

    A day, a week and a month of daily bars: 1, 5 and 22, or 1, 7 and 30 where the market never closes. Bars within a
    day take 1, 5 and 22 bars, for which no calendar speaks. ConfigError where the window cannot hold the longest.
    """
    if target_of(config.target.kind).scale != "variance":
        return config
    never_closes = dataset.always_open and dataset.interval == timedelta(days=1)
    lags = config.net.har_lags or (CALENDAR_DAYS if never_closes else TRADING_DAYS)
    if max(lags) > config.net.window:
        raise ConfigError(
            f"net.window: must be at least {max(lags)}, the longest lag of HAR (got {config.net.window}): lengthen it, "
            f"or set net.har_lags, such as {[lag for lag in lags if lag <= config.net.window]}"
        )
    return config.model_copy(update={"net": config.net.model_copy(update={"har_lags": lags})})


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
