"""Tests of models of variances: what they forecast, and that logarithms are turned back without bias."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.models import MODELS
from backtest.models.baselines import Mean, Ridge
from backtest.models.forecaster import FitLog, State
from backtest.models.scales import InLogs
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.variance import Ewma, FittedEwma, Har, LogHar, RandomWalk, VarianceModel
from backtest.models.windows import Floats, Windows

NET = NetSettings(window=30)
N = 4_000


def windows(variances: Floats, start: int, end: int, *, horizon: int = 1, hidden: bool = False) -> Windows:
    """Windows of these bar variances, whose outcome is the sum of the next ones."""
    following = np.lib.stride_tricks.sliding_window_view(variances[1:], horizon).sum(axis=1)
    target = np.append(following, np.full(len(variances) - len(following), np.nan))
    ends = np.arange(max(start, NET.window - 1), end)
    shown = None if hidden else target[:end, None]
    features = np.log(np.maximum(variances, 1e-12))[:, None]
    return Windows(features[:end], np.sqrt(variances)[:end], shown, ends, NET.window, (horizon,), variances[:end])


def lognormal(seed: int = 0, spread: float = 0.8) -> Floats:
    """Persistent lognormal variances (N,) around 1e-4."""
    rng = np.random.default_rng(seed)
    logs = np.zeros(N)
    for step in range(1, N):
        logs[step] = 0.9 * logs[step - 1] + spread * rng.standard_normal()
    return 1e-4 * np.exp(logs)


class LastLog(Mean):
    """Forecasts 0.9 times the last log variance, as the data are made."""

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        return FitLog()

    def predict(self, windows: Windows) -> Floats:
        return 0.9 * windows.past_returns[:, -1]

    def state(self) -> State:
        return {}


def test_logarithms_are_turned_back_to_the_mean_and_not_to_the_median() -> None:
    variances = lognormal()
    train, validation, ask = (windows(variances, *span) for span in ((0, 2_000), (2_001, 3_000), (3_001, N - 1)))
    forecaster = InLogs(LastLog())
    forecaster.fit(train, validation)
    forecast = forecaster.predict(ask.hidden())
    assert forecaster.residual_variance == pytest.approx(0.8**2, rel=0.1)
    assert forecast.mean() == pytest.approx(ask.y.mean(), rel=0.1)
    median = forecast / np.exp(forecaster.residual_variance / 2)
    assert median.mean() < 0.8 * ask.y.mean()


def test_a_forecaster_trained_by_qlike_is_turned_back_as_it_is() -> None:
    """Its forecast is the logarithm of the mean already: no half of the residual variance is added."""

    class MeanInLogs(LastLog):
        loss = "qlike"

    variances = lognormal()
    train, validation, ask = (windows(variances, *span) for span in ((0, 2_000), (2_001, 3_000), (3_001, 3_100)))
    plain, means = InLogs(LastLog()), InLogs(MeanInLogs())
    for forecaster in (plain, means):
        forecaster.fit(train, validation)
    ratio = plain.predict(ask.hidden()) / means.predict(ask.hidden())
    np.testing.assert_allclose(ratio, np.exp(0.8**2 / 2), rtol=0.05)


def test_forecasts_are_held_to_what_outcomes_and_windows_have_shown() -> None:
    variances = lognormal()
    variances[3_200], variances[3_500] = variances[:3_000].max() * 1.5, 1e3
    train, validation, ask = (
        windows(variances, 0, 2_000),
        windows(variances, 2_001, 3_000),
        windows(variances, 3_001, N - 1),
    )
    outcomes = np.concatenate([train.y, validation.y])

    class TenTimesTheLast(LastLog):
        def predict(self, windows: Windows) -> Floats:
            return np.asarray(windows.past_returns[:, -1] + np.log(10))

    forecaster = InLogs(TenTimesTheLast())
    forecaster.fit(train, validation)
    forecaster.residual_variance = np.zeros(1)
    forecast = forecaster.predict(ask.hidden())
    for row, end in enumerate(ask.ends):
        expected = min(10 * variances[end], max(outcomes.max(), variances[end - NET.window + 1 : end + 1].max()))
        assert forecast[row] == pytest.approx(expected, rel=1e-12)
    assert forecast[3_500 - 3_001] == 1e3
    assert forecast[3_200 - 3_001] == variances[3_200] > outcomes.max()


@pytest.mark.parametrize("horizon", [1, 5])
def test_a_regression_that_forecasts_no_variance_at_all_gives_the_mean_of_the_window(horizon: int) -> None:
    variances = lognormal()
    train, validation = (windows(variances, *span, horizon=horizon) for span in ((0, 2_000), (2_001, 3_000)))
    model = Har(NET)
    model.fit(train, validation)
    ask = windows(variances, 3_001, 3_100, horizon=horizon, hidden=True)
    means = [horizon * variances[end - NET.window + 1 : end + 1].mean() for end in ask.ends]
    for constant in (-1.0, 0.0, 0.99 * min(train.y.min(), validation.y.min(), variances[2_900:3_100].min())):
        model.parameters = np.array([constant, 0.0, 0.0, 0.0])
        np.testing.assert_allclose(model.predict(ask), means, rtol=1e-12)
    model.parameters = np.array([np.nan, 0.0, 0.0, 0.0])
    assert np.isnan(model.predict(ask)).all()


@pytest.mark.parametrize("model", [RandomWalk, Ewma, FittedEwma])
def test_weighted_means_of_variances_are_held_to_nothing_but_above_zero(model: type[VarianceModel]) -> None:
    variances = lognormal()
    variances[3_101:] = 1e3 * variances.max()
    variances[3_201:] = 0.0
    one = model()
    one.fit(windows(variances, 0, 2_000, horizon=5), windows(variances, 2_001, 3_000, horizon=5))
    ask = windows(variances, 3_102, 3_103, horizon=20, hidden=True)
    assert one.predict(ask).tolist() == one.forecast(ask).tolist()
    assert one.predict(ask)[0] > 0.999 * ask.past_variances.sum()
    quiet = windows(variances, 3_205, 3_206, horizon=5, hidden=True)
    assert one.predict(quiet)[0] == pytest.approx(one.forecast(quiet)[0] or 5 * quiet.past_variances.mean(), rel=1e-12)
    outcomes = [windows(variances, *span, horizon=5).y for span in ((0, 2_000), (2_001, 3_000))]
    zero = one.predict(windows(variances, 3_300, 3_301, horizon=5, hidden=True))
    assert zero.tolist() == [np.concatenate(outcomes).mean()]


def test_a_variance_of_zero_counts_as_the_smallest_above_it() -> None:
    variances = lognormal()
    variances[::50] = 0.0
    for forecaster in (InLogs(Ridge()), LogHar(NET)):
        forecaster.fit(windows(variances, 0, 2_000), windows(variances, 2_001, 3_000))
        forecast = forecaster.predict(windows(variances, 3_001, N - 1, hidden=True))
        assert np.isfinite(forecast).all()
        assert (forecast > 0).all()
    har = Har(NET)
    har.fit(windows(variances, 0, 2_000), windows(variances, 2_001, 3_000))
    har.parameters *= 0.0
    ask = windows(variances, 3_001, N - 1, hidden=True)
    np.testing.assert_allclose(har.predict(ask), ask.past_variances.mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize("horizon", [1, 5])
def test_the_random_walk_repeats_as_many_bars_as_are_forecast(horizon: int) -> None:
    variances = lognormal()
    model = RandomWalk()
    model.fit(windows(variances, 0, 2_000, horizon=horizon), windows(variances, 2_001, 3_000, horizon=horizon))
    ask = windows(variances, 3_001, 3_100, horizon=horizon, hidden=True)
    expected = [variances[end - horizon + 1 : end + 1].sum() for end in ask.ends]
    np.testing.assert_allclose(model.predict(ask), expected, rtol=1e-12)


def test_har_finds_the_weights_that_the_data_were_made_with() -> None:
    rng = np.random.default_rng(1)
    variances = np.full(N, 1e-4)
    for step in range(22, N):
        day, week, month = (variances[step - lag : step].mean() for lag in (1, 5, 22))
        variances[step] = (2e-5 + 0.3 * day + 0.3 * week + 0.2 * month) * rng.gamma(20, 1 / 20)
    model = Har(NET)
    log = model.fit(windows(variances, 0, 3_000), windows(variances, 3_001, N - 1))
    assert log.note == "lags 1, 5, 22"
    np.testing.assert_allclose(model.parameters[1:], [0.3, 0.3, 0.2], atol=0.12)
    short = Har(NetSettings(window=30, har_lags=(1, 7, 30)))
    assert short.fit(windows(variances, 0, 3_000), windows(variances, 3_001, N - 1)).note == "lags 1, 7, 30"


def test_a_model_in_logs_forecasts_the_same_from_its_state() -> None:
    variances = lognormal()
    first, second = (InLogs(MODELS["ridge"].make(NET, TrainSettings(), 0)) for _ in range(2))
    first.fit(windows(variances, 0, 2_000), windows(variances, 2_001, 3_000))
    second.restore(first.state())
    ask = windows(variances, 3_001, N - 1, hidden=True)
    assert (second.predict(ask) == first.predict(ask)).all()


def test_windows_of_returns_have_no_variances() -> None:
    rows = np.ones((40, 1))
    with pytest.raises(LookupError, match="expected a target such as log_variance"):
        _ = Windows(rows, rows[:, 0], None, np.arange(30, 40), 10, (1,)).past_variances
