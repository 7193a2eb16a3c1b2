"""A feature under test, in whatever form it is given, as a function from bars and series to a table."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from backtest.audit.lookback import Lookback
from backtest.audit.recompute import BuildFeatures, Series, feature_builder
from backtest.data.errors import ConfigError
from backtest.data.schema import UTC_TIME
from backtest.data.sessions import interval_of
from backtest.features.catalog import FEATURES, Spec, resolve
from backtest.features.external import checked, join
from backtest.features.pipeline import load_external

Feature = Spec | pl.Expr | Callable[..., Any]
"""A name from the settings, an expression, a function that returns expressions, or a function of the bars."""


@dataclass(frozen=True, slots=True)
class FeatureUnderTest:
    """Computes keys and columns of a feature; its look-back, if that is known, and the series that it reads."""

    compute: BuildFeatures
    lookback: Lookback | None
    external: Series
    interval: timedelta


def feature_under_test(
    feature: Feature, bars: pl.DataFrame, lookback: int | None, tolerance: float, external: Series | None
) -> FeatureUnderTest:
    """Return the feature under test; ConfigError where it is none, or the bars or the look-back are invalid."""
    check_bars(bars)
    interval = interval_of(_with_symbol(bars))
    declares = _declared_lookback(lookback, tolerance)
    series = {name: checked(name, frame) for name, frame in (external or {}).items()}
    spec = _catalog_spec(feature)
    if spec is not None:
        (declared,) = resolve([spec])
        build = feature_builder(_with_symbol(bars), [spec], interval, kind=None)
        columns = ["symbol", "time", *declared.columns]
        declares = declares or Lookback(declared.lookback, declared.tolerance)
        own = load_external([declared]) if external is None else series
        return FeatureUnderTest(
            lambda changed, other: build(_with_symbol(changed), other).select(columns), declares, own, interval
        )
    name = getattr(feature, "__name__", "feature").strip("<>")

    def compute(changed: pl.DataFrame, series: Series) -> pl.DataFrame:
        """Values of a feature that is not in the catalog."""
        made: object = feature
        if callable(feature):
            made = feature(changed, **series) if _takes_bars(feature) else feature()
        if isinstance(made, pl.Expr | Mapping):
            changed = join(_with_symbol(changed).with_columns(known_at=pl.col("time") + interval), series)
        return _as_table(made, changed, name)

    return FeatureUnderTest(compute, declares, series, interval)


def check_bars(bars: object) -> None:
    """ConfigError unless bars are a table with `time`, sorted by symbol, if there are several, and time, each once."""
    if not isinstance(bars, pl.DataFrame) or bars.schema.get("time") != UTC_TIME:
        got = bars.schema.get("time", "no time") if isinstance(bars, pl.DataFrame) else type(bars).__name__
        raise ConfigError(
            f"bars: expected a polars DataFrame with time, {UTC_TIME} (got {got}): cast it; pl.from_pandas makes one"
        )
    keys = _with_symbol(bars).select("symbol", "time")
    if not keys.equals(keys.unique().sort("symbol", "time")):
        raise ConfigError(
            "bars: expected sorted by symbol and time, each bar once (got unsorted or duplicate bars): "
            "sort them and drop duplicates"
        )


def _declared_lookback(lookback: Any, tolerance: float) -> Lookback | None:
    """The look-back that the caller declares; ConfigError where it is invalid."""
    if not 0 <= tolerance < math.inf or (tolerance and lookback is None):
        raise ConfigError(
            "tolerance: must be a finite number of standard deviations, at least 0, and needs a `lookback` "
            f"(got {tolerance}, lookback {lookback})"
        )
    if lookback is None:
        return None
    if isinstance(lookback, bool) or not isinstance(lookback, int) or lookback < 0:
        raise ConfigError(f"lookback: must be a number of earlier bars, at least 0 (got {lookback!r})")
    return Lookback(lookback, tolerance)


def _with_symbol(bars: pl.DataFrame) -> pl.DataFrame:
    """Bars with a symbol, which bars of one instrument may lack."""
    return bars if "symbol" in bars.columns else bars.with_columns(symbol=pl.lit(""))


def _catalog_spec(feature: Feature) -> Spec | None:
    """The name of a feature that is in the catalog, or None."""
    if isinstance(feature, str) or (isinstance(feature, Mapping) and "name" in feature):
        return feature
    return next((name for name, entry in FEATURES.items() if entry.function is feature), None)


def _takes_bars(function: Callable[..., Any]) -> bool:
    """Whether a function cannot be called without an argument."""
    parameters = inspect.signature(function).parameters.values()
    return any(one.default is one.empty and one.kind is not one.VAR_KEYWORD for one in parameters)


def _as_table(made: object, bars: pl.DataFrame, name: str) -> pl.DataFrame:
    """What a feature returned, as a table with its keys."""
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
    values = made if isinstance(made, list | pl.DataFrame) else np.asarray(made)
    columns = values.get_columns() if isinstance(values, pl.DataFrame) else [pl.Series(name, values)]
    if len(columns[0]) != bars.height:
        raise ConfigError(
            f"{name}: expected one value for each of {bars.height} bars, or a table with `time` "
            f"(got {type(made).__name__} of {len(columns[0])}): return one of these, or an expression"
        )
    return bars.select(keys).with_columns(columns)
