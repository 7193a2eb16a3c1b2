"""The protocol of forecasters: every entry of MODELS keeps it, and each way to break it is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backtest.data.errors import ConfigError, ProtocolError, RunError
from backtest.models import MODELS, FitLog, check_forecaster, model
from backtest.models.baselines import Mean
from backtest.models.contract import NET, TRAIN
from backtest.models.forecaster import Forecaster, State
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows
from tests.support.networks import SLOW_NETWORKS
from tests.support.selection import quick_or_slow


@pytest.mark.parametrize("name", quick_or_slow(MODELS, MODELS.keys() - SLOW_NETWORKS))
def test_every_model_keeps_the_protocol(name: str) -> None:
    check_forecaster(MODELS[name].make)


@pytest.mark.parametrize("name", list(MODELS))
def test_every_model_has_a_first_line(name: str) -> None:
    assert MODELS[name].doc.endswith(".") or ":" in MODELS[name].doc


class WritesIntoItsInput(Mean):
    def fit(self, train: Windows, validation: Windows) -> FitLog:
        train.features[0] = 0
        return super().fit(train, validation)


class ReturnsItsLoss(Mean):
    def fit(self, train: Windows, validation: Windows) -> FitLog:
        super().fit(train, validation)
        loss: Any = 0.5
        return loss  # type: ignore[no-any-return]


class ForecastsOneTooFew(Mean):
    def predict(self, windows: Windows) -> Floats:
        return super().predict(windows)[1:]


class ForecastsNaN(Mean):
    def predict(self, windows: Windows) -> Floats:
        return super().predict(windows) * np.nan


class LooksBehindTheWindow(Mean):
    def predict(self, windows: Windows) -> Floats:
        return super().predict(windows) + float(windows.features[windows.ends[-1], 0])


class LooksBeforeTheWindow(Mean):
    def predict(self, windows: Windows) -> Floats:
        return super().predict(windows) + float(windows.features[0, 0])


class DrawsFromTheGlobalGenerator(Mean):
    def fit(self, train: Windows, validation: Windows) -> FitLog:
        log = super().fit(train, validation)
        self.intercept += np.random.normal()  # noqa: NPY002
        return log


class CountsItsWindows(Mean):
    def predict(self, windows: Windows) -> Floats:
        return super().predict(windows) + np.arange(len(windows))


class CentresOnItsWindows(Mean):
    def predict(self, windows: Windows) -> Floats:
        last = windows.features[windows.ends, 0]
        return np.asarray(last - last[: len(last) // 2].mean())


class ChangesWithEveryCall(Mean):
    def predict(self, windows: Windows) -> Floats:
        self.intercept += 1.0
        return super().predict(windows)


class ForgetsItsState(Mean):
    def state(self) -> State:
        return {"weights": self.weights, "intercept": np.zeros(1)}


class LooksAtTestTargets(Mean):
    def predict(self, windows: Windows) -> Floats:
        return windows.y


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        (WritesIntoItsInput, ValueError, "read-only"),
        (ReturnsItsLoss, ProtocolError, r"fit must return a FitLog or None \(got float\)"),
        (ForecastsOneTooFew, ProtocolError, "must return 38 forecasts"),
        (ForecastsNaN, ProtocolError, "must be finite"),
        (LooksBehindTheWindow, ProtocolError, "rows after its window"),
        (LooksBeforeTheWindow, ProtocolError, "rows before its window"),
        (CountsItsWindows, ProtocolError, "the other windows of the same call"),
        (CentresOnItsWindows, ProtocolError, "the other windows of the same call"),
        (DrawsFromTheGlobalGenerator, ProtocolError, "fit must be deterministic"),
        (ChangesWithEveryCall, ProtocolError, "predict must be deterministic"),
        (ForgetsItsState, ProtocolError, "restored from its state"),
        (LooksAtTestTargets, LookupError, "hide their targets"),
    ],
)
def test_a_broken_rule_is_named(kind: type[Mean], error: type[Exception], message: str) -> None:
    def make(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
        return kind()

    with pytest.raises(error, match=message):
        check_forecaster(make)


@pytest.mark.parametrize(
    ("shift", "rule"),
    [(1, "a forecast must not depend on rows after"), (-NET.window, "a forecast must not depend on rows before")],
)
def test_quarticities_of_other_rows_are_noticed(shift: int, rule: str, open_tables: None) -> None:
    @model("peeks", scale="variance")
    class ReadsOtherQuarticities(Mean):
        def predict(self, windows: Windows) -> Floats:
            assert windows.quarticities is not None
            return np.asarray(
                1.0 + windows.quarticities[np.minimum(windows.ends + shift, len(windows.quarticities) - 1)]
            )

    with pytest.raises(ProtocolError, match=rule):
        check_forecaster(ReadsOtherQuarticities)


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'zero': the name is taken by backtest\.models\.baselines\.Zero"):
        model("zero")(lambda net, train, seed: Mean())


@pytest.mark.parametrize("name", ["ridge", "lstm"])
@pytest.mark.parametrize("ask", [lambda one: one.state(), lambda one: one.predict(_ten_windows())])
def test_an_unfitted_model_is_refused(name: str, ask: Callable[[Forecaster], object]) -> None:
    with pytest.raises(RunError, match="call fit or restore first"):
        ask(MODELS[name].make(NET, TRAIN, 0))


def _ten_windows() -> Windows:
    rows = np.zeros((20, 2))
    return Windows(rows, rows[:, 0], None, np.arange(10, 20), NET.window, (1,))
