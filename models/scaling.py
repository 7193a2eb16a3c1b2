"""Standardising with the mean and the standard deviation of the training rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtest.models.windows import Floats, Windows

ROUNDING = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Scaler:
    """Mean and standard deviation of each feature (k,), and the standard deviation of the target.

    The target is divided, not centred: zero stays zero, so that a network which learns nothing forecasts nothing.
    """

    mean: Floats
    std: Floats
    target_std: float

    @classmethod
    def of(cls, train: Windows) -> Scaler:
        """Fit on the rows that the windows of `train` cover, each counted once; a constant column keeps scale 1."""
        rows = train.features[covered(train)]
        return cls(rows.mean(axis=0), _spread(rows), float(_spread(train.y)))

    def transform(self, features: Floats) -> NDArray[np.float32]:
        """Features (rows, k) in training standard deviations, as the network takes them."""
        return ((features - self.mean) / self.std).astype(np.float32)

    def state(self) -> dict[str, Floats]:
        """The scaler as plain arrays."""
        return {"scaler.mean": self.mean, "scaler.std": self.std, "scaler.target_std": np.array([self.target_std])}

    @classmethod
    def restore(cls, state: Mapping[str, NDArray[np.generic]]) -> Scaler:
        """The scaler whose `state` this is."""
        mean, std, target = (np.asarray(state[f"scaler.{name}"], np.float64) for name in ("mean", "std", "target_std"))
        return cls(mean, std, float(target[0]))


def covered(windows: Windows) -> NDArray[np.bool_]:
    """Which rows (rows,) lie in at least one of the windows."""
    opened = np.zeros(len(windows.features) + 1, dtype=np.int64)
    np.add.at(opened, windows.ends - windows.window + 1, 1)
    np.add.at(opened, windows.ends + 1, -1)
    return np.cumsum(opened[:-1]) > 0


def _spread(rows: Floats) -> Floats:
    """Standard deviation over the rows; 1 where it is no more than what rounding leaves of a constant."""
    std = rows.std(axis=0)
    return np.where(std > ROUNDING * np.abs(rows).max(axis=0, initial=0.0), std, 1.0)
