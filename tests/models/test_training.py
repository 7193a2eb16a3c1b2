"""Training: it learns, stops early, repeats itself to the last bit, and its memory does not grow with the windows."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from backtest.data.errors import ConfigError, ProtocolError
from backtest.data.losses import LOSSES
from backtest.models import MODELS
from backtest.models.forecaster import FitLog
from backtest.models.nets.recurrent_layers import Cell, RecurrentNet
from backtest.models.neural import Build, NeuralForecaster, check_network
from backtest.models.scaling import Scaler
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.training import Adam, Rows, cut
from backtest.models.windows import Windows

NET = NetSettings(hidden=16, layers=1, dropout=0.0, window=8)


def world(rows: int = 3000, seed: int = 0) -> tuple[Windows, Windows, Windows]:
    """Returns of which about a third of the variance follows from the last one: to learn, to validate, to be asked."""
    noise = np.random.default_rng(seed).normal(size=rows)
    series = np.zeros(rows)
    for row in range(1, rows):
        series[row] = 0.6 * series[row - 1] + noise[row]
    features = np.column_stack([series, np.random.default_rng(seed + 1).normal(size=rows)])
    target = np.append(series[1:], np.nan)

    def part(start: int, end: int) -> Windows:
        return Windows(features[:end], series[:end], target[:end, None], np.arange(max(start, 7), end), 8, (1,))

    return part(0, rows // 2), part(rows // 2 + 1, rows * 3 // 4), part(rows * 3 // 4 + 1, rows - 1)


def recurrent(cell: Cell, net: NetSettings) -> Build:
    return lambda inputs, outputs: RecurrentNet(cell, inputs, outputs, net)


def fit(cell: Cell = "lstm", seed: int = 0, net: NetSettings = NET, **train: object) -> tuple[NeuralForecaster, FitLog]:
    settings = TrainSettings.model_validate({"chunk": 16, "batch": 64, "epochs": 6, "learning_rate": 0.01, **train})
    forecaster = NeuralForecaster(recurrent(cell, net), settings, seed)
    learn, validate, _ = world()
    return forecaster, forecaster.fit(learn, validate)


def r_squared(forecaster: NeuralForecaster) -> float:
    *_, ask = world()
    return float(1 - ((ask.y - forecaster.predict(ask)) ** 2).mean() / (ask.y**2).mean())


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("sampling", ["chunks", "windows"])
def test_a_planted_signal_is_learned(cell: Cell, sampling: str) -> None:
    forecaster, _ = fit(cell, sampling=sampling)
    assert r_squared(forecaster) == pytest.approx(0.36, abs=0.06)


def test_the_best_epoch_is_kept() -> None:
    _, log = fit(epochs=12, patience=2, learning_rate=0.05)
    losses = [epoch.validation_loss for epoch in log.epochs]
    assert log.best == int(np.argmin(losses)) + 1
    assert len(losses) == min(12, log.best + 2)
    stopped, short = fit(epochs=log.best, patience=12, learning_rate=0.05)
    again, _ = fit(epochs=12, patience=2, learning_rate=0.05)
    *_, ask = world()
    assert short.epochs == log.epochs[: log.best]
    np.testing.assert_array_equal(again.predict(ask), stopped.predict(ask))


def test_qlike_of_log_variances_is_that_of_variances() -> None:
    """Beyond that of a perfect forecast, for targets and forecasts in training standard deviations."""
    one = world()[0]
    learn = replace(one, targets=np.asarray(one.targets) * [1.0, 2.5], horizons=(1, 2))
    scaler = Scaler.of(learn)
    rows = Rows.of(learn, scaler, torch.device("cpu"), "qlike")

    class Fixed(RecurrentNet):
        def forward(self, x: torch.Tensor, counted: int = 1) -> torch.Tensor:
            return 0.3 * x[:, -counted:, :2]

    total, count = rows.loss(Fixed("lstm", 2, 2, NET), cut(learn, 16), slice(None))
    y, f = learn.y, scaler.target_std * 0.3 * scaler.transform(learn.features)[learn.ends]
    assert count == 2 * len(learn)
    assert float(total) == pytest.approx(LOSSES["qlike"].excess(np.exp(y), np.exp(f)).sum(), rel=1e-4)


@pytest.mark.parametrize(("loss", "above"), [("squared", 0.0), ("qlike", 0.72)])
def test_by_qlike_a_network_learns_the_logarithm_of_the_mean(loss: str, above: float) -> None:
    """Of outcomes exp(x) whose logarithm has variance 1.44 around its mean: half of that lies between both."""
    rng = np.random.default_rng(3)
    features, logs = rng.normal(size=(6_000, 2)), 1.2 * rng.normal(size=6_000)
    parts = [
        Windows(features[:end], logs[:end], logs[:end, None], np.arange(start, end), 8, (1,))
        for start, end in ((8, 4_000), (4_001, 6_000))
    ]
    settings = TrainSettings(chunk=16, batch=256, epochs=12, learning_rate=0.01, loss=loss)
    forecaster = NeuralForecaster(recurrent("lstm", NET), settings, 0)
    forecaster.fit(*parts)
    assert forecaster.predict(parts[1]).mean() == pytest.approx(above, abs=0.1)


def test_the_same_seed_gives_the_same_bits_after_any_other_work() -> None:
    first, _ = fit("gru", net=NET.model_copy(update={"layers": 2, "dropout": 0.3}))
    torch.manual_seed(99)
    second, _ = fit("gru", net=NET.model_copy(update={"layers": 2, "dropout": 0.3}))
    other, _ = fit("gru", seed=1, net=NET.model_copy(update={"layers": 2, "dropout": 0.3}))
    *_, ask = world()
    np.testing.assert_array_equal(first.predict(ask), second.predict(ask))
    assert not np.array_equal(first.predict(ask), other.predict(ask))


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adam_is_that_of_torch_to_the_bit(weight_decay: float) -> None:
    weights = []
    for make in (Adam, torch.optim.Adam):
        torch.manual_seed(0)
        net = torch.nn.LSTM(3, 5, 2)
        optimiser = make(net.parameters(), 0.01, weight_decay=weight_decay)
        for _ in range(20):
            optimiser.zero_grad()
            net(torch.randn(7, 3))[0].square().sum().backward()
            optimiser.step()
        weights.append(list(net.parameters()))
    assert all(map(torch.equal, *weights))


def test_a_parameter_without_a_gradient_stays_as_it_is() -> None:
    moved, kept = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    optimiser = Adam([kept, moved], 0.01, weight_decay=0.0)
    moved.grad = torch.tensor([1.0, -1.0])
    optimiser.step()
    assert kept.tolist() == [1.0, 1.0, 1.0]
    assert moved.tolist() == pytest.approx([0.99, 1.01])


class ReadsAhead(torch.nn.Module):
    """Linear in the row itself and the one after it."""

    def forward(self, x: torch.Tensor, counted: int) -> torch.Tensor:
        return (x[:, -counted:] + x.roll(-1, dims=1)[:, -counted:]).sum(dim=2, keepdim=True)


class NormalisesOverSteps(torch.nn.Module):
    """A batch norm, whose training statistics hold every step."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(2)

    def forward(self, x: torch.Tensor, counted: int) -> torch.Tensor:
        normal: torch.Tensor = self.norm(x.transpose(1, 2))
        return normal[:, :1, -counted:].transpose(1, 2)


