"""Settings of the network and of its training; free of torch, so that a configuration can be read without it."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator


def check_clip(value: object) -> float | Literal["off"]:
    """Accept a number >= 0, or off."""
    if value == "off":
        return "off"
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    raise ValueError(f'must be a number >= 0, such as 0.1, or "off" (got {value!r})')


Clip = Annotated[float | Literal["off"], PlainValidator(check_clip)]
"""By how much of the training range values may leave it at each end; `off`: they are not held."""


class ModelSettings(BaseModel):
    """Settings that a model brings: fields with defaults, set in the table `[model.NAME]` of a run; frozen.

    >>> import backtest as bt
    >>> class MedianSettings(bt.ModelSettings):
    ...     shrink: float = 1.0
    >>> MedianSettings(shrink=0.5).shrink
    0.5
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class NetSettings(ModelSettings):
    """Shape of the recurrent network and of its windows; defaults are the original project's."""

    hidden: int = Field(64, ge=1, description="units per layer")
    layers: int = Field(2, ge=1, description="recurrent layers")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of units dropped between layers while training")
    window: int = Field(48, ge=2, description="bars that a forecast sees")
    har_lags: tuple[int, ...] | None = Field(
        None, description="bars of har's means; none: 1, 5 and 22, or of daily bars without closed days 1, 7 and 30"
    )


class TrainSettings(ModelSettings):
    """How a network is trained; defaults are the original project's, but for the sampling by chunks."""

    sampling: Literal["chunks", "windows"] = Field("chunks", description="windows: each one apart, the classic way")
    chunk: int = Field(48, ge=1, description="neighbouring forecasts that share one pass over their rows")
    batch: int = Field(384, ge=1, description="forecasts per optimiser step")
    epochs: int = Field(20, ge=1, description="passes over the training span, at most")
    patience: int = Field(4, ge=1, description="epochs without a better validation loss before training stops")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam")
    loss: Literal["squared", "qlike"] = Field(
        "squared", description="what networks minimise; qlike: of variances, whose logarithm they forecast"
    )
    weight_decay: float = Field(1e-5, ge=0, description="of Adam")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: the GPU where there is one")
    clip: Clip = Field(
        "off",
        description="0 or more: inputs are held within the training range, widened at each end by this share of it, "
        "and forecasts within that of the training outcomes",
    )
    start: Literal["cold", "warm"] = Field("cold", description="warm: from the weights of the fold before")

    @property
    def steps(self) -> int:
        """Counted steps of one training example: the chunk, or 1 when sampling by windows."""
        return self.chunk if self.sampling == "chunks" else 1
