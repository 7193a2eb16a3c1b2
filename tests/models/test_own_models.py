"""Any object with fit and predict is a model: what it leaves out has defaults, and what cannot work is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save
from sklearn.linear_model import LinearRegression

from backtest.data.errors import ConfigError, ProtocolError
from backtest.forecast.next_step import next_steps
from backtest.models import MODELS, FitLog, check_forecaster, model
from backtest.models.contract import NET, TRAIN
from backtest.models.forecaster import ATTRIBUTES, attribute_state, complete, restore_attributes
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows
from tests.support.small_run import small, walk


class LastFeatures:
    """Least squares on the newest row of each window: nothing but fit and predict."""

    def fit(self, train: Windows, validation: Windows) -> None:
        x = np.column_stack([np.ones(len(train)), train.x[:, -1]])
        self.weights = np.linalg.lstsq(x, train.y, rcond=None)[0]

    def predict(self, windows: Windows) -> Floats:
        return np.asarray(self.weights[0] + (windows.x[:, -1] * self.weights[1:]).sum(axis=1))


@pytest.fixture
def registered() -> Iterator[str]:
    """A model of the user's own in MODELS, for the time of a test."""
    model("last_features")(LastFeatures)
    yield "last_features"
    del MODELS["last_features"]


def test_a_class_with_fit_and_predict_alone_keeps_the_protocol() -> None:
    check_forecaster(LastFeatures)


def test_a_class_with_fit_and_predict_alone_walks_and_forecasts(registered: str, tmp_path: Path) -> None:
    outcome = walk(tmp_path / "run", plan=small(models=[registered]))
    assert outcome.verdict.model == registered
    steps, _ = next_steps(tmp_path / "run")
    (step,) = [step for step in steps if step.model == registered]
    assert np.isfinite(step.y_hat)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_factory_may_take_some_of_its_arguments_or_none(seed: int) -> None:
    class Seeded(LastFeatures):
        def __init__(self, seed: int, scale: float = 1.0) -> None:
            self.given = seed

    def by_place(one: NetSettings, two: TrainSettings, three: int) -> Seeded:
        return Seeded(three + one.window + two.batch)

    made: dict[str, Any] = {}
    factories: dict[str, Callable[..., Any]] = {"class": Seeded, "place": by_place, "nothing": LastFeatures}
    for name, factory in factories.items():
        model(name)(factory)
        made[name] = MODELS.pop(name).make(NET, TRAIN, seed)
    assert made["class"].forecaster.given == seed
    assert made["place"].forecaster.given == seed + NET.window + TRAIN.batch
    assert isinstance(made["nothing"].forecaster, LastFeatures)


def test_a_factory_that_needs_other_arguments_is_refused() -> None:
    def needs_alpha(alpha: float, seed: int) -> LastFeatures:
        return LastFeatures()

    with pytest.raises(ConfigError, match=r"'mine': expected a class or function .* \(got alpha, seed\)"):
        model("mine")(needs_alpha)
    assert "mine" not in MODELS


@dataclass
class Everything:
    """Attributes of every kind that is stored."""

    number: float = 0.1
    count: int = 2**70
    flag: bool = True
    text: str = "ä"
    nothing: None = None

    def fit(self, train: Windows, validation: Windows) -> None:
        self.scalar = np.float32(0.1)
        self.infinite = float("inf")
        self.rows = np.arange(6.0).reshape(2, 3)
        self.columns = np.asfortranarray(self.rows)
        self.point = np.array(3, np.int16)
        self.empty = np.empty((0, 4))
        self.nested = {"a.b": [self.rows, (1, "x")], "a": {"b": np.ones(2, bool)}}

    def predict(self, windows: Windows) -> Floats:
        return np.zeros(len(windows))


