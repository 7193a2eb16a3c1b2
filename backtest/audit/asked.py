"""What a person hands over as a feature, in whatever form, as a function from bars and series to a table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from backtest.audit.rebuild import Rebuild, Series, rebuild_of
from backtest.audit.warmup import Memory
from data.errors import ConfigError
from data.gaps import interval_of
from features.catalog import FEATURES, Spec, resolve
from features.external import join
from features.pipeline import series_of

Feature = Spec | pl.Expr | Callable[..., Any]
"""A name from the settings, an expression, a function that returns expressions, or one of the bars."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about: its values (keys and columns), what it remembers, if that is known, and what it reads."""

    compute: Rebuild
    memory: Memory | None
    external: Series


def asked(
    feature: Feature, bars: pl.DataFrame, lookback: int | None, tolerance: float, external: Series | None
) -> Question:
    """Return the question about a feature; ConfigError where nobody can tell what it is."""
    if lookback is None and tolerance:
        raise ConfigError(f"tolerance: expected with a lookback, beyond which it is allowed (got {tolerance} alone)")
    memory = None if lookback is None else Memory(lookback, tolerance)
    spec = _spec(feature)
    if spec is not None:
        (declared,) = resolve([spec])
        rebuild = rebuild_of(bars, [spec], interval_of(bars))
        columns = ["symbol", "time", *declared.columns]
        memory = memory or Memory(declared.lookback, declared.tolerance)
        series = series_of([spec]) if external is None else external
        return Question(lambda changed, other: rebuild(changed, other).select(columns), memory, series)
    name, interval = getattr(feature, "__name__", "feature").strip("<>"), interval_of(bars)

    def compute(changed: pl.DataFrame, series: Series) -> pl.DataFrame:
        """Values of a feature that is not in the table."""
        made: object = feature
        if callable(feature):
            made = feature(changed, **series) if _takes_bars(feature) else feature()
        if isinstance(made, pl.Expr | Mapping):
            changed = join(changed.with_columns(known_at=pl.col("time") + interval), series)
        return _table(made, changed, name)

    return Question(compute, memory, external or {})


def _spec(feature: Feature) -> Spec | None:
    """The name of a feature that is in the table, or None."""
    if isinstance(feature, str) or (isinstance(feature, Mapping) and "name" in feature):
        return feature
    return next((name for name, entry in FEATURES.items() if entry.function is feature), None)


def _takes_bars(function: Callable[..., Any]) -> bool:
    """Whether a function cannot be called without an argument."""
    parameters = inspect.signature(function).parameters.values()
    return any(one.default is one.empty and one.kind is not one.VAR_KEYWORD for one in parameters)


def _table(made: object, bars: pl.DataFrame, name: str) -> pl.DataFrame:
    """What a feature returned, as a table with the keys of its rows."""
    keys = [key for key in ("symbol", "time") if key in bars.columns]
    if isinstance(made, pl.Expr):
        made = {"": made}
    if isinstance(made, Mapping):
        named = {f"{name}_{suffix}" if suffix else name: expr for suffix, expr in made.items()}
        several = "symbol" in keys and bars["symbol"].n_unique() > 1
        return bars.select(*keys, **{name: expr.over("symbol") if several else expr for name, expr in named.items()})
    if isinstance(made, pl.LazyFrame):
        made = made.collect()
    if isinstance(made, pl.DataFrame) and "time" in made.columns:
        return made
    columns = made.get_columns() if isinstance(made, pl.DataFrame) else [pl.Series(name, np.asarray(made))]
    if len(columns[0]) != bars.height:
        raise ConfigError(
            f"{name}: expected one value for each of {bars.height} bars, or a table with `time` "
            f"(got {type(made).__name__} of {len(columns[0])}): return one of these, or an expression"
        )
    return bars.select(keys).with_columns(columns)
