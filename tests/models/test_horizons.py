"""Several horizons: one fit for each, or one network for all; the autoregression iterates, as statsmodels does."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.tsa.ar_model import AutoReg, AutoRegResults

from backtest.data.errors import ProtocolError
from backtest.data.question import Question
from backtest.models import MODELS, FitLog, Forecaster, entry_of
from backtest.models.contract import NET, TRAIN, check_forecaster
from backtest.models.forecaster import predict
from backtest.models.horizons import PerHorizon
from backtest.models.scales import FlooredInputs, make_forecaster
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows
from tests.support.networks import SLOW_NETWORKS
from tests.support.selection import quick_or_slow

WINDOW, N = 30, 3_000
HORIZONS = (1, 3, 10)


def series() -> Floats:
    """An autoregression of order 2 with a mean."""
    noise = np.random.default_rng(0).normal(size=N)
    values = np.zeros(N)
    for row in range(2, N):
        values[row] = 0.05 + 0.5 * values[row - 1] - 0.2 * values[row - 2] + noise[row]
    return values


def windows(start: int, end: int, horizons: tuple[int, ...] = HORIZONS, *, additive: bool = True) -> Windows:
    """Windows over the series, whose outcomes are the sums of its next values."""
    values, targets = series(), np.full((N, len(horizons)), np.nan)
    for column, horizon in enumerate(horizons):
        sums = np.lib.stride_tricks.sliding_window_view(values[1:], horizon).sum(axis=1)
        targets[: len(sums), column] = sums
    ends = np.arange(max(start, WINDOW - 1), end)
    features = np.column_stack([values, values**2])
    return Windows(features[:end], values[:end], targets[:end], ends, WINDOW, horizons, additive=additive)


TRAINED, CHECKED, ASKED = (0, 2_000), (2_010, 2_500), (2_510, N - 10)


def fitted(forecaster: Forecaster, horizons: tuple[int, ...], *, additive: bool = True) -> FitLog:
    return forecaster.fit(
        windows(*TRAINED, horizons, additive=additive), windows(*CHECKED, horizons, additive=additive)
    )


def made(name: str, horizons: tuple[int, ...]) -> Forecaster:
    net, train = NetSettings(window=WINDOW, hidden=8, layers=1), TrainSettings(epochs=3)
    return make_forecaster(entry_of(name, MODELS[name], net=net, train=train), Question(horizons=horizons), 0)


def weights_of(forecaster: Forecaster) -> Floats:
    return np.asarray(forecaster.state()["weights"], np.float64)


@pytest.mark.parametrize("name", ["zero", "naive", "mean", "ar", "ridge"])
def test_every_horizon_of_a_baseline_is_that_of_a_run_of_its_own(name: str) -> None:
    together = made(name, HORIZONS)
    fitted(together, HORIZONS)
    point = predict(together, windows(*ASKED).hidden(), name).point
    assert point.shape == (N - 10 - 2_510, 3)
    for column, horizon in enumerate(HORIZONS):
        alone = made(name, (horizon,))
        fitted(alone, (horizon,))
        np.testing.assert_array_equal(point[:, column], alone.predict(windows(*ASKED, (horizon,)).hidden()))


def test_forecasts_of_several_horizons_survive_their_state() -> None:
    first, second = made("ridge", HORIZONS), made("ridge", HORIZONS)
    log = fitted(first, HORIZONS)
    second.restore(first.state())
    ask = windows(*ASKED).hidden()
    np.testing.assert_array_equal(first.predict(ask), second.predict(ask))
    assert all(f"{horizon} ahead: penalty" in log.note for horizon in HORIZONS)


@pytest.mark.parametrize("horizon", [3, 10])
def test_the_autoregression_is_iterated_as_by_statsmodels(horizon: int) -> None:
    model = MODELS["ar"].make(NetSettings(window=WINDOW), TrainSettings(), 0)
    log = fitted(model, (horizon,))
    order = int(log.note.split()[1])
    rows = np.arange(WINDOW - 1, TRAINED[1])  # the newest return of each training window is an outcome
    values = series()
    theirs: AutoRegResults = AutoReg(values[rows[0] - order : rows[-1] + 1], lags=order, trend="c").fit()
    ask = windows(*ASKED, (horizon,)).hidden()
    forecasts = model.predict(ask)
    for place in (0, 7, 200):
        end = ask.ends[place]
        extended = theirs.append(values[rows[-1] + 1 : end + 1])
        assert forecasts[place] == pytest.approx(extended.forecast(horizon).sum(), rel=1e-8)


def test_an_outcome_that_is_no_sum_of_returns_is_regressed_on_them_itself() -> None:
    direct, iterated = (MODELS["ar"].make(NetSettings(window=WINDOW), TrainSettings(), 0) for _ in range(2))
    fitted(direct, (3,), additive=False)
    fitted(iterated, (3,))
    train = windows(*TRAINED, (3,), additive=False)
    columns = np.column_stack([np.ones(len(train)), train.past_returns[:, ::-1][:, :2]])
    weights, *_ = np.linalg.lstsq(columns, train.y, rcond=None)
    np.testing.assert_allclose(weights_of(direct), weights[1:], rtol=1e-8)
    assert not np.allclose(weights_of(direct), weights_of(iterated), rtol=1e-3)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_one_network_learns_all_horizons(cell: str) -> None:
    train = TrainSettings(epochs=8, learning_rate=0.01, chunk=16, batch=64, device="cpu")
    entry = entry_of(cell, MODELS[cell], net=NetSettings(window=WINDOW, hidden=16, layers=1), train=train)
    net = make_forecaster(entry, Question(horizons=(1, 3)), 0)
    assert len(fitted(net, (1, 3)).epochs) > 1
    linear, ask = made("ar", (1, 3)), windows(*ASKED, (1, 3))
    fitted(linear, (1, 3))
    errors = [((predict(one, ask.hidden(), "").point - ask.y) ** 2).mean(axis=0) for one in (net, linear)]
    assert (errors[0] < 1.03 * errors[1]).all()  # the true model is linear


OF_RETURNS = {name for name, model in MODELS.items() if model.scale in {"any", "return"}}


@pytest.mark.parametrize("name", quick_or_slow(sorted(OF_RETURNS), OF_RETURNS - SLOW_NETWORKS))
def test_the_rules_for_forecasters_hold_with_several_horizons(name: str) -> None:
    def several(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
        return make_forecaster(entry_of(name, MODELS[name], net=net, train=train), Question(horizons=(1, 2, 4)), seed)

    check_forecaster(several, net=NET, train=TRAIN, horizons=(1, 2, 4))


def test_forecasts_of_too_few_horizons_are_named() -> None:
    short = MODELS["zero"].make(NET, TRAIN, 0)
    with pytest.raises(ProtocolError, match=r"model short: predict must return forecasts of shape \(480, 3\), 480 win"):
        predict(short, windows(*ASKED), "short")


def test_windows_of_several_horizons_have_no_single_one() -> None:
    several = windows(*ASKED)
    with pytest.raises(LookupError, match=r"have the horizons \(1, 3, 10\)"):
        _ = several.horizon
    np.testing.assert_array_equal(several.only(3).y, several.y[:, 1])
    assert several.only(3).horizon == 3
    found = made("ridge", HORIZONS)
    assert isinstance(found, FlooredInputs)
    assert isinstance(found.forecaster, PerHorizon)
