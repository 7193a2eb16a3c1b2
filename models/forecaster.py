"""The protocol of a forecaster, the table MODELS and the decorator that fills it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backtest.data.errors import ConfigError, RunError
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows

State = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Epoch:
    """Mean squared errors of one epoch, with the target in training standard deviations."""

    train_loss: float
    validation_loss: float


@dataclass(frozen=True, slots=True)
class FitLog:
    """What a fit did: its epochs (none: fitted in one step), the best one from 1, what it chose in words, and where.

    >>> import backtest as bt
    >>> bt.FitLog(note="penalty 10").epochs
    ()
    """

    epochs: tuple[Epoch, ...] = ()
    best: int | None = None
    note: str = ""
    device: str = "cpu"


class Forecaster(Protocol):
    """Learns from windows, then forecasts the target of others; all of it in log return.

    `fit` must not change the windows it is given, `predict` sees no targets, and a forecaster that is given the
    `state()` of another must forecast the same to the last bit.
    """

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Learn from `train`; `validation`, later in time, may only choose between fits."""

    def predict(self, windows: Windows) -> Floats:
        """Forecast (n,), finite, the i-th from the i-th window alone."""

    def state(self) -> State:
        """Everything that `predict` needs, as plain arrays under their names."""

    def restore(self, state: State) -> None:
        """Take over the state of a fitted forecaster of the same settings."""


def unfitted(what: object) -> RunError:
    """The error of a forecaster that is asked to forecast, or to save itself, before it has learned anything."""
    return RunError(f"{type(what).__name__}: nothing was fitted yet: call fit or restore first")


Make = Callable[[NetSettings, TrainSettings, int], Forecaster]


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of MODELS: how to make the forecaster from (net, train, seed), and how it takes part.

    A `seeded` model is fitted once for each seed, any other once; a `baseline` is what the others are held against.
    """

    name: str
    make: Make
    seeded: bool
    baseline: bool
    doc: str = field(repr=False)


MODELS: dict[str, Model] = {}


def model(name: str, *, seeded: bool = False, baseline: bool = False) -> Callable[[Make], Make]:
    """Register a factory `(net, train, seed) -> Forecaster` in MODELS under `name`.

    ConfigError where the name is taken by another factory.

    >>> import backtest as bt
    >>> import numpy as np
    >>> class Median:
    ...     def fit(self, train, validation):
    ...         self.median = np.median(train.y)
    ...         return bt.FitLog()
    ...     def predict(self, windows):
    ...         return np.full(len(windows), self.median)
    ...     def state(self):
    ...         return {"median": np.array([self.median])}
    ...     def restore(self, state):
    ...         (self.median,) = state["median"]
    >>> @bt.model("median")
    ... def median(net, train, seed):
    ...     return Median()
    >>> bt.check_forecaster(median)
    """

    def register(make: Make) -> Make:
        known = MODELS.get(name)
        if known and (known.make.__module__, known.make.__qualname__) != (make.__module__, make.__qualname__):
            raise ConfigError(
                f"model {name!r}: taken by {known.make.__module__}.{known.make.__qualname__}: choose another"
            )
        doc = (make.__doc__ or "").strip().partition("\n")[0]
        MODELS[name] = Model(name, make, seeded, baseline, doc)
        return make

    return register