class ForgetsToSlice(torch.nn.Linear):
    """Forecasts at every step."""

    def forward(self, x: torch.Tensor, counted: int = 1) -> torch.Tensor:
        return super().forward(x)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (ReadsAhead(), "ReadsAhead: the forecast of a step must not depend on later rows"),
        (NormalisesOverSteps(), "NormalisesOverSteps: the forecast of a step must not depend on later rows"),
        (ForgetsToSlice(2, 1), r"ForgetsToSlice: forward\(x, counted\) must .* \(2, 2, 1\) \(got \(2, 9, 1\)\)"),
    ],
)
def test_a_network_that_cannot_be_trained_on_chunks_is_refused(net: torch.nn.Module, message: str) -> None:
    learn, validate, _ = world(rows=200)
    with pytest.raises(ProtocolError, match=message):
        NeuralForecaster(lambda inputs, outputs: net, TrainSettings(), 0).fit(learn, validate)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_dropout_and_recurrence_are_no_reading_ahead(cell: Cell) -> None:
    check_network(RecurrentNet(cell, 3, 2, NetSettings(hidden=8, dropout=0.5)), 3, 2, 5)


def test_fitting_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    fit(epochs=1)
    assert torch.equal(torch.rand(1), expected)


def test_a_second_fit_is_cold_unless_a_warm_start_is_asked_for() -> None:
    learn, validate, ask = world()
    for start, same in (("cold", True), ("warm", False)):
        forecaster, _ = fit(epochs=2, start=start)
        before = forecaster.predict(ask)
        forecaster.fit(learn, validate)
        assert np.array_equal(forecaster.predict(ask), before) is same


