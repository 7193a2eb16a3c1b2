"""The recurrent network: one architecture, two cells, and a GRU layer for the CPU with its gradient written out.

PyTorch runs an LSTM on the CPU through oneDNN, but a GRU step by step through the autograd tape, where the
bookkeeping costs more than the arithmetic. Here a step is five in-place operations forward and three backward: the
gradient of every gate is one factor that does not depend on the steps after it, so that all factors are computed
at once and the backward recursion is left with a product and a sum.

With r, z, n the reset, update and new gates (PyTorch's definition; Cho et al. 2014), a the recurrent part of n:
h_t = n + z (h_{t-1} - n), n = tanh(x_n + r a). For dh = dL/dh_t,

    dL/d(preactivation of n) = dh (1 - z)(1 - n^2)
    dL/da                    = dh (1 - z)(1 - n^2) r
    dL/d(preactivation of r) = dh (1 - z)(1 - n^2) a r (1 - r)
    dL/d(preactivation of z) = dh (h_{t-1} - n) z (1 - z)
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from backtest.models.settings import NetSettings

Cell = Literal["lstm", "gru"]


class RecurrentNet(nn.Module):
    """Stacked LSTM (Hochreiter and Schmidhuber 1997) or GRU (Cho et al. 2014) with a linear head at every step."""

    def __init__(self, cell: Cell, inputs: int, outputs: int, settings: NetSettings) -> None:
        super().__init__()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        dropout = settings.dropout if settings.layers > 1 else 0.0
        self.recurrent: nn.LSTM | nn.GRU = kind(
            inputs, settings.hidden, settings.layers, batch_first=True, dropout=dropout
        )
        self.head = nn.Linear(settings.hidden, outputs)

    def forward(self, x: Tensor, counted: int = 1) -> Tensor:
        """Forecasts (batch, counted, outputs) at the last steps of x (batch, steps, k), each from the rows so far."""
        if isinstance(self.recurrent, nn.GRU) and not x.is_cuda:
            states = run_gru(self.recurrent, x)
        else:
            states, _ = self.recurrent(x)
        forecast: Tensor = self.head(states[:, -counted:])
        return forecast


def run_gru(gru: nn.GRU, x: Tensor) -> Tensor:
    """Outputs (batch, steps, hidden) of a one-directional, batch-first `nn.GRU` for x (batch, steps, k), from zero.

    The same function of the same parameters as `gru(x)[0]`, dropout between layers included.
    """
    out = x.transpose(0, 1)
    for layer in range(gru.num_layers):
        if layer:
            out = nn.functional.dropout(out, gru.dropout, gru.training)
        parameters = (getattr(gru, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        out = _GRULayer.apply(out, *parameters)  # type: ignore[no-untyped-call]
    return out.transpose(0, 1)


class _GRULayer(torch.autograd.Function):
    """One layer: (steps, batch, k) to (steps, batch, H).

    Kept for the gradient: states (steps + 1, batch, H), gates r, z, a (steps, batch, 3H), new gates (steps, batch, H).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w_in: Tensor, w_rec: Tensor, b_in: Tensor, b_rec: Tensor) -> Tensor:
        steps, batch, _ = x.shape
        hidden = w_rec.shape[1]
        reset_update, new = slice(0, 2 * hidden), slice(2 * hidden, None)
        bias = torch.cat([b_in[reset_update] + b_rec[reset_update], b_in[new]])
        gates = torch.addmm(bias, x.reshape(steps * batch, -1), w_in.t()).view(steps, batch, 3 * hidden)
        news = gates[..., new].clone()
        gates[..., new] = b_rec[new]
        states = x.new_zeros(steps + 1, batch, hidden)
        w_rec_t = w_rec.t().contiguous()
        parts = [gates, gates[..., reset_update], *gates.chunk(3, dim=2), news]
        before, *after = states.unbind(0)
        for gate, rz, r, z, a, n, state in zip(*(part.unbind(0) for part in parts), after, strict=True):
            torch.addmm(gate, before, w_rec_t, out=gate)
            rz.sigmoid_()
            n.addcmul_(r, a).tanh_()
            torch.lerp(n, before, z, out=state)
            before = state
        ctx.save_for_backward(x, w_in, w_rec, states, gates, news)
        return states[1:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, w_in, w_rec, states, gates, news = ctx.saved_tensors
        steps, batch, inputs = x.shape
        hidden = w_rec.shape[1]
        r, z, a = gates.chunk(3, dim=2)
        before = states[:-1]
        to_new = (1 - z) * (1 - news * news)
        to_a = to_new * r
        d_gates = torch.stack([to_a * a * (1 - r), (before - news) * z * (1 - z), to_a], dim=2)
        d_states = gradients[0].clone(memory_format=torch.contiguous_format)
        _roll_back(d_states, d_gates, z, w_rec)

        rows = steps * batch
        d_recurrent = d_gates.view(rows, 3 * hidden)
        d_new = (d_states * to_new).view(rows, hidden)
        d_input = torch.cat([d_recurrent[:, : 2 * hidden], d_new], dim=1)
        d_x = (d_input @ w_in).view(steps, batch, inputs) if ctx.needs_input_grad[0] else None
        d_w_in = d_input.t() @ x.reshape(rows, inputs)
        d_w_rec = d_recurrent.t() @ before.reshape(rows, hidden)
        return d_x, d_w_in, d_w_rec, d_input.sum(0), d_recurrent.sum(0)


def _roll_back(d_states: Tensor, d_gates: Tensor, z: Tensor, w_rec: Tensor) -> None:
    """Turn, in place, what each output adds to the loss into its whole gradient, and the gates' factors into theirs."""
    d_h, d_h_wide, update = d_states.unbind(0), d_states.unsqueeze(2).unbind(0), z.unbind(0)
    factors, flat = d_gates.unbind(0), d_gates.flatten(2).unbind(0)
    for step in range(len(d_h) - 1, 0, -1):
        factors[step].mul_(d_h_wide[step])
        d_before = d_h[step - 1].addcmul_(d_h[step], update[step])
        torch.addmm(d_before, flat[step], w_rec, out=d_before)
    factors[0].mul_(d_h_wide[0])
