"""The one training loop: Adam on the squared error or QLIKE, early stopping, over chunks of neighbouring forecasts.

The forecasts of a chunk share one pass over their rows; a window is a chunk of one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.adam import adam

from backtest.models.forecaster import Epoch, FitLog
from backtest.models.scaling import Scaler
from backtest.models.settings import TrainSettings
from backtest.models.windows import Indices, Windows

MAX_GRADIENT_NORM = 1.0
VALIDATION_BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Chunks:
    """Training examples of `window - 1 + steps` rows, of which the last `steps` are forecast.

    Only where each one lies is kept, (n,) each: its first origin, and the first and last origin that it counts. The
    others belong to a neighbour, or lie after `end`, the end of its run.
    """

    origin: Indices
    first: Indices
    last: Indices
    end: Indices
    window: int
    steps: int

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.origin)

    def pick(self, which: slice | Indices) -> tuple[Indices, NDArray[np.bool_]]:
        """Rows (b, window - 1 + steps) of some examples, and which of their last steps (b, steps) are counted.

        Rows after the end of the run repeat the last one: they come after every counted step and change none.
        """
        origins = self.origin[which, None] + np.arange(1 - self.window, self.steps)
        forecast = origins[:, self.window - 1 :]
        counted = (forecast >= self.first[which, None]) & (forecast <= self.last[which, None])
        return np.minimum(origins, self.end[which, None]), counted


def cut(windows: Windows, steps: int, offset: int = 0) -> Chunks:
    """Cut the origins of `windows` into chunks of `steps`, the first one shortened by `offset` (0 <= offset < steps).

    Every origin is counted exactly once, and none sees fewer than `window` rows or a row outside its own run.
    """
    ends, border = windows.ends, np.flatnonzero(np.diff(windows.ends) != 1)  # of the runs of neighbours
    first = ends[np.concatenate([[0], border + 1])]
    last = ends[np.concatenate([border, [len(ends) - 1]])]
    grid = first - offset
    pieces = (last - grid) // steps + 1
    run = np.repeat(np.arange(len(first)), pieces)
    within = np.arange(len(run)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin = grid[run] + within * steps
    # A chunk that would begin before its run, or end after it, is moved inside where the run is long enough.
    origin = np.clip(begin, first[run], np.maximum(first, last - steps + 1)[run])
    counts = np.maximum(begin, first[run]), np.minimum(begin + steps - 1, last[run])
    return Chunks(origin, *counts, last[run], windows.window, steps)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Scaled rows of some windows as tensors on the device: features (rows, k), targets (rows, H) in training units.

    `unit` (H,) is the training standard deviation of the targets, log variances, where the loss is QLIKE; None: it is
    the squared error.
    """

    windows: Windows
    x: Tensor
    y: Tensor
    unit: Tensor | None = None

    @classmethod
    def of(cls, windows: Windows, scaler: Scaler, device: torch.device, loss: str = "squared") -> Rows:
        """Scale the rows of `windows`; a target that is not known stands as 0 and is never counted."""
        target = np.nan_to_num(np.asarray(windows.targets) / scaler.target_std).astype(np.float32)
        features = np.nan_to_num(scaler.transform(windows.features))
        unit = torch.as_tensor(scaler.target_std, dtype=torch.float32, device=device) if loss == "qlike" else None
        return cls(windows, torch.from_numpy(features).to(device), torch.from_numpy(target).to(device), unit)

    def loss(self, net: nn.Module, chunks: Chunks, picked: slice | Indices) -> tuple[Tensor, int]:
        """Sum of losses over the counted steps and horizons of the picked chunks, and their number.

        With f and y log variances, QLIKE beyond that of a perfect forecast is exp(y - f) - (y - f) - 1 (Patton, 2011).
        """
        rows, counted = (torch.from_numpy(array).to(self.x.device) for array in chunks.pick(picked))
        error = (net(self.x[rows], chunks.steps) - self.y[rows[:, -chunks.steps :]]) * counted[..., None]
        number = int(counted.sum()) * self.y.shape[1]
        if self.unit is None:
            return error.square().sum(), number
        shortfall = -self.unit * error
        return (shortfall.exp() - shortfall - 1).sum(), number


class Adam:
    """Adam (Kingma and Ba, 2015), to the bit as `torch.optim.Adam`.

    That class imports torch's compiler before its first step, which takes each process as long as torch itself.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float, weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.means = [torch.zeros_like(one) for one in self.parameters]
        self.squares = [torch.zeros_like(one) for one in self.parameters]
        self.steps = [torch.tensor(0.0) for _ in self.parameters]
        rates = partial(adam, beta1=0.9, beta2=0.999, eps=1e-8, lr=learning_rate, weight_decay=weight_decay)
        self.update = partial(rates, amsgrad=False, maximize=False, foreach=True)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for one in self.parameters:
            one.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move each parameter that has a gradient against it."""
        moments = zip(self.parameters, self.means, self.squares, self.steps, strict=True)
        moved, means, squares, steps = zip(*(each for each in moments if each[0].grad is not None), strict=True)
        self.update([*moved], [one.grad for one in moved], [*means], [*squares], [], [*steps])


def train_net(
    net: nn.Module, train: Windows, validation: Windows, scaler: Scaler, settings: TrainSettings, seed: int
) -> FitLog:
    """Fit `net` in place and leave it with the weights of its best validation epoch, in evaluation mode.

    Shuffling and chunk offsets come from `seed`, dropout from torch's own generator, which the caller seeds.
    """
    device = next(net.parameters()).device
    rows, checks = (Rows.of(part, scaler, device, settings.loss) for part in (train, validation))
    random = np.random.default_rng(seed)
    optimiser = Adam(net.parameters(), settings.learning_rate, settings.weight_decay)
    epochs: list[Epoch] = []
    best, weights = 0, copy.deepcopy(net.state_dict())
    for epoch in range(1, settings.epochs + 1):
        train_loss = _learn(net, rows, settings, optimiser, random)
        epochs.append(Epoch(train_loss, _check(net, checks, settings.steps)))
        if not best or epochs[-1].validation_loss < epochs[best - 1].validation_loss:
            best, weights = epoch, copy.deepcopy(net.state_dict())
        elif epoch - best >= settings.patience:
            break
    net.load_state_dict(weights)
    net.eval()
    return FitLog(tuple(epochs), best, f"best epoch {best} of {len(epochs)}", device.type)


def _learn(
    net: nn.Module,
    rows: Rows,
    settings: TrainSettings,
    optimiser: Adam,
    random: np.random.Generator,
) -> float:
    """One epoch over newly cut and shuffled chunks; the mean loss as it was met on the way."""
    net.train()
    chunks = cut(rows.windows, settings.steps, int(random.integers(settings.steps)))
    order = random.permutation(len(chunks))
    size = max(1, round(settings.batch / settings.steps))
    total = 0.0
    for start in range(0, len(order), size):
        error, count = rows.loss(net, chunks, order[start : start + size])
        optimiser.zero_grad()
        (error / count).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), MAX_GRADIENT_NORM)
        optimiser.step()
        total += float(error.detach())
    return total / (len(rows.windows) * rows.y.shape[1])


@torch.no_grad()
def _check(net: nn.Module, rows: Rows, steps: int) -> float:
    """Mean loss without dropout."""
    net.eval()
    chunks = cut(rows.windows, steps)
    size = max(1, VALIDATION_BATCH // steps)
    errors = [rows.loss(net, chunks, slice(at, at + size))[0] for at in range(0, len(chunks), size)]
    return float(sum(float(error) for error in errors)) / (len(rows.windows) * rows.y.shape[1])