def test_weights_of_another_shape_are_refused() -> None:
    forecaster, _ = fit(epochs=1)
    other = NeuralForecaster(recurrent("lstm", NET.model_copy(update={"hidden": 5})), TrainSettings(), 0)
    with pytest.raises(ConfigError, match="do not fit these settings"):
        other.restore(forecaster.state())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="torch finds no GPU"):
        NeuralForecaster(recurrent("gru", NET), TrainSettings(device="cuda"), 0)


PEAK = """
import resource, sys
import numpy as np, torch
from backtest.models import MODELS
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Windows
torch.set_num_threads(1)
rows, sampling = int(sys.argv[1]), sys.argv[2]
x = np.zeros((rows, 4))
part = lambda start, end: Windows(x[:end], x[:end, 0], x[:end, :1], np.arange(start, end), 96, (1,))
net = NetSettings(hidden=1, layers=1, window=96)
train = TrainSettings(sampling=sampling, epochs=1, batch=4096)
forecaster = MODELS["lstm"].make(net, train, 0)
forecaster.fit(part(95, rows - 2000), part(rows - 1900, rows))
forecaster.predict(part(95, rows))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("sampling", ["chunks", "windows"])
def test_peak_memory_does_not_grow_with_the_number_of_windows(sampling: str) -> None:
    def peak(rows: int) -> int:
        command = [sys.executable, "-c", PEAK, str(rows), sampling]
        return int(subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, check=True).stdout)  # noqa: S603

    few, many = 10_000, 110_000
    one_window_each = (many - few) * 96 * 4 * 4
    assert peak(many) - peak(few) < 0.25 * one_window_each


def far(windows: Windows, times: float) -> Windows:
    """The same windows with inputs so many times as large."""
    return replace(windows, features=windows.features * times)


@pytest.mark.parametrize("name", ["lstm", "ridge"])
def test_inputs_beyond_the_training_range_count_as_its_border_and_forecasts_stay_within_the_outcomes(name: str) -> None:
    learn, _, ask = world()
    free, held = (
        MODELS[name].make(NET, TrainSettings(chunk=16, batch=64, epochs=2, learning_rate=0.01, clip=clip), 0)
        for clip in ("off", 0.0)
    )
    for forecaster in (free, held):
        forecaster.fit(learn, learn)  # nothing beyond the training range to stop by
    np.testing.assert_array_equal(free.predict(learn), held.predict(learn))
    limits = learn.features.min(axis=0), learn.features.max(axis=0)
    wild = far(ask, 50.0)
    within = replace(wild, features=np.clip(wild.features, *limits))
    assert not np.array_equal(held.predict(wild), free.predict(wild))
    ends = learn.y.min(), learn.y.max()
    np.testing.assert_array_equal(held.predict(wild), np.clip(free.predict(within), *ends))
    again = MODELS[name].make(NET, TrainSettings(clip=0.0), 0)
    again.restore(held.state())
    np.testing.assert_array_equal(again.predict(wild), held.predict(wild))
    narrow = np.array([-0.01, 0.02]).reshape(np.asarray(held.state()["scaler.target_limits"]).shape)
    again.restore({**held.state(), "scaler.target_limits": narrow})
    np.testing.assert_array_equal(again.predict(ask), np.clip(held.predict(ask), -0.01, 0.02))
    assert {again.predict(ask).min(), again.predict(ask).max()} == {-0.01, 0.02}


def test_an_impossible_clip_is_refused() -> None:
    for value in (-0.1, True, "on", float("inf")):
        with pytest.raises(ValueError, match=r"must be a number >= 0, such as 0.1, or .off"):
            TrainSettings.model_validate({"clip": value})
    assert TrainSettings().clip == "off"
