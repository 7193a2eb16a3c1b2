"""Checks of the protocol that every forecaster, built in or a user's own, has to pass."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from backtest.data.errors import ProtocolError
from backtest.models.forecaster import FitLog, Forecaster, Make
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows

NET = NetSettings(hidden=4, layers=1, dropout=0.0, window=6)
TRAIN = TrainSettings(chunk=5, batch=20, epochs=2, device="cpu")
ROWS, FEATURES = 160, 3


def check_forecaster(make: Make, *, net: NetSettings = NET, train: TrainSettings = TRAIN, seed: int = 0) -> None:
    """Run every check on the forecasters that `make(net, train, seed)` gives, with small made-up windows.

    ProtocolError says which rule is broken: fit returns a FitLog and changes none of its input; forecasts are finite,
    one for each window, from that window alone; the seed is the only source of chance; a saved and restored
    forecaster forecasts the same bits.

    >>> import backtest as bt
    >>> from backtest.models import MODELS
    >>> bt.check_forecaster(MODELS["ridge"].make)
    """
    name = getattr(make, "__name__", repr(make))
    learn, validate, ask = _windows(net.window)

    def fitted(luck: int) -> Forecaster:
        forecaster = make(net, train, seed)
        with _global_generators(luck):
            log = forecaster.fit(learn, validate)
        _demand(isinstance(log, FitLog), name, "fit must return a FitLog", type(log).__name__)
        return forecaster

    forecaster = fitted(1)
    forecast = _forecast(forecaster, ask, name)
    for rule, other in _retold(forecaster, fitted, ask, (make, net, train, seed), name):
        differ = int((other != forecast[: len(other)]).sum())
        _demand(differ == 0, name, rule, f"{differ} of {len(other)} forecasts differ")
    _check_windows_apart(forecaster, ask, name)


def _check_windows_apart(forecaster: Forecaster, ask: Windows, name: str) -> None:
    """Demand that a window's forecast does not depend on which others are asked about beside it.

    Up to rounding: a matrix product of another size may round otherwise.
    """
    whole, half = _forecast(forecaster, ask, name), len(ask) // 2
    for part in (slice(None, half), slice(half, None)):
        alone = _forecast(forecaster, replace(ask, ends=ask.ends[part]), name)
        same = np.allclose(alone, whole[part], rtol=1e-4, atol=1e-6 * float(np.abs(whole).max()))
        rule = "a forecast must not depend on the other windows of the same call"
        _demand(same, name, rule, f"up to {np.abs(alone - whole[part]).max():.3g} apart")


def _retold(
    forecaster: Forecaster,
    fitted: Callable[[int], Forecaster],
    ask: Windows,
    made: tuple[Make, NetSettings, TrainSettings, int],
    name: str,
) -> Iterator[tuple[str, Floats]]:
    """The same forecasts come by in other ways, and the rule that each of them stands for."""
    yield "asked twice, a forecaster must say the same", _forecast(forecaster, ask, name)
    # The last row is not within any window but the last one's, so that noise there may change nothing else.
    noisy = ask.features.copy(), ask.returns.copy()
    noisy[0][ask.ends[-1]] = 1e3
    noisy[1][ask.ends[-1]] = 1e3
    poisoned = replace(ask, features=_sealed(noisy[0]), returns=_sealed(noisy[1]))
    yield "a forecast must not depend on rows behind its window", _forecast(forecaster, poisoned, name)[:-1]
    early = ask.features.copy(), ask.returns.copy()
    early[0][: ask.ends[0] - ask.window + 1] = 1e3
    early[1][: ask.ends[0] - ask.window + 1] = 1e3
    poisoned = replace(ask, features=_sealed(early[0]), returns=_sealed(early[1]))
    yield "a forecast must not depend on rows before its window", _forecast(forecaster, poisoned, name)
    yield "fitted again with the same seed, a forecaster must say the same", _forecast(fitted(2), ask, name)
    make, net, train, seed = made
    restored = make(net, train, seed + 1)
    restored.restore(load(save({key: np.ascontiguousarray(value) for key, value in forecaster.state().items()})))
    yield "restored from its state, a forecaster must say the same", _forecast(restored, ask, name)


@contextmanager
def _global_generators(seed: int) -> Iterator[None]:
    """Set the global generators, from which only a careless model draws, for a while."""
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
    _demand(isinstance(forecast, np.ndarray), name, "predict must return an array", type(forecast).__name__)
    expected = f"predict must return {len(windows)} forecasts in float64"
    right = forecast.shape == (len(windows),) and forecast.dtype == np.float64
    _demand(right, name, expected, f"shape {forecast.shape}, {forecast.dtype}")
    _demand(bool(np.isfinite(forecast).all()), name, "forecasts must be finite", "NaN or infinity")
    return forecast


def _demand(kept: bool, name: str, rule: str, got: str) -> None:
    if not kept:
        raise ProtocolError(f"model {name}: {rule} (got {got})")


def _windows(window: int) -> tuple[Windows, Windows, Windows]:
    """Windows to learn from, to validate with and to be asked about; their arrays cannot be written to."""
    noise = np.random.default_rng(0)
    features = _sealed(noise.normal(size=(ROWS, FEATURES)))
    returns = _sealed(noise.normal(scale=0.01, size=ROWS))
    target = _sealed(np.append(returns[1:], np.nan))
    first, second, last = ROWS // 2, 3 * ROWS // 4, ROWS - 1

    def part(start: int, end: int, *, hidden: bool = False) -> Windows:
        ends = np.arange(max(start, window - 1), end)
        return Windows(features[:end], returns[:end], None if hidden else target[:end], ends, window, 1)

    return part(0, first), part(first + 1, second), part(second + 1, last, hidden=True)


def _sealed(array: NDArray[np.float64]) -> NDArray[np.float64]:
    array.flags.writeable = False
    return array
