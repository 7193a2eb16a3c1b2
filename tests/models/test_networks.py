"""The decorator of networks: what it needs, what it passes on, and what a model of a network reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from backtest.data.errors import ConfigError
from backtest.models import MODELS, ModelSettings, check_forecaster, network
from backtest.models.contract import NET, TRAIN
from backtest.models.neural import NeuralForecaster
from backtest.models.settings import NetSettings, TrainSettings

pytestmark = pytest.mark.usefixtures("open_tables")


class LastRows(nn.Module):
    """Linear in the newest row."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor, counted: int) -> torch.Tensor:
        forecasts: torch.Tensor = self.linear(x[:, -counted:])
        return forecasts


def test_a_class_of_a_network_is_a_model_that_keeps_the_protocol() -> None:
    assert network("last_rows")(LastRows) is LastRows
    entry = MODELS["last_rows"]
    assert (entry.doc, entry.seeded, entry.multi_horizon) == ("Linear in the newest row.", True, True)
    assert entry.reads == {*TrainSettings.model_fields}
    check_forecaster(LastRows, horizons=(1, 3))


class WideSettings(ModelSettings):
    """Of a network."""

    width: int = 3


def test_a_network_is_given_what_it_asks_for() -> None:
    given: list[tuple[int, int, NetSettings, int]] = []

    @network("wide", settings=WideSettings)
    def wide(outputs: int, inputs: int, settings: WideSettings, window: int, net: NetSettings) -> nn.Module:
        given.append((window, settings.width, net, inputs))
        return LastRows(inputs, outputs)

    for settings, width in ((None, 3), (WideSettings(width=7), 7)):
        made = MODELS["wide"].make(NET, TRAIN, 0, settings)
        assert isinstance(made, NeuralForecaster)
        made.build(2, 1)
        assert given.pop() == (NET.window, width, NET, 2)
    assert MODELS["wide"].reads == {"hidden", "layers", "dropout", *TrainSettings.model_fields}


def without_outputs(inputs: int) -> nn.Module:
    return LastRows(inputs, 1)


def with_heads(inputs: int, outputs: int, heads: int) -> nn.Module:
    return LastRows(inputs, outputs)


@pytest.mark.parametrize(
    ("factory", "got"), [(without_outputs, r"\(got inputs\)"), (with_heads, r"\(got inputs, outputs, heads\)")]
)
def test_a_factory_that_cannot_be_called_is_refused(factory: Callable[..., nn.Module], got: str) -> None:
    with pytest.raises(ConfigError, match=rf"network 'mine': .* any of net, window {got}: give other parameters"):
        network("mine")(factory)
    assert "mine" not in MODELS
