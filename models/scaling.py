"""Standardising with the mean and the standard deviation of the training rows alone, held within their range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtest.models.forecaster import part_of
from backtest.models.settings import Clip
from backtest.models.windows import Floats, Windows

ROUNDING = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Scaler:
    """Mean and standard deviation of each feature (k,), and the standard deviation of the target (H,), by horizon.

    The target is divided, not centred: zero stays zero, so that a network which learns nothing forecasts nothing.

    With a `clip` of c, features are held within [low - c (high - low), high + c (high - low)] of the training rows, and
    forecasts within the range of the training targets: `limits` (2, k) and `target_limits` (2, H); None: not held. The
    training rows themselves are never changed by it.
    """

    mean: Floats
    std: Floats
    target_std: Floats
    limits: Floats | None = None
    target_limits: Floats | None = None

    @classmethod
    def of(cls, train: Windows, clip: Clip = "off") -> Scaler:
        """Fit on the rows that the windows of `train` cover, each counted once; a constant column keeps scale 1."""
        rows = train.features[covered(train)]
        outcomes = train.y.reshape(len(train), -1)
        scale = rows.mean(axis=0), _spread(rows), _spread(outcomes)
        if clip == "off":
            return cls(*scale)
        low, high = rows.min(axis=0), rows.max(axis=0)
        margin = clip * (high - low)
        return cls(
            *scale, np.stack([low - margin, high + margin]), np.stack([outcomes.min(axis=0), outcomes.max(axis=0)])
        )

    def standardise(self, features: Floats) -> Floats:
        """Features (..., k), held within their limits, in training standard deviations."""
        held: Floats = features if self.limits is None else np.clip(features, *self.limits)
        return (held - self.mean) / self.std

    def transform(self, features: Floats) -> NDArray[np.float32]:
        """The same as the network takes them."""
        return self.standardise(features).astype(np.float32)

    def hold(self, forecasts: Floats) -> Floats:
        """Forecasts (n,), or (n, H) of several horizons, held within the range of the training targets."""
        return forecasts if self.target_limits is None else np.clip(forecasts, *self.target_limits)

    def state(self) -> dict[str, Floats]:
        """The scaler as plain arrays; limits only where there are some."""
        limits = {"limits": self.limits, "target_limits": self.target_limits}
        arrays = {"mean": self.mean, "std": self.std, "target_std": self.target_std, **limits}
        return {f"scaler.{name}": array for name, array in arrays.items() if array is not None}

    @classmethod
    def restore(cls, state: Mapping[str, NDArray[np.generic]]) -> Scaler:
        """The scaler whose `state` this is."""
        arrays = {name: np.asarray(array, np.float64) for name, array in part_of(state, "scaler.").items()}
        mean, std, target = (arrays.pop(name) for name in ("mean", "std", "target_std"))
        return cls(mean, std, target, **arrays)


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
