"""The temporal convolutional network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from backtest.data.errors import ConfigError
from backtest.models.networks import network
from backtest.models.settings import ModelSettings

if TYPE_CHECKING:
    from torch import nn


class TCNSettings(ModelSettings):
    """Shape of the temporal convolutional network."""

    channels: int = Field(64, ge=1, description="channels of each convolution")
    kernel: int = Field(2, ge=2, description="rows that a convolution joins")
    levels: int | None = Field(None, ge=1, description="convolutions, each dilated twice as far; none: what fits")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of values dropped after each convolution in training")


@network("tcn", settings=TCNSettings)
def tcn(inputs: int, outputs: int, window: int, settings: TCNSettings) -> nn.Module:
    """Temporal convolutional network: causal, dilated convolutions with residuals.

    Bai, Kolter and Koltun (2018), arXiv 1803.01271, with one convolution a level.
    """
    from torch import nn

    from backtest.models.nets.layers import ChannelDropout, Convolution, Residual, Steps

    layers: list[nn.Module] = []
    width, channels = inputs, settings.channels
    for dilation in dilations(settings, window):
        convolution = Convolution(width, channels, settings.kernel, dilation)
        skip = None if width == channels else nn.Linear(width, channels)
        layers += [Residual(convolution, nn.ReLU(), ChannelDropout(settings.dropout), skip=skip), nn.ReLU()]
        width = channels
    return Steps(*layers, nn.Linear(width, outputs))


def dilations(settings: TCNSettings, window: int) -> list[int]:
    """Dilations 1, 2, 4, ... of the levels; each adds (kernel - 1) dilation rows to the receptive field.

    Where the settings do not say how many, there are as many as the window holds, the last one shortened to what the
    others leave of it. Raises ConfigError where the window does not hold them.
    """
    step, room = settings.kernel - 1, window - 1
    wanted = [2**level for level in range(settings.levels or max(1, (room // step + 1).bit_length() - 1))]
    if step * sum(wanted) > room:
        levels = "one level" if len(wanted) == 1 else f"{len(wanted)} levels"
        raise ConfigError(
            f"model tcn: expected a receptive field within net.window, {window} rows (got {1 + step * sum(wanted)}, of "
            f"{levels} with kernel {settings.kernel}): take fewer levels, a smaller kernel or a longer window"
        )
    left = (room - step * sum(wanted)) // step
    return wanted if settings.levels or not left else [*wanted, left]
