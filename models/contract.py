"""The checks that every forecaster, built in or a user's own, has to pass."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import unwrap
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from backtest.data.errors import ProtocolError
from backtest.models.forecaster import Forecaster, log_of
from backtest.models.registry import MODELS, maker
from backtest.models.settings import ModelSettings, NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows

NET = NetSettings(hidden=4, layers=1, dropout=0.0, window=6, har_lags=(1, 2, 5))
TRAIN = TrainSettings(chunk=5, batch=20, epochs=2, device="cpu")
ROWS, FEATURES = 160, 3


def check_forecaster(
    factory: Callable[..., Any],
    *,
    net: NetSettings = NET,
    train: TrainSettings = TRAIN,
    seed: int = 0,
    horizons: tuple[int, ...] = (1,),
    settings: ModelSettings | None = None,
) -> None:
    """Check a model class, or a factory that takes any of (net, train, seed, settings), on small made-up windows.

    A network that was registered is one, too. `settings` are the model's own; without any, the defaults of those that
    it was registered with.

    Raises ProtocolError naming the rule that is broken: `fit` changes none of its input and returns a FitLog or None;
    forecasts are finite, one for each window (n,), or with several `horizons` (n, H), from that window alone; `predict`
    is deterministic, and `fit` too, given the seed; a model restored from its state forecasts the same to the last bit.

    >>> import backtest as bt
    >>> from backtest.models.baselines import Ridge
    >>> bt.check_forecaster(Ridge)
    """
    name = getattr(factory, "__name__", repr(factory))
    made = [known for known in MODELS.values() if unwrap(known.make, stop=lambda one: one is factory) is factory]
    make = made[0].make if made else maker(factory, name, type(settings) if settings else None)
    variance = any(known.scale == "variance" for known in made)
    learn, validate, ask = _windows(net.window, horizons, variance=variance)

    def fitted(global_seed: int) -> Forecaster:
        forecaster = make(net, train, seed, settings)
        with _global_generators(global_seed):
            log_of(forecaster.fit(learn, validate), name)
        return forecaster

    def restored() -> Forecaster:
        other = make(net, train, seed + 1, settings)
        other.restore(load(save({key: np.ascontiguousarray(value) for key, value in forecaster.state().items()})))
        return other

    forecaster = fitted(1)
    forecasts = _forecast(forecaster, ask, name)
    # the last row lies in the last window only, so that noise there may change no other forecast
    later, earlier = ask.ends[-1], slice(ask.ends[0] - ask.window + 1)
    repeats: dict[str, Callable[[], Floats]] = {
        "predict must be deterministic": lambda: _forecast(forecaster, ask, name),
        "a forecast must not depend on rows after its window": (
            lambda: _forecast(forecaster, _replaced(ask, later), name)[:-1]
        ),
        "a forecast must not depend on rows before its window": (
            lambda: _forecast(forecaster, _replaced(ask, earlier), name)
        ),
        "fit must be deterministic: draw random numbers only from a generator made from `seed`": (
            lambda: _forecast(fitted(2), ask, name)
        ),
        "a model restored from its state must forecast the same": lambda: _forecast(restored(), ask, name),
    }
    for rule, repeat in repeats.items():
        again = repeat()
        differ = int((again != forecasts[: len(again)]).reshape(len(again), -1).any(axis=1).sum())
        _require(differ == 0, name, rule, f"{differ} of {len(again)} forecasts differ")
    _check_batches(forecaster, ask, name)


def _check_batches(forecaster: Forecaster, ask: Windows, name: str) -> None:
    """Require that a forecast does not depend on which other windows are in the same call.

    Up to rounding: a matrix product of another size may round differently.
    """
    whole, half = _forecast(forecaster, ask, name), len(ask) // 2
    for part in (slice(None, half), slice(half, None)):
        alone = _forecast(forecaster, replace(ask, ends=ask.ends[part]), name)
        same = np.allclose(alone, whole[part], rtol=1e-4, atol=1e-6 * float(np.abs(whole).max()))
        rule = "a forecast must not depend on the other windows of the same call"
        _require(same, name, rule, f"differences up to {np.abs(alone - whole[part]).max():.3g}")


def _replaced(windows: Windows, rows: int | slice) -> Windows:
    """The same windows with other numbers in some rows."""

    def other(column: Floats) -> Floats:
        again = column.copy()
        again[rows] = 1e3
        return _read_only(again)

    return windows.with_rows(other)


@contextmanager
def _global_generators(seed: int) -> Iterator[None]:
    """Set the global generators for a while: a model that draws from them then differs from fit to fit."""
    before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)  # noqa: NPY002


def _forecast(forecaster: Forecaster, windows: Windows, name: str) -> Floats:
    forecast = forecaster.predict(windows)
    _require(isinstance(forecast, np.ndarray), name, "predict must return an array", type(forecast).__name__)
    shape = windows.ends.shape if len(windows.horizons) == 1 else (len(windows), len(windows.horizons))
    expected = f"predict must return {len(windows)} forecasts in float64, of shape {shape}"
    right = forecast.shape == shape and forecast.dtype == np.float64
    _require(right, name, expected, f"shape {forecast.shape}, {forecast.dtype}")
    _require(bool(np.isfinite(forecast).all()), name, "forecasts must be finite", "NaN or infinity")
    return forecast


def _require(kept: bool, name: str, rule: str, got: str) -> None:
    if not kept:
        raise ProtocolError(f"model {name}: {rule} (got {got})")


def _windows(window: int, horizons: tuple[int, ...], *, variance: bool) -> tuple[Windows, Windows, Windows]:
    """Windows for training, validation and forecasts, of returns or of variances; their arrays are read-only."""
    noise = np.random.default_rng(0)
    features = _read_only(noise.normal(size=(ROWS, FEATURES)))
    returns = _read_only(noise.normal(scale=0.01, size=ROWS))
    variances = _read_only(returns**2) if variance else None
    quarticities = _read_only(returns**4 * noise.uniform(0.5, 2.0, size=ROWS)) if variance else None
    sums = np.append(0.0, np.cumsum(returns if variances is None else variances))
    targets = np.full((ROWS, len(horizons)), np.nan)
    for column, horizon in enumerate(horizons):
        targets[: ROWS - horizon, column] = sums[1 + horizon :] - sums[1:-horizon]
    targets, gap = _read_only(targets), max(horizons)
    first, second, last = ROWS // 2, 3 * ROWS // 4, ROWS - gap

    def part(start: int, end: int, *, hidden: bool = False) -> Windows:
        ends = np.arange(max(start, window - 1), end)
        seen, fourth = (None if each is None else each[:end] for each in (variances, quarticities))
        known = None if hidden else targets[:end]
        return Windows(features[:end], returns[:end], known, ends, window, horizons, seen, fourth, not variance)

    return part(0, first), part(first + gap, second), part(second + gap, last, hidden=True)


def _read_only(array: NDArray[np.float64]) -> NDArray[np.float64]:
    array.flags.writeable = False
    return array
