"""The arguments of the public functions: typed settings, folds, bars from a source or a frame, and the plan of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack

import polars as pl

from backtest.data.dataset import Dataset
from backtest.data.errors import ConfigError
from backtest.data.reading.bars import Symbols
from backtest.data.reading.formats import NOTHING
from backtest.features.catalog import resolve
from backtest.walk.config_file import LoadedConfig, as_argument, build, load, load_plugins, merged, with_names
from backtest.walk.folds import FoldSettings
from backtest.walk.plan import WalkPlan, columns_of, plan_walk

if TYPE_CHECKING:
    import pandas as pd

Bars: TypeAlias = "str | Path | pl.DataFrame | pd.DataFrame"
"""A file, folder, glob or built-in name, or a data frame of bars with columns as a file has them."""

Size = int | str


class FoldSizes(TypedDict, total=False):
    """The settings of `[folds]`: sizes in bars, or in calendar time such as "365d"."""

    window: Literal["expanding", "rolling"]
    first_train: Size
    validation: Size
    test: Size
    step: Size | None
    gap: int | None
    refit_every: int


class Folds(FoldSettings):
    """How to cut the walk into folds: train | gap | validation | gap | test, again and again.

    Sizes are bars, or calendar time such as "365d". `bt.walk_forward` takes one as `folds`. Raises ConfigError for an
    unknown name or an impossible size.

    >>> import backtest as bt
    >>> bt.Folds(first_train="730d", validation="90d", test="84d").refit_every
    1
    >>> bt.Folds(first_train=500, tst=50)
    Traceback (most recent call last):
    backtest.data.errors.ConfigError: Folds: folds.tst: unknown setting: did you mean folds.test?
    """

    def __init__(self, **sizes: Unpack[FoldSizes]) -> None:
        build({"folds": sizes}, where="Folds")
        super().__init__(**sizes)


class Settings(TypedDict, total=False):
    """The settings of a run, by the names of the TOML file; what is left out has the same default as there."""

    name: str
    models: Sequence[str | Mapping[str, object]]
    combine: Sequence[str]
    features: Sequence[str | Mapping[str, object]]
    plugins: Sequence[str]
    seeds: int
    alpha: float
    multiplicity: str
    executor: str
    jobs: int | None
    data: Mapping[str, object]
    series: Mapping[str, Mapping[str, object]]
    context: Mapping[str, object]
    target: str | Mapping[str, object]
    question: Mapping[str, object]
    folds: Folds | FoldSizes
    net: Mapping[str, object]
    train: Mapping[str, object]
    model: Mapping[str, Mapping[str, object]]
    tune: Mapping[str, Mapping[str, object]]
    costs: Mapping[str, object]


def dataset_of(
    bars: Bars, symbol: Symbols = None, interval: str | None = None, columns: Mapping[str, str] = NOTHING
) -> Dataset:
    """The data of a source or a frame, with further columns of it."""
    if isinstance(bars, str | Path):
        return Dataset.from_source(bars, symbol, interval, columns)
    return Dataset.from_frame(bars, symbol, interval, columns)


def plan_of(bars: Bars | None, config: str | Path | None, preset: str | None, settings: Mapping[str, Any]) -> WalkPlan:
    """Read the bars and plan the walk; what `settings` names replaces what `config` or `preset` says."""
    if config is not None and preset is not None:
        raise ConfigError(f"config: expected either config or preset (got {config} and {preset}): leave one out")
    base = load(str(config or preset)) if config or preset else None
    tree: dict[str, Any] = base.config.model_dump(exclude_unset=True) if base else {}
    for name, value in with_names(settings, "settings").items():
        if isinstance(value, Folds):
            tree[name] = value.model_dump()
        else:
            tree = merged(tree, {name: {"kind": value} if name == "target" and isinstance(value, str) else value})
    named = isinstance(bars, str | Path)
    if named:
        tree["data"] = {**tree.get("data", {}), "source": str(bars)}
    config_dir = base.config_dir if base else None
    load_plugins(tree, config_dir)
    loaded = LoadedConfig(build(tree, where="settings", spelt=as_argument), config_dir)
    if named or bars is None:
        return plan_walk(loaded)
    symbol, interval = loaded.config.data.chosen, loaded.config.source_interval
    return plan_walk(
        loaded, dataset_of(bars, symbol, interval, columns_of(loaded.config, resolve(loaded.config.features)))
    )


def call_of(bars: Bars | None, config: str | Path | None, settings: Mapping[str, object]) -> str:
    """The call that made a run, for its manifest."""
    named = {**({"config": str(config)} if config is not None else {}), **settings}
    first = [] if bars is None else [repr(str(bars)) if isinstance(bars, str | Path) else "bars"]
    parts = [*first, *(f"{name}={value!r}" for name, value in named.items())]
    return f"bt.walk_forward({', '.join(parts)})"
