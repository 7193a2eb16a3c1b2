"""Linear networks over a window that is taken apart first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from backtest.models.networks import network
from backtest.models.settings import ModelSettings
from backtest.models.windows import Floats

if TYPE_CHECKING:
    from torch import nn


class DLinearSettings(ModelSettings):
    """How dlinear takes a window apart."""

    average: int = Field(25, ge=2, description="rows of the moving average, in the middle of which each row stands")


@network("dlinear", settings=DLinearSettings)
def dlinear(inputs: int, outputs: int, window: int, settings: DLinearSettings) -> nn.Module:
    """Linear in the moving average of the window and in the rest of it.

    DLinear of Zeng et al. (2023), AAAI 37, 11121-11128.
    """
    from backtest.models.nets.layers import LinearInParts, Steps

    trend = moving_average(window, settings.average)
    return Steps(LinearInParts(inputs, outputs, np.concatenate([trend, np.eye(window) - trend])))


@network("nlinear")
def nlinear(inputs: int, outputs: int, window: int) -> nn.Module:
    """Linear in the window less its last row, and in that row.

    NLinear of Zeng et al. (2023), AAAI 37, 11121-11128, which adds the last value to a forecast of the same series; the
    target is no column of the inputs, so that the last row has a weight of its own here.
    """
    from backtest.models.nets.layers import LinearInParts, Steps

    changes = np.eye(window)
    changes[:-1, -1] = -1.0
    return Steps(LinearInParts(inputs, outputs, changes))


def moving_average(window: int, length: int) -> Floats:
    """The map (window, window) from a window to its centred moving averages, its ends repeated beyond it."""
    rows = np.arange(window)
    around = np.clip(rows[:, None] + np.arange(length) - length // 2, 0, window - 1)
    return np.asarray(np.eye(window)[around].mean(axis=1))
