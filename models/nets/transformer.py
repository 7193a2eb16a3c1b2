"""The transformer's encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from backtest.data.errors import ConfigError
from backtest.models.networks import network
from backtest.models.settings import ModelSettings

if TYPE_CHECKING:
    from torch import nn


class TransformerSettings(ModelSettings):
    """Shape of the transformer."""

    width: int = Field(32, ge=2, description="columns of each row inside: an even number for each head")
    heads: int = Field(4, ge=1, description="parts of the width that attend apart")
    layers: int = Field(2, ge=1, description="layers of attention, which share the window between them")
    feedforward: int = Field(64, ge=1, description="hidden units after each attention")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of values dropped in each layer in training")

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(f"width must be a multiple of {2 * self.heads}, twice the heads (got {self.width})")
        return self


@network("transformer", settings=TransformerSettings)
def transformer(inputs: int, outputs: int, window: int, settings: TransformerSettings) -> nn.Module:
    """Transformer encoder: causal attention with rotary positions.

    Vaswani et al. (2017), arXiv 1706.03762, its layers normalised before they act. Each layer attends to its share of
    the window, so that all together see no row before it.
    """
    from torch import nn

    from backtest.models.nets.layers import BandAttention, Residual, Steps

    if window <= settings.layers:
        raise ConfigError(
            f"model transformer: layers must be fewer than the rows of net.window, {window} (got "
            f"{settings.layers}): each of them sees one row before its own at least"
        )
    width, dropout = settings.width, settings.dropout
    layers: list[nn.Module] = [nn.Linear(inputs, width)]
    for _ in range(settings.layers):
        attention = BandAttention(width, settings.heads, (window - 1) // settings.layers + 1)
        wide, narrow = nn.Linear(width, settings.feedforward), nn.Linear(settings.feedforward, width)
        layers.append(Residual(nn.LayerNorm(width), attention, nn.Dropout(dropout)))
        layers.append(Residual(nn.LayerNorm(width), wide, nn.GELU(), narrow, nn.Dropout(dropout)))
    return Steps(*layers, nn.LayerNorm(width), nn.Linear(width, outputs))
