"""Chunks: neighbouring forecasts that share one pass over their rows; a window is a chunk of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtest.models.windows import Indices, Windows


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
