"""The networks that see a window alone: the same forecasts from chunks, what they learn, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from backtest.data.errors import ConfigError
from backtest.models import MODELS
from backtest.models.nets.layers import BandAttention, Convolution, LinearInParts, Residual, Steps
from backtest.models.nets.linear import moving_average
from backtest.models.nets.tcn import TCNSettings, dilations
from backtest.models.nets.transformer import TransformerSettings
from backtest.models.neural import NeuralForecaster, check_network
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows
from tests.support.networks import NETWORKS, RECURRENT
from tests.support.selection import quick_or_slow

WINDOW, OF_THE_WINDOW = 16, [name for name in NETWORKS if name not in RECURRENT]


def forecaster(name: str, window: int, **train: object) -> NeuralForecaster:
    settings = TrainSettings.model_validate({"device": "cpu", **train})
    found = MODELS[name].make(NetSettings(window=window, hidden=16, layers=1, dropout=0.0), settings, 0)
    assert isinstance(found, NeuralForecaster)
    return found


def some_network(name: str, window: int, inputs: int, outputs: int) -> nn.Module:
    """A network whose weights are all random, those that begin at zero too."""
    torch.manual_seed(window)
    net = forecaster(name, window).build(inputs, outputs)
    with torch.no_grad():
        for one in net.parameters():
            one.add_(0.2 * torch.randn_like(one))
    return net.eval()


@pytest.mark.parametrize("window", [4, 17, 48])
@pytest.mark.parametrize("name", OF_THE_WINDOW)
@torch.no_grad()
def test_the_forecasts_of_a_chunk_are_those_of_its_windows(name: str, window: int) -> None:
    net, counted = some_network(name, window, inputs=3, outputs=2), 12
    rows = torch.randn(5, window - 1 + counted, 3)
    chunks = net(rows, counted)
    windows = net(rows.unfold(1, window, 1).flatten(0, 1).transpose(1, 2), 1).view(5, counted, 2)
    assert float(windows.std()) > 0.01
    torch.testing.assert_close(chunks, windows, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(net(rows, 3), chunks[:, -3:], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_network_reads_ahead(name: str) -> None:
    check_network(some_network(name, WINDOW, inputs=3, outputs=2), 3, 2, WINDOW)


SIGNALS: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda x: x[:, 0],
    "nonlinear": lambda x: (np.abs(x[:, 0]) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi),
    "long lag": lambda x: np.roll(x[:, 0], WINDOW - 3),
}
"""Signals of variance 1 in standard normal features."""


def learned(name: str, signal: str, *, rows: int = 4000, share: float = 0.5) -> float:
    """Out-of-sample R2 against zero where a signal makes up that share of the variance."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 2))
    y = np.sqrt(share) * SIGNALS[signal](x) + np.sqrt(1 - share) * rng.normal(size=rows)
    spans = (WINDOW, rows // 2), (rows // 2, rows * 5 // 8), (rows * 5 // 8, rows)
    train, validation, ask = (
        Windows(x[:end], x[:end, 0], y[:end, None], np.arange(start, end), WINDOW, (1,)) for start, end in spans
    )
    fitted = forecaster(name, WINDOW, chunk=16, batch=64, epochs=15, learning_rate=0.005)
    fitted.fit(train, validation)
    return float(1 - ((ask.y - fitted.predict(ask)) ** 2).mean() / (ask.y**2).mean())


LINEAR = ("dlinear", "nlinear")
LEARNED = [f"{name}: {signal}" for name in OF_THE_WINDOW for signal in SIGNALS]


@pytest.mark.parametrize("case", quick_or_slow(LEARNED, ["dlinear: long lag", "tcn: linear", "mlp: nonlinear"]))
def test_a_planted_signal_is_learned(case: str) -> None:
    name, signal = case.split(": ")
    if name in LINEAR and signal == "nonlinear":
        assert learned(name, signal) == pytest.approx(0.0, abs=0.05)
    else:
        assert learned(name, signal) > 0.35


def test_dlinear_forecasts_from_the_moving_average_and_the_rest() -> None:
    net = some_network("dlinear", WINDOW, inputs=2, outputs=1)
    (layer,) = (one for one in net.modules() if isinstance(one, LinearInParts))
    window = np.random.default_rng(0).normal(size=(WINDOW, 2))
    padded = np.pad(window, ((12, 12), (0, 0)), mode="edge")
    trend = np.stack([padded[row : row + 25].mean(axis=0) for row in range(WINDOW)])
    of_trend, of_rest = np.split(layer.weight.detach().double().numpy()[0], 2, axis=1)
    expected = (trend * of_trend.T).sum() + ((window - trend) * of_rest.T).sum() + float(layer.bias.detach())
    found = net(torch.from_numpy(window)[None].float(), 1)
    assert float(found.detach()) == pytest.approx(expected, rel=1e-4)


def test_a_moving_average_of_an_even_length_leans_to_the_past() -> None:
    assert moving_average(3, 2).tolist() == [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]


def test_nlinear_forecasts_from_the_window_less_its_last_row() -> None:
    net = some_network("nlinear", WINDOW, inputs=2, outputs=1)
    (layer,) = (one for one in net.modules() if isinstance(one, LinearInParts))
    window = torch.randn(1, WINDOW, 2)
    weight = layer.weight.detach()[0].T
    expected = ((window[0] - window[0, -1]) * weight).sum() + (window[0, -1] * weight[-1]).sum() + layer.bias
    torch.testing.assert_close(net(window, 1).flatten(), expected)


@given(st.integers(2, 5), st.integers(5, 200))
def test_the_receptive_field_of_a_tcn_fills_its_window_as_far_as_it_can(kernel: int, window: int) -> None:
    found = dilations(TCNSettings(kernel=kernel), window)
    field = 1 + (kernel - 1) * sum(found)
    assert window - kernel < field - 1 < window
    assert found[:-1] == [2**level for level in range(len(found) - 1)]
    assert 1 <= found[-1] <= 2 ** (len(found) - 1)


def test_the_receptive_field_of_a_tcn_is_that_of_its_levels() -> None:
    net = some_network("tcn", 13, inputs=1, outputs=1)
    rows = torch.randn(1, 20, 1, requires_grad=True)
    (seen,) = torch.autograd.grad(net(rows, 1).sum(), rows)
    assert seen.flatten().nonzero().flatten().tolist() == list(range(7, 20))
    assert dilations(TCNSettings(kernel=3, levels=2), 13) == [1, 2]


@pytest.mark.parametrize(
    ("kernel", "levels", "window", "got"),
    [(3, 5, 48, "63, of 5 levels with kernel 3"), (7, None, 6, "7, of one level with kernel 7")],
)
def test_a_receptive_field_beyond_the_window_is_refused(kernel: int, levels: int | None, window: int, got: str) -> None:
    with pytest.raises(ConfigError, match=rf"model tcn: .* within net.window, {window} rows \(got {got}\): take fewer"):
        dilations(TCNSettings(kernel=kernel, levels=levels), window)


def test_layers_that_reach_beyond_the_window_together_are_refused() -> None:
    attention = BandAttention(width=2, heads=1, band=6)
    net = Steps(Residual(Convolution(2, 2, kernel=3, dilation=4)), Residual(nn.LayerNorm(2), attention))
    assert net.reach == 1 + 8 + 5
    assert net(torch.zeros(1, 14, 2), 1).shape == (1, 1, 2)
    with pytest.raises(ConfigError, match=r"no further than the window, 13 rows \(got 14\): take fewer of them"):
        net(torch.zeros(1, 14, 2), 2)


@pytest.mark.parametrize("name", OF_THE_WINDOW)
def test_a_network_of_layers_knows_its_reach(name: str) -> None:
    net = forecaster(name, WINDOW).build(2, 1)
    assert isinstance(net, Steps)
    assert WINDOW - 2 < net.reach <= WINDOW


def test_a_convolution_is_that_of_torch() -> None:
    torch.manual_seed(0)
    ours, theirs, x = Convolution(3, 4, kernel=3, dilation=2), nn.Conv1d(3, 4, 3, dilation=2), torch.randn(2, 11, 3)
    with torch.no_grad():
        theirs.weight.copy_(ours.linear.weight.view(4, 3, 3).transpose(1, 2))
        theirs.bias.copy_(ours.linear.bias)  # type: ignore[union-attr]
        torch.testing.assert_close(ours(x), theirs(x.transpose(1, 2)).transpose(1, 2))
    gain, direction = (tensor for name, tensor in ours.named_parameters() if "original" in name)
    expected = gain * direction / direction.norm(dim=1, keepdim=True)
    torch.testing.assert_close(ours.linear.weight, expected)


def test_attention_is_a_mean_of_the_band_with_softmax_weights() -> None:
    """Of two heads of two columns, whose rotation is by one radian a step: scores depend on the distance alone."""
    torch.manual_seed(0)
    layer, x = BandAttention(width=4, heads=2, band=3), torch.randn(1, 6, 4)
    with torch.no_grad():
        q, (k, v) = layer.queries(x)[0], layer.memory(x)[0].chunk(2, dim=1)
        expected = torch.zeros(4, 4)
        for step in range(2, 6):
            for head in (slice(0, 2), slice(2, 4)):
                band = range(step - 2, step + 1)
                scores = [(turned(q[step, head], step - row) @ k[row, head]) / 2**0.5 for row in band]
                weights = torch.stack(scores).softmax(0)
                expected[step - 2, head] = weights @ v[list(band), head]
        torch.testing.assert_close(layer(x)[0], layer.out(expected))


def turned(pair: torch.Tensor, steps: int) -> torch.Tensor:
    """A pair turned by one radian for each step."""
    cos, sin = np.cos(steps), np.sin(steps)
    return torch.stack([pair[0] * cos - pair[1] * sin, pair[0] * sin + pair[1] * cos])


def test_a_transformer_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(ValueError, match=r"width must be a multiple of 8, twice the heads \(got 20\)"):
        TransformerSettings(width=20)
    with pytest.raises(ConfigError, match=r"model transformer: layers must be fewer than .* net.window, 2 \(got 2\)"):
        forecaster("transformer", 2).build(1, 1)
