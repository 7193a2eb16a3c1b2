"""Layers that networks are composed of, without padding: each step of an output is made of whole rows alone.

A layer takes rows (batch, steps, k) and returns the last of these steps, as many as its `reach` leaves: with a reach of
n rows, `steps - n + 1`. So a forecast is the same in a chunk as in its window, if all reaches together fit in there.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear, scaled_dot_product_attention
from torch.nn.utils.parametrizations import weight_norm

from backtest.data.errors import ConfigError
from backtest.models.windows import Floats


class Steps(nn.Module):
    """Layers one after the other, as a network: forecasts (batch, counted, outputs) at the last steps of its rows."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.reach = 1 + sum(getattr(layer, "reach", 1) - 1 for layer in self.layers.modules())

    def forward(self, x: Tensor, counted: int) -> Tensor:
        """Forecasts at the last `counted` steps of x (batch, steps, k); ConfigError where the layers reach too far."""
        window = x.shape[1] - counted + 1
        if self.reach > window:
            raise ConfigError(
                f"network: expected layers that together reach no further than the window, {window} rows (got "
                f"{self.reach}): take fewer of them, shorter ones, or a longer net.window"
            )
        forecasts: Tensor = self.layers(x)
        return forecasts[:, -counted:]


class Residual(nn.Module):
    """Layers whose output is added to the last steps of their own input, or to what `skip` makes of it."""

    def __init__(self, *layers: nn.Module, skip: nn.Module | None = None) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.skip = skip or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (batch, steps - reach + 1, outputs)."""
        out: Tensor = self.layers(x)
        kept: Tensor = self.skip(x[:, -out.shape[1] :])
        return kept + out


class Convolution(nn.Module):
    """Dilated convolution over the steps with weight norm (Salimans and Kingma, 2016).

    One matrix product over shifted rows, which on the CPU is faster than `nn.Conv1d` at the sizes of these networks.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.shifts = [lag * dilation for lag in range(kernel)]
        self.reach = self.shifts[-1] + 1
        self.linear = weight_norm(nn.Linear(kernel * inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (batch, steps - reach + 1, outputs)."""
        steps = x.shape[1] - self.shifts[-1]
        out: Tensor = self.linear(torch.cat([x[:, shift : shift + steps] for shift in self.shifts], dim=2))
        return out


class ChannelDropout(nn.Module):
    """Dropout of whole columns, the same at all steps of an example (Tompson et al., 2015)."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of the same shape as x (batch, steps, k)."""
        return x * dropout(x.new_ones(len(x), 1, x.shape[2]), self.share) if self.training else x


class Windows(nn.Module):
    """The window of each step that has one (batch, steps - window + 1, k, window), the oldest value first."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.reach = window

    def forward(self, x: Tensor) -> Tensor:
        """A view of x (batch, steps, k)."""
        return x.unfold(1, self.reach, 1)


class Transposed(nn.Module):
    """Layers over the last dimension but one."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of the same shape as x (..., m, n), where the layers keep m."""
        out: Tensor = self.layers(x.transpose(-1, -2))
        return out.transpose(-1, -2)


class LinearInParts(nn.Module):
    """Linear in parts of a window, which are linear maps of it: `parts` (values, window). Its reach is the window.

    The maps are applied to the weights, not to the rows. Weights begin at zero: the squared error has one minimum.
    """

    parts: Tensor

    def __init__(self, inputs: int, outputs: int, parts: Floats) -> None:
        super().__init__()
        self.reach = parts.shape[1]
        self.register_buffer("parts", torch.from_numpy(parts).float(), persistent=False)
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, len(parts)))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (batch, steps - window + 1, outputs)."""
        weight = self.weight @ self.parts
        windows = x.unfold(1, self.reach, 1)
        return linear(windows.flatten(2), weight.flatten(1), self.bias)


class BandAttention(nn.Module):
    """Causal self-attention to the last `band` rows, its reach, with rotary positions (Su et al., 2021).

    Rotary positions act by the distance between two rows alone, so that it does not matter where a chunk begins.
    """

    def __init__(self, width: int, heads: int, band: int) -> None:
        super().__init__()
        self.heads, self.reach = heads, band
        self.queries, self.memory = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (batch, steps - band + 1, width)."""
        first, width = self.reach - 1, x.shape[2]
        mask, turns = _band(x.shape[1], self.reach, width // self.heads // 2, x.dtype, x.device)
        keys, values = self.memory(x).split(width, dim=2)
        q = self._by_head(_turned(self.queries(x[:, first:]), turns[first:]))
        k, v = self._by_head(_turned(keys, turns)), self._by_head(values)
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out

    def _by_head(self, x: Tensor) -> Tensor:
        """Columns of each head (batch, heads, steps, width / heads)."""
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


@lru_cache(maxsize=32)
def _band(steps: int, band: int, pairs: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """What attention adds to its scores (steps - band + 1, steps), and the turns of the rows (steps, 1, pairs).

    Minus infinity hides the rows outside a band. A row's turns are complex units: by one radian a step of the first
    pair of columns, and of each other by less, down towards one radian in `band` steps.
    """
    places = torch.arange(steps, device=device)
    distance = places[band - 1 :, None] - places
    outside = (distance < 0) | (distance >= band)
    mask = torch.zeros(outside.shape, dtype=dtype, device=device).masked_fill(outside, -torch.inf)
    speed = float(band) ** -(torch.arange(pairs, dtype=dtype, device=device) / pairs)
    angle = places[:, None, None] * speed
    return mask, torch.polar(torch.ones_like(angle), angle)


def _turned(x: Tensor, turns: Tensor) -> Tensor:
    """Neighbouring columns of x (batch, steps, width), taken as complex numbers, by the turns of their row and head."""
    pairs = torch.view_as_complex(x.reshape(*x.shape[:2], -1, turns.shape[2], 2))
    return torch.view_as_real(pairs * turns).flatten(2)
