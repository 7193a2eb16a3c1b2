"""Tests of probabilities: what any other model learns of an event, and how far its forecasts can go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backtest.data.losses import LOSSES
from backtest.data.question import Question
from backtest.models import MODELS, entry_of
from backtest.models.baselines import Mean, Ridge
from backtest.models.forecaster import FitLog, State, StoredAttributes
from backtest.models.probability import BaseRate, Coin, within
from backtest.models.scales import WRAPPERS, FlooredInputs, InProbabilities, make_forecaster
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows

WINDOW, N = 8, 3_000


def windows(start: int, end: int, *, strength: float = 0.0, hidden: bool = False, horizons: int = 1) -> Windows:
    """Windows whose event is likelier, by `strength`, the larger the newest feature."""
    rng = np.random.default_rng(0)
    features = rng.uniform(-1, 1, (N, 1))
    target = (rng.uniform(size=N) < 0.6 + strength * features[:, 0]).astype(np.float64)
    columns = np.column_stack([target, 1 - target])[:, :horizons]
    ends, ahead = np.arange(max(start, WINDOW - 1), end), tuple(range(1, horizons + 1))
    return Windows(features[:end], features[:end, 0], None if hidden else columns[:end], ends, WINDOW, ahead)


class Says(Mean):
    """Forecasts a constant, and keeps the outcomes that it was given."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value, self.seen = value, np.empty(0)

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        self.seen = train.y
        return FitLog()

    def predict(self, windows: Windows) -> Floats:
        return np.full(windows.ends.shape, self.value)

    def state(self) -> State:
        return {}


def test_a_model_learns_the_event_less_its_share_in_training() -> None:
    inner, train = Says(0.25), windows(0, 1_000)
    forecaster = InProbabilities(inner)
    forecaster.fit(train, windows(1_001, 1_500))
    np.testing.assert_allclose(inner.seen, train.y - train.y.mean(), atol=1e-15)
    forecast = forecaster.predict(windows(1_501, 1_600, hidden=True))
    np.testing.assert_allclose(forecast, train.y.mean() + 0.25, rtol=1e-12)


@pytest.mark.parametrize(("said", "expected"), [(5.0, lambda n: 1 - 1 / (2 * n)), (-5.0, lambda n: 1 / (2 * n))])
def test_no_forecast_is_more_certain_than_the_training_windows_can_tell(said: float, expected: object) -> None:
    train = windows(0, 1_000)
    forecaster = InProbabilities(Says(said))
    forecaster.fit(train, windows(1_001, 1_500))
    forecast = forecaster.predict(windows(1_501, 1_600, hidden=True))
    assert callable(expected)
    np.testing.assert_array_equal(forecast, expected(len(train)))
    for outcome in (0.0, 1.0):
        assert LOSSES["log_loss"](np.full(99, outcome), forecast).max() <= np.log(2 * len(train)) + 1e-9


def test_the_bound_is_near_the_estimate_of_krichevsky_and_trofimov() -> None:
    for n in (1, 10, 1_000):
        estimate = (n + 0.5) / (n + 1)
        assert 0 < 1 / (1 - float(within(np.array(1.0), n))) / (1 / (1 - estimate)) <= 1
        assert float(within(np.array(1.0), n)) == pytest.approx(estimate, abs=1 / n**2)


def test_each_horizon_has_its_own_share_and_bounds() -> None:
    class Both(Says):
        def predict(self, windows: Windows) -> Floats:
            return np.full((len(windows), 2), self.value)

    train = windows(0, 1_000, horizons=2)
    forecaster = InProbabilities(Both(0.0))
    forecaster.fit(train, windows(1_001, 1_500, horizons=2))
    forecast = forecaster.predict(windows(1_501, 1_600, hidden=True, horizons=2))
    np.testing.assert_allclose(forecast[0], train.y.mean(axis=0), rtol=1e-12)
    assert forecast.shape == (99, 2)
    assert abs(forecast[0, 0] + forecast[0, 1] - 1) < 1e-12


def test_a_linear_model_finds_the_probability_that_the_data_were_made_with() -> None:
    forecaster = InProbabilities(Ridge())
    forecaster.fit(windows(0, 2_000, strength=0.3), windows(2_001, 2_400, strength=0.3))
    ask = windows(2_401, N - 1, strength=0.3, hidden=True)
    truth = 0.6 + 0.3 * ask.features[ask.ends, 0]
    assert np.abs(forecaster.predict(ask) - truth).mean() < 0.04


def test_a_model_of_probabilities_forecasts_the_same_from_its_state() -> None:
    first, second = (InProbabilities(MODELS["ridge"].make(NetSettings(), TrainSettings(), 0)) for _ in range(2))
    first.fit(windows(0, 1_000, strength=0.3), windows(1_001, 1_500, strength=0.3))
    second.restore(first.state())
    ask = windows(1_501, 1_600, strength=0.3, hidden=True)
    assert (second.predict(ask) == first.predict(ask)).all()


def test_the_base_rate_counts_training_and_validation_and_the_coin_nothing() -> None:
    train, validation, ask = windows(0, 1_000), windows(1_001, 1_500), windows(1_501, 1_600, hidden=True)
    rate, coin = BaseRate(), Coin()
    assert rate.fit(train, validation).note == f"{np.concatenate([train.y, validation.y]).mean():.4f}"
    assert (rate.predict(ask) == np.concatenate([train.y, validation.y]).mean()).all()
    coin.fit(train, validation)
    assert (coin.predict(ask) == 0.5).all()


def test_a_base_rate_of_one_is_not_certain() -> None:
    always = replace(windows(0, 1_000), targets=np.ones((N, 1)))
    rate = BaseRate()
    rate.fit(always, always)
    assert rate.rate == 1 - 1 / (4 * len(always))


def test_only_models_of_any_target_are_turned() -> None:
    def made(name: str, target: str) -> type:
        made = make_forecaster(entry_of(name, MODELS[name]), Question(target), 0)
        assert isinstance(made, FlooredInputs)
        return type(made.forecaster)

    assert made("ridge", "log_variance") is WRAPPERS["variance"]
    assert made("ridge", "direction") is WRAPPERS["probability"]
    assert made("base_rate", "direction") is StoredAttributes  # completed, not turned
    assert made("ridge", "log_return") is Ridge
