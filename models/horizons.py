"""Several horizons by a model that knows one: a fit for each of them, on the same windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from backtest.models.forecaster import FitLog, Forecaster, State, log_of, part_of, predict
from backtest.models.windows import Floats, Windows


class PerHorizon:
    """A forecaster of several horizons, H of them, from one forecaster for each: direct forecasts.

    Its log has the epochs of the shortest horizon, and the notes of all.
    """

    def __init__(self, make: Callable[[], Forecaster], horizons: Sequence[int]) -> None:
        self.parts = {horizon: make() for horizon in horizons}

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Fit each forecaster to its own outcomes."""
        logs = {
            horizon: log_of(part.fit(train.only(horizon), validation.only(horizon)), type(part).__name__)
            for horizon, part in self.parts.items()
        }
        first = next(iter(logs.values()))
        notes = dict.fromkeys(log.note for log in logs.values())
        note = first.note if len(notes) == 1 else "; ".join(f"{at} ahead: {log.note}" for at, log in logs.items())
        return FitLog(first.epochs, first.best, note, first.device)

    def predict(self, windows: Windows) -> Floats:
        """Forecasts (n, H)."""
        points = [
            predict(part, windows.only(horizon), type(part).__name__).point for horizon, part in self.parts.items()
        ]
        return np.concatenate(points, axis=1)

    def state(self) -> State:
        """Those of all forecasters, each name after its horizon: `5.weights`."""
        return {
            f"{horizon}.{name}": array for horizon, part in self.parts.items() for name, array in part.state().items()
        }

    def restore(self, state: State) -> None:
        """Take over the state of the same forecasters."""
        for horizon, part in self.parts.items():
            part.restore(part_of(state, f"{horizon}."))
