"""A forecaster that follows rows: given their numbers for features and targets, it tells what it was let to see."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from backtest.models.forecaster import FitLog, State
from backtest.models.windows import Floats, Panel, Windows


@dataclass(frozen=True, slots=True)
class Seen:
    """Numbers of rows, as they came: the last one in each window, and the one whose target stands beside it, (n,)."""

    last: Floats
    label: Floats


@dataclass(slots=True)
class Tracer:
    """Learns nothing; keeps what training and validation showed it, and forecasts the latest row of each window."""

    seen: list[Seen] = field(default_factory=list)

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Read the numbers of the rows in the windows and beside them."""
        self.seen = [Seen(_latest(part), part.y) for part in (train, validation)]
        return FitLog(note="follows rows")

    def predict(self, windows: Windows) -> Floats:
        """Forecast the number of the latest row in each window (n,)."""
        return _latest(windows)

    def state(self) -> State:
        """Nothing to keep."""
        return {}

    def restore(self, state: State) -> None:
        """Nothing to take over."""


def numbered(rows: Panel) -> Panel:
    """The same rows with their numbers for features, returns and, where it is known, the target."""
    number = np.arange(len(rows.time), dtype=np.float64)
    known = np.where(np.isfinite(rows.target), number, np.nan)
    return replace(rows, names=("number",), features=number[:, None], returns=number, target=known)


def are_numbers(values: Floats, count: int) -> bool:
    """Whether values (n,) are numbers of `count` rows still: a fit may put rows into other units."""
    return bool(((values == np.floor(values)) & (values >= 0) & (values < count)).all())


def _latest(windows: Windows) -> Floats:
    """Largest number in each window (n,), of features and returns."""
    parts = [np.maximum(block.x.max(axis=(1, 2)), block.past_returns.max(axis=1)) for block in windows.blocks()]
    return np.concatenate([np.empty(0), *parts])
