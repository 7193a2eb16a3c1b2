"""What can be wrong with a walk before its first fit, each with a message that says what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from importlib.util import find_spec
from itertools import product

import numpy as np
import polars as pl

from backtest.data.combinations import COMBINATIONS
from backtest.data.dataset import Dataset
from backtest.data.durations import format_duration
from backtest.data.errors import ConfigError
from backtest.data.losses import LOSSES, metric_of
from backtest.data.names import BEST, HOLDING
from backtest.data.target_columns import QUARTICITY
from backtest.data.targets import LOG_VARIANCE_OF, target_of
from backtest.evaluation.metrics import METRICS
from backtest.models.windows import Floats, Panel, microseconds
from backtest.significance.table import TESTS
from backtest.walk.config import Config
from backtest.walk.folds import Fold
from backtest.walk.model_settings import kind_of
from backtest.walk.tasks import learning_windows


def check_models(config: Config) -> None:
    """ConfigError where a model or the rival is unknown, cannot forecast the target, or has a name that is taken."""
    if HOLDING in config.models:
        raise ConfigError(f"models: {HOLDING} is what the strategies are compared with: give the model another name")
    if BEST in config.models:
        raise ConfigError(f"models: {BEST} is the rival that is the best of the baselines: give the model another name")
    question, every = config.resolved_question, config.known_models
    fitting = [name for name, model in every.items() if model.scale in {"any", question.about.scale}]
    settings = {
        "question.rival": ((question.rival,), (BEST, *fitting)),
        "question.baselines": (question.baselines, fitting),
        "models": (config.all_models, fitting),
        "model": (tuple(config.model), (*every,)),
        "tune": (tuple(config.tune), (*every,)),
    }
    for setting, (names, known) in settings.items():
        if unknown := [kind_of(name, config.model) for name in names if name not in {*known, *every}]:
            raise ConfigError(f"{setting}: unknown {', '.join(unknown)}: it may be one of {', '.join(known)}")
        if others := [name for name in names if name not in known]:
            raise ConfigError(
                f"{setting}: {', '.join(others)} cannot forecast {config.target.kind}: choose from {', '.join(known)}"
            )
    check_combinations(config)
    for name, entry in config.entries.items():
        package = entry.model.package
        if package and find_spec(package) is None:
            raise ConfigError(
                f"models: {name}: expected the package {package} (got an environment without it): "
                f"pip install 'beatzero[{package}]'"
            )
    if question.rival == BEST and not {*config.all_models} - {*question.references}:
        raise ConfigError(
            f"models: expected one to be judged against the best of the baselines (got baselines alone, "
            f"{', '.join(config.models)}): add a model, or name one baseline as question.rival"
        )


def check_combinations(config: Config) -> None:
    """ConfigError where a combination is unknown, is called as a model, or has too few candidates to be made of."""
    for name in config.combine:
        if name not in COMBINATIONS:
            raise ConfigError(f"combine: unknown {name}: it may be some of {', '.join(COMBINATIONS)}")
        if name in config.known_models:
            raise ConfigError(f"models: {name} is a combination of models: give the model another name")
        fewest, members = COMBINATIONS[name].fewest, config.candidates
        if len(members) < fewest:
            raise ConfigError(
                f"combine: {name}: expected {fewest} candidates or more to combine (got "
                f"{', '.join(members) or 'none'}; baselines are none): add models, or leave it out"
            )
    if len({*config.combine}) < len(config.combine):
        raise ConfigError(f"combine: expected each once (got {', '.join(config.combine)})")


def check_measures(config: Config, dataset: Dataset, rows: Panel) -> None:
    """ConfigError where a model needs a measure of bars that these have not."""
    asked, out, every = config.question, "leave it out", config.known_models
    named = {
        "question.rival": ((asked.rival,), "name another rival"),
        "question.baselines": (asked.baselines or (), out),
        "models": (config.all_models, out),
    }
    measures = {
        "returns": ("close" in dataset.bars.columns, "prices", "use a file that has them"),
        "quarticities": (
            rows.quarticities is not None,
            "the realised quarticity of each bar",
            "name its column in target.quarticity, or set target.from, which makes it of finer bars",
        ),
    }
    for (measure, (known, title, remedy)), (setting, (names, otherwise)) in product(measures.items(), named.items()):
        lacking = [name for name in names if name in every and measure in every[name].needs]
        if lacking and not known:
            raise ConfigError(
                f"{setting}: {', '.join(lacking)}: expected {title} (got bars without): {remedy}, or {otherwise}"
            )


def check_outcomes(config: Config, features: pl.DataFrame) -> None:
    """ConfigError where an outcome lies outside of the bounds that its target declares."""
    question = config.resolved_question
    low, high = question.about.bounds
    for column in question.outcomes.values():
        outcomes = features.select("time", y=pl.col(column).cast(pl.Float64))
        wrong = outcomes.filter(pl.col("y").is_finite(), ~pl.col("y").is_between(low, high))
        if wrong.height:
            raise ConfigError(
                f"target.kind: {question.target}: expected outcomes from {low:g} to {high:g} (got {wrong['y'][0]:g} at "
                f"{wrong['time'][0]:%Y-%m-%d %H:%M}, in all {wrong.height:,} such rows): correct the bars or the "
                "function of the target, or widen its bounds"
            )


def check_target(kind: str) -> None:
    """ConfigError where a target, as one of a plugin may, names metrics or tests that nobody knows."""
    target = target_of(kind)
    tables = (("metrics", target.metrics, [*METRICS, *map(metric_of, LOSSES), "skill"]), ("tests", target.tests, TESTS))
    for field, names, known in tables:
        if unknown := [name for name in names if name not in known]:
            raise ConfigError(
                f"target {kind}: {field}: unknown {', '.join(unknown)}: it may be one of {', '.join(known)}"
            )


def check_variances(config: Config, dataset: Dataset) -> None:
    """ConfigError where a column of variances or quarticities from the file has none in some row, or a negative one."""
    kind, column = config.target.kind, config.target.kind.removeprefix(LOG_VARIANCE_OF)
    if column == kind or dataset.finer:
        return
    _check_pace(kind, column, dataset)
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


def _check_pace(kind: str, column: str, dataset: Dataset) -> None:
    """ConfigError where an external series publishes less often than bars close: outcomes would be known values."""
    series = dataset.external.get(column.partition(".")[0]) if "." in column else None
    if series is None:
        return
    order = [name for name in ("symbol",) if name in series.columns]
    steps = series.sort(*order, "known_at").select(
        pl.col("known_at").diff().over(order) if order else pl.col("known_at").diff()
    )
    usual = steps["known_at"].drop_nulls().median()
    if isinstance(usual, timedelta) and usual > dataset.interval:
        raise ConfigError(
            f"target.kind: {kind}: expected a value for every bar of {format_duration(dataset.interval)} (got one in "
            f"{format_duration(usual)}): the value in force would be forecast again and again, though it is known; "
            "use bars of the interval of the series"
        )


def check_features(features: pl.DataFrame, names: Sequence[str]) -> None:
    """ConfigError where a feature has no value at all, as `volume_norm` of bars without volume."""
    empty = [name for name in names if features[name].null_count() == features.height]
    if empty:
        raise ConfigError(
            f"features: {', '.join(empty)} has no value in any row of these bars (no volume, or too few bars?): "
            "leave it out, or use bars that have what it reads"
        )


def check_spans(rows: Panel, folds: Sequence[Fold], window: int) -> None:
    """ConfigError where a fold has nothing to learn from, or nothing to stop by, naming what is null there."""
    for fold in folds:
        spans = ("training", "folds.first_train", fold.train), ("validation", "folds.validation", fold.validation)
        for (name, setting, span), windows in zip(spans, learning_windows(rows, fold, window), strict=True):
            if len(windows):
                continue
            inside = (rows.time >= microseconds(span.start)) & (rows.time < microseconds(span.end))
            nulls = {what: int(np.isnan(column[inside]).sum()) for what, column in _nullable(rows)}
            worst = max(nulls, key=lambda what: nulls[what])
            found, remedy = f"{int(inside.sum())} rows, none with a null", f"lengthen {setting}, or shorten net.window"
            if nulls[worst]:
                found = f"{worst} is null in {nulls[worst]} of {int(inside.sum())} rows"
                remedy += f", or use bars that have what {worst} is made of"
            raise ConfigError(
                f"fold {fold.index}: its {name} span holds no whole window of {window} rows with a known target (got "
                f"{found}): {remedy}"
            )


def _nullable(rows: Panel) -> Iterator[tuple[str, Floats]]:
    """Columns (rows,) of which one that is null leaves no window, or no outcome, by what a reader calls them."""
    yield from zip((f"the feature {name}" for name in rows.names), rows.features.T, strict=True)
    if rows.variances is not None:
        yield "the variance of a bar", rows.variances
    if rows.quarticities is not None:
        yield "the quarticity of a bar", rows.quarticities
    for place, horizon in enumerate(rows.horizons):
        yield f"the outcome over {horizon} bars", rows.targets[:, place]