def test_attributes_are_stored_and_restored_exactly() -> None:
    fitted, fresh = Everything(number=0.3), Everything()
    nothing: Any = None
    fitted.fit(nothing, nothing)
    state = attribute_state(fitted, "mine")
    assert {array.dtype.kind for array in state.values()} <= set("biuf")
    restore_attributes(fresh, load(save(dict(state))))
    before, after = vars(fitted), vars(fresh)
    assert before.keys() == after.keys()
    for name in before.keys() - {"nested"}:
        assert type(after[name]) is type(before[name])
        np.testing.assert_array_equal(after[name], before[name])
        assert getattr(after[name], "dtype", None) == getattr(before[name], "dtype", None)
    assert after["columns"].flags.f_contiguous
    assert after["nested"]["a.b"][1] == (1, "x")
    assert after["nested"]["a"]["b"].tolist() == [True, True]
    assert after["nested"]["a.b"][0].tolist() == before["rows"].tolist()


def test_an_attribute_that_cannot_be_stored_is_named_with_the_remedy() -> None:
    class Wraps(LastFeatures):
        def __init__(self) -> None:
            self.regression = LinearRegression()

    with pytest.raises(
        ConfigError,
        match=r"model wraps: attribute regression: .* \(got sklearn\.\S+LinearRegression\): .* state\(\) -> dict of",
    ):
        complete(Wraps(), "wraps").state()


def test_settings_from_the_factory_are_not_stored_in_the_state() -> None:
    class Keeps(LastFeatures):
        def __init__(self, net: NetSettings) -> None:
            self.net, self.scale = net, 2.0

    model("keeps")(Keeps)
    made = MODELS.pop("keeps").make(NET, TRAIN, 0)
    (text,) = made.state().values()
    assert bytes(text.astype(np.uint8)) == b'{"scale": 2.0}'


@pytest.mark.parametrize(
    "text",
    [
        '{"predict": 1}',
        '{"__class__": "str"}',
        "not json",
        "[]",
        '{"w": {}}',
        '{"w": {"object": "x", "shape": []}}',
        '{"w": {"array": "missing", "shape": [1]}}',
        '{"w": {"list": 3}}',
    ],
)
def test_a_manipulated_or_malformed_state_is_refused(text: str) -> None:
    model_ = LastFeatures()
    with pytest.raises(ValueError, match=r"saved attribute|JSON|Expecting|cannot reshape"):
        restore_attributes(model_, {ATTRIBUTES: np.frombuffer(text.encode(), np.uint8)})
    assert vars(model_) == {}


class WithState(LastFeatures):
    def state(self) -> dict[str, Any]:
        return {"weights": self.weights}

    def restore(self, state: dict[str, Any]) -> None:
        self.weights = state["weights"]


def test_a_model_with_its_own_state_is_used_as_it_is_and_its_fit_may_return_none() -> None:
    own = WithState()
    assert complete(own, "mine") is own  # type: ignore[comparison-overlap]
    check_forecaster(WithState)


def test_a_fit_that_returns_nothing_leaves_an_empty_log() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 2))
    windows = Windows(rows, rows[:, 0], rows[:, 1:], np.arange(10, 40), NET.window, (1,))
    assert complete(LastFeatures(), "mine").fit(windows, windows) == FitLog()


class NoPredict:
    def fit(self, train: Windows, validation: Windows) -> None:
        """Learn nothing."""


class StateAlone(LastFeatures):
    def state(self) -> dict[str, Floats]:
        return {}


class Slotted:
    __slots__ = ("weights",)
    fit, predict = LastFeatures.fit, LastFeatures.predict


def test_an_object_without_the_methods_of_a_model_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"model mine: expected an object .* \(got NoPredict without predict\)"):
        complete(NoPredict(), "mine")
    with pytest.raises(ProtocolError, match=r"model mine: .* or neither \(got state alone\)"):
        complete(StateAlone(), "mine")
    with pytest.raises(ConfigError, match="model mine: a class with __slots__ has no default state"):
        complete(Slotted(), "mine").state()
