"""The table MODELS, and the decorator that fills it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal, TypeVar

from backtest.data.errors import ConfigError
from backtest.data.names import Scale
from backtest.models.forecaster import Forecaster, complete
from backtest.models.settings import ModelSettings, NetSettings, TrainSettings

Make = Callable[..., Forecaster]
TABLES: dict[str, type[ModelSettings]] = {"net": NetSettings, "train": TrainSettings}
"""The settings that models share, by the argument of a factory that takes them."""

SHARED = frozenset(field for table in TABLES.values() for field in table.model_fields) - {"window"}
"""Their fields, but for the window, which is that of all models."""

RESERVED = {"name", "as", "window"}
"""What no field of a model's own settings may be called: it has another meaning in the table of a model."""

ModelScale = Scale | Literal["any"]
Measure = Literal["returns", "quarticities"]
Factory = TypeVar("Factory", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of MODELS: how to make the forecaster from (net, train, seed, settings), and how it takes part.

    A `seeded` model is fitted once for each seed, any other once; a `baseline` is what the others are compared with.
    One that is `multi_horizon` is fitted once for all horizons, to outcomes (n, H); any other once for each of them
    (`models.horizons`). `scale` says what it forecasts: any target (`models.scales` turns that into what the target
    needs), or those of one scale alone: returns, variances, from the variances of the bars, or probabilities.
    `needs` are the measures of bars that not every walk has: `returns`, `quarticities`; `package` is one that has to be
    installed beside Beatzero, and the name of the extra that brings it. `bounded` says whether its
    forecasts are held to what was known when they were made (`models.filters`), as the factory's own attribute says.
    `settings` are the model's own, None where it has none; without any, `make` takes their defaults. `reads` are the
    fields of NetSettings and TrainSettings that can change its forecasts.
    """

    name: str
    make: Make
    seeded: bool
    baseline: bool
    doc: str = field(repr=False)
    scale: ModelScale = "any"
    needs: tuple[Measure, ...] = ()
    multi_horizon: bool = False
    bounded: bool = False
    settings: type[ModelSettings] | None = None
    reads: frozenset[str] = SHARED
    package: str = ""


MODELS: dict[str, Model] = {}


def model(
    name: str,
    *,
    seeded: bool = False,
    baseline: bool = False,
    scale: ModelScale = "any",
    needs: tuple[Measure, ...] = (),
    multi_horizon: bool = False,
    settings: type[ModelSettings] | None = None,
    reads: Iterable[str] | None = None,
    package: str = "",
) -> Callable[[Factory], Factory]:
    """Register a class or a function that makes a forecaster in MODELS under `name`.

    It may take any of `net` (NetSettings), `train` (TrainSettings) and `seed` (int), or nothing, and `settings` where
    the model brings its own, a ModelSettings. The forecaster needs `fit(train, validation)` and `predict(windows)`;
    `forecaster.complete` adds the rest. It meets one horizon at a time, unless it is `multi_horizon`: then `train.y` is
    (n, H) where a run has several, and so are its forecasts. `reads` names the fields of `net` and `train` that it
    reads, besides the window; it is given the defaults of all others. None: every field of what it takes. A fit is
    reused where none of those that it reads has changed.
    Raises ConfigError where the name holds a colon or is taken by another factory, the factory needs other arguments,
    or the settings cannot be used.

    >>> import backtest as bt
    >>> import numpy as np
    >>> @bt.model("median")
    ... class Median:
    ...     def fit(self, train, validation):
    ...         self.median = float(np.median(train.y))
    ...     def predict(self, windows):
    ...         return np.full(len(windows), self.median)
    >>> bt.check_forecaster(Median)
    """

    def register(factory: Factory) -> Factory:
        if ":" in name:
            raise ConfigError(f"model {name!r}: expected a name without a colon, which parts run and model elsewhere")
        known = MODELS.get(name)
        if known and (known.make.__module__, known.make.__qualname__) != (factory.__module__, factory.__qualname__):
            taken = f"{known.make.__module__}.{known.make.__qualname__}"
            raise ConfigError(f"model {name!r}: the name is taken by {taken}: choose another name")
        doc = (factory.__doc__ or "").strip().partition("\n")[0]
        takes_part = scale, needs, multi_horizon, getattr(factory, "bounded", False)
        make = maker(factory, name, settings)
        own = settings, _read(factory, name, reads), package
        MODELS[name] = Model(name, make, seeded, baseline, doc, *takes_part, *own)
        return factory

    return register


def maker(factory: Callable[..., Any], name: str, kind: type[ModelSettings] | None = None) -> Make:
    """Return `(net, train, seed, settings) -> Forecaster` from a factory that takes some of these by name.

    `kind` are the settings that the model brings; a factory may also take the first three by place. Raises ConfigError.
    """
    named, required = _parameters(factory)
    known = {*TABLES, "seed"} | ({"settings"} if kind else set())
    by_name = {*required} <= known & {*named}
    if (kind and "settings" not in named) or (not by_name and (kind or len(required) != 3)):
        own = ", settings, which it brings," if kind else ""
        raise ConfigError(
            f"model {name!r}: expected a class or function that takes net, train and seed, some of them, or nothing"
            f"{own} (got {', '.join(required)}): give the other parameters defaults"
        )
    if kind:
        _check_own(kind, name)

    @wraps(factory, updated=())
    def make(net: NetSettings, train: TrainSettings, seed: int, settings: ModelSettings | None = None) -> Forecaster:
        offered = {"net": net, "train": train, "seed": seed, "settings": settings or (kind and kind())}
        if by_name:
            return complete(factory(**{key: offered[key] for key in known & {*named}}), name)
        return complete(factory(net, train, seed), name)

    make.__signature__ = inspect.signature(make, follow_wrapped=False)  # type: ignore[attr-defined]  # not factory's
    return make


def _parameters(factory: Callable[..., Any]) -> tuple[list[str], list[str]]:
    """Names of the parameters that may be given by name, and of those that must be given."""
    parameters = inspect.signature(factory).parameters.values()
    named = [each.name for each in parameters if each.kind is not each.POSITIONAL_ONLY]
    single = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    return named, [each.name for each in single if each.default is each.empty]


def _check_own(settings: type[ModelSettings], name: str) -> None:
    """ConfigError where a model's own settings have fields without a default, or of a name with another meaning."""
    fields = settings.model_fields
    if wrong := [field for field, about in fields.items() if about.is_required() or field in RESERVED]:
        raise ConfigError(
            f"model {name!r}: expected settings with a default for each field, none of them called "
            f"{', '.join(sorted(RESERVED))} (got {', '.join(wrong)}): give it a default, or another name"
        )


def _read(factory: Callable[..., Any], name: str, reads: Iterable[str] | None) -> frozenset[str]:
    """The fields of what a factory takes that it reads; ConfigError for others."""
    named, required = _parameters(factory)
    taken = [table for key, table in TABLES.items() if key in named or not {*required} <= {*TABLES, "seed", "settings"}]
    known = SHARED & {field for table in taken for field in table.model_fields}
    found = known if reads is None else frozenset(reads)
    if not found <= known:
        raise ConfigError(
            f"model {name!r}: reads: expected fields of the tables net and train that its factory takes, besides the "
            f"window (got {', '.join(sorted(found - known))}): it may be some of {', '.join(sorted(known)) or 'none'}"
        )
    return found
