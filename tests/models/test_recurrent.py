"""The CPU's own GRU layer against PyTorch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from backtest.models.nets.recurrent_layers import RecurrentNet, run_gru
from backtest.models.settings import NetSettings


@pytest.mark.parametrize(("layers", "batch", "steps", "inputs"), [(1, 1, 1, 1), (2, 5, 20, 4), (3, 2, 7, 3)])
def test_outputs_and_gradients_are_those_of_torch(layers: int, batch: int, steps: int, inputs: int) -> None:
    torch.manual_seed(layers)
    gru = nn.GRU(inputs, 8, layers, batch_first=True).double()
    x = torch.randn(batch, steps, inputs, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(batch, steps, 8, dtype=torch.float64)
    ours, theirs = run_gru(gru, x), gru(x)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    wanted = [x, *gru.parameters()]
    mine = torch.autograd.grad((ours * weight).sum(), wanted)
    reference = torch.autograd.grad((theirs * weight).sum(), wanted)
    for got, expected in zip(mine, reference, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-12)


def test_the_gradient_is_the_derivative() -> None:
    torch.manual_seed(0)
    gru = nn.GRU(2, 3, 2, batch_first=True).double()
    x = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rows: run_gru(gru, rows), (x,))


def test_dropout_acts_between_layers_in_training_alone() -> None:
    torch.manual_seed(0)
    gru = nn.GRU(2, 16, 2, batch_first=True, dropout=0.5)
    x = torch.randn(1, 5, 2)
    gru.eval()
    torch.testing.assert_close(run_gru(gru, x), gru(x)[0])
    gru.train()
    assert not torch.equal(run_gru(gru, x), run_gru(gru, x))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_each_step_of_the_network_sees_no_later_row(cell: str) -> None:
    torch.manual_seed(0)
    net = RecurrentNet("gru" if cell == "gru" else "lstm", 3, 1, NetSettings(hidden=8)).eval()
    x = torch.randn(2, 12, 3)
    changed = x.clone()
    changed[:, 8:] = 100.0
    with torch.no_grad():
        torch.testing.assert_close(net(x, 12)[:, :8], net(changed, 12)[:, :8], rtol=0, atol=0)
        assert not torch.allclose(net(x, 12)[:, 8:], net(changed, 12)[:, 8:])
