"""The table MODELS, and the decorator that fills it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal, TypeVar

from backtest.data.errors import ConfigError
from backtest.data.names import Scale
from backtest.models.forecaster import Forecaster, complete
from backtest.models.settings import NetSettings, TrainSettings

Make = Callable[[NetSettings, TrainSettings, int], Forecaster]
ModelScale = Scale | Literal["any"]
Measure = Literal["returns", "quarticities"]
Factory = TypeVar("Factory", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of MODELS: how to make the forecaster from (net, train, seed), and how it takes part.

    A `seeded` model is fitted once for each seed, any other once; a `baseline` is what the others are compared with.
    One that is `multi_horizon` is fitted once for all horizons, to outcomes (n, H); any other once for each of them
    (`models.horizons`). `scale` says what it forecasts: any target (`models.scales` turns that into what the target
    needs), or those of one scale alone: returns, variances, from the variances of the bars, or probabilities.
    `needs` are the measures of bars that not every walk has: `returns`, `quarticities`. `bounded` says whether its
    forecasts are held to what was known when they were made (`models.filters`), as the factory's own attribute says.
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


MODELS: dict[str, Model] = {}


def model(
    name: str,
    *,
    seeded: bool = False,
    baseline: bool = False,
    scale: ModelScale = "any",
    needs: tuple[Measure, ...] = (),
    multi_horizon: bool = False,
) -> Callable[[Factory], Factory]:
    """Register a class or a function that makes a forecaster in MODELS under `name`.

    It may take any of `net` (NetSettings), `train` (TrainSettings) and `seed` (int), or nothing. The forecaster needs
    `fit(train, validation)` and `predict(windows)`; `forecaster.complete` adds the rest. It meets one horizon at a
    time, unless it is `multi_horizon`: then `train.y` is (n, H) where a run has several, and so are its forecasts.
    Raises ConfigError where the name holds a colon or is taken by another factory, or the factory needs other
    arguments.

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
        MODELS[name] = Model(name, maker(factory, name), seeded, baseline, doc, *takes_part)
        return factory

    return register


def maker(factory: Callable[..., Any], name: str) -> Make:
    """Return `(net, train, seed) -> Forecaster` from a factory that takes some of these, by name or all by place."""
    parameters = inspect.signature(factory).parameters.values()
    named = [each.name for each in parameters if each.kind is not each.POSITIONAL_ONLY]
    single = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    required = [each.name for each in single if each.default is each.empty]
    by_name = {*required} <= {"net", "train", "seed"} & {*named}
    if not by_name and len(required) != 3:
        raise ConfigError(
            f"model {name!r}: expected a class or function that takes net, train and seed, some of them, or nothing "
            f"(got {', '.join(required)}): give the other parameters defaults"
        )

    @wraps(factory, updated=())
    def make(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
        offered = {"net": net, "train": train, "seed": seed}
        if by_name:
            return complete(factory(**{key: value for key, value in offered.items() if key in named}), name)
        return complete(factory(net, train, seed), name)

    make.__signature__ = inspect.signature(make, follow_wrapped=False)  # type: ignore[attr-defined]  # not factory's
    return make
