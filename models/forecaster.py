"""What a forecaster is: the protocol, the log of a fit, and defaults for what a user's model leaves out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backtest.data.errors import ConfigError, ProtocolError, RunError
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows

State = Mapping[str, NDArray[np.generic]]

ATTRIBUTES = "attributes.json"
"""The array of a default state that holds, as JSON text, everything but the arrays themselves."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """Mean losses of one epoch: squared errors in training standard deviations of the target, or QLIKE of variances."""

    train_loss: float
    validation_loss: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """What tuning chose: the values as text, the validation loss of every candidate, and all passes over the rows.

    A loss is None where a candidate has none that is finite. A pass is an epoch, or a fit in one step.
    """

    chosen: str
    losses: tuple[float | None, ...]
    passes: int


@dataclass(frozen=True, slots=True)
class FitLog:
    """What a fit did: its epochs (none: fitted in one step), the best one from 1, what it chose in words, and where.

    `tuning` is added where its settings were tuned.

    >>> import backtest as bt
    >>> bt.FitLog(note="penalty 10").epochs
    ()
    """

    epochs: tuple[Epoch, ...] = ()
    best: int | None = None
    note: str = ""
    device: str = "cpu"
    tuning: Tuning | None = None

    @property
    def passes(self) -> int:
        """Passes over the training rows, those of candidates that were not chosen too."""
        return self.tuning.passes if self.tuning else max(1, len(self.epochs))


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Forecasts of n windows: `point` (n, H), a column for each horizon."""

    point: Floats


class Forecaster(Protocol):
    """Learns from windows, then forecasts the target of others, in the target's unit.

    `fit` must not change the windows it is given, `predict` sees no targets, and a forecaster that is given the
    `state()` of another must forecast the same to the last bit. A user's model needs `fit` and `predict` only, and its
    `fit` may return None: `complete` and `log_of` add the rest.
    """

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Learn from `train`; `validation`, later in time, may only choose between fits."""

    def predict(self, windows: Windows) -> Floats:
        """Forecasts (n,), or (n, H) of several horizons, finite, the i-th from the i-th window alone."""

    def state(self) -> State:
        """Everything that `predict` needs, as plain arrays by name."""

    def restore(self, state: State) -> None:
        """Take over the state of a fitted forecaster of the same settings."""


def part_of(state: State, prefix: str) -> State:
    """The arrays of a state whose names begin with `prefix`, by what follows it."""
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}


def unfitted(forecaster: object) -> RunError:
    """The error of a forecaster that is asked for forecasts or for its state before it was fitted."""
    return RunError(f"{type(forecaster).__name__}: not fitted yet: call fit or restore first")


def predict(forecaster: Forecaster, windows: Windows, name: str) -> Prediction:
    """Return what the model `name` forecasts; ProtocolError unless it is a number for each window and horizon."""
    point = np.asarray(forecaster.predict(windows), np.float64)
    n, horizons = len(windows), len(windows.horizons)
    if point.shape != ((n, horizons) if horizons > 1 else (n,)):
        expected = f"({n}, {horizons}), {n} windows and {horizons} horizons" if horizons > 1 else f"({n},)"
        raise ProtocolError(f"model {name}: predict must return forecasts of shape {expected} (got {point.shape})")
    return Prediction(point.reshape(n, horizons))


def log_of(log: object, name: str) -> FitLog:
    """Return what `fit` of the model `name` returned, an empty log for None; ProtocolError for anything else."""
    if not isinstance(log, FitLog | None):
        raise ProtocolError(f"model {name}: fit must return a FitLog or None (got {type(log).__name__})")
    return log or FitLog()


def complete(forecaster: Any, name: str) -> Forecaster:
    """Return a Forecaster from any object with `fit(train, validation)` and `predict(windows)`.

    One with `state` and `restore` is returned as it is; otherwise its attributes are its state (`attribute_state`).
    Raises ProtocolError, with the model's `name`, where a method is missing, or one of `state` and `restore` alone.
    """
    methods = [each for each in ("fit", "predict", "state", "restore") if callable(getattr(forecaster, each, None))]
    missing = [each for each in ("fit", "predict") if each not in methods]
    if missing:
        raise ProtocolError(
            f"model {name}: expected an object with fit(train, validation) and predict(windows) (got "
            f"{type(forecaster).__name__} without {' and '.join(missing)}): write what is missing"
        )
    if len(methods) == 3:
        raise ProtocolError(
            f"model {name}: expected both state() and restore(state), or neither (got {methods[-1]} alone): write the "
            "other, or leave both out and the attributes are stored"
        )
    complete_already: Forecaster = forecaster
    return complete_already if "state" in methods else StoredAttributes(forecaster, name)


class StoredAttributes:
    """A forecaster without `state` and `restore`, completed: its attributes are its state."""

    def __init__(self, forecaster: Any, name: str) -> None:
        self.forecaster, self.name = forecaster, name

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Fit, with an empty log where the forecaster returns None."""
        return log_of(self.forecaster.fit(train, validation), self.name)

    def predict(self, windows: Windows) -> Floats:
        """Forecasts (n,) as the forecaster gives them."""
        forecasts: Floats = self.forecaster.predict(windows)
        return forecasts

    def state(self) -> State:
        """The attributes as plain arrays; ConfigError where one cannot be stored."""
        return attribute_state(self.forecaster, self.name)

    def restore(self, state: State) -> None:
        """Take over the attributes; ValueError where these are not the attributes of such a forecaster."""
        restore_attributes(self.forecaster, state)


def attribute_state(forecaster: object, name: str) -> State:
    """Return the attributes of a forecaster as plain arrays: nothing that a stranger's run folder could execute.

    Arrays of numbers, numbers, strings, None, and lists, tuples and dicts of them are stored exactly; the settings that
    the forecaster was made with are left out. Raises ConfigError naming the first attribute that is something else.
    """
    arrays: dict[str, NDArray[np.generic]] = {}

    def plain(value: Any, where: str) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
            transposed = value.ndim > 1 and value.flags.f_contiguous and not value.flags.c_contiguous
            key = f"{len(arrays)} {where}"
            arrays[key] = np.ascontiguousarray(value.T if transposed else value)
            kind = "scalar" if isinstance(value, np.generic) else "transposed" if transposed else "array"
            return {kind: key, "shape": list(value.T.shape if transposed else value.shape)}
        if type(value) in (list, tuple):
            return {type(value).__name__: [plain(item, f"{where}.{place}") for place, item in enumerate(value)]}
        if type(value) is dict and all(type(key) is str for key in value):
            return {"dict": {key: plain(item, f"{where}.{key}") for key, item in value.items()}}
        raise ConfigError(
            f"model {name}: attribute {where}: expected numbers, strings, numpy arrays, or lists and dicts of them, "
            f"which are stored as plain arrays (got {type(value).__module__}.{type(value).__name__}): keep its numbers "
            "as attributes instead, or write state() -> dict of arrays and restore(state)"
        )

    if not hasattr(forecaster, "__dict__"):
        raise ConfigError(f"model {name}: a class with __slots__ has no default state: write state and restore")
    kept = {key: value for key, value in vars(forecaster).items() if not isinstance(value, NetSettings | TrainSettings)}
    text = json.dumps({key: plain(value, key) for key, value in kept.items()})
    return {**arrays, ATTRIBUTES: np.frombuffer(text.encode(), np.uint8)}


def restore_attributes(forecaster: object, state: State) -> None:
    """Set the attributes that `attribute_state` gave; ValueError for anything else, such as the name of a method."""

    def value_of(tree: Any) -> Any:
        if not isinstance(tree, dict):
            return tree
        kind, content = next(iter(tree.items()))
        if kind == "dict":
            return {key: value_of(item) for key, item in content.items()}
        if kind in ("list", "tuple"):
            items = [value_of(item) for item in content]
            return tuple(items) if kind == "tuple" else items
        array = np.array(state[content]).reshape(tree["shape"])
        return {"array": array, "transposed": array.T, "scalar": array[()]}[kind]

    try:
        trees = json.loads(np.asarray(state[ATTRIBUTES], np.uint8).tobytes())
        values = {key: value_of(tree) for key, tree in trees.items()}
    except (AttributeError, KeyError, TypeError, StopIteration) as broken:
        raise ValueError(f"not the saved attributes of a model ({type(broken).__name__}: {broken})") from broken
    for key in values:
        if key.startswith("__") or callable(getattr(type(forecaster), key, None)):
            raise ValueError(f"the saved attribute {key} would replace a method of {type(forecaster).__name__}")
    vars(forecaster).update(values)
