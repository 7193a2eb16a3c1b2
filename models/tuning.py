"""Choosing the settings of a model within each fit, by its validation windows alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import isfinite, prod
from typing import Any

import numpy as np

from backtest.data.errors import RunError
from backtest.data.losses import Loss
from backtest.models.forecaster import FitLog, Forecaster, State, Tuning, log_of, predict, unfitted
from backtest.models.windows import Floats, Windows

BUDGET = "budget"
"""The key of a table `[tune.NAME]` that says how many combinations are tried, drawn at random; all of them without."""

PLACE = "tuning.place"
"""The array of a state that says which candidate was chosen, from 0."""

MOST = 1_000
"""Combinations that a table may have."""


def combinations(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the values to try, as a table `[tune.NAME]` says: each combination, or a few of them drawn at random.

    The draw depends on the number of combinations alone; it keeps their order, in which the last field changes first.

    >>> combinations({"layers": [1, 2], "hidden": [16, 64], "budget": 2})
    [{'layers': 1, 'hidden': 64}, {'layers': 2, 'hidden': 16}]
    """
    lists = {field: values for field, values in table.items() if field != BUDGET}
    every = [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]
    budget = min(table.get(BUDGET, len(every)), len(every))
    drawn = np.random.default_rng(0).choice(len(every), budget, replace=False)
    return [every[place] for place in sorted(drawn)]


def mistakes_in(table: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with a table `[tune.NAME]`, by its keys; under no key for the table as a whole."""
    found, budget = {}, table.get(BUDGET, 1)
    if not isinstance(budget, int) or isinstance(budget, bool) or budget < 1:
        found[BUDGET] = f"must be how many combinations are tried, 1 or more (got {budget!r})"
    lists = {field: values for field, values in table.items() if field != BUDGET}
    for field, values in lists.items():
        if not isinstance(values, list | tuple) or not values:
            found[field] = f"must be a list of values to try (got {values!r})"
    size = 0 if found or not lists else prod(map(len, lists.values()))
    if not found and not 1 < size <= MOST:
        found[""] = f"must have 2 to {MOST:,} combinations of values to try (got {size:,})"
    return found


class Tuned:
    """The one of several forecasters whose forecasts of the validation windows have the smallest mean loss.

    All of them are fitted on the same windows. The loss is the one that the verdict is about, its mean over windows and
    horizons; of equal ones the first is kept. `candidates` are values of settings with what makes their forecaster.
    """

    def __init__(self, candidates: Sequence[tuple[Mapping[str, Any], Callable[[], Forecaster]]], loss: Loss) -> None:
        self.candidates, self.loss = candidates, loss
        self.place = -1
        self.chosen: Forecaster | None = None

    def fit(self, train: Windows, validation: Windows) -> FitLog:
        """Fit all candidates and keep the best; RunError where no one has a finite loss."""
        losses, passes, kept = list[float](), 0, FitLog()
        self.chosen = None
        for place, (_, make) in enumerate(self.candidates):
            forecaster = make()
            log = log_of(forecaster.fit(train, validation), type(forecaster).__name__)
            passes += max(1, len(log.epochs))
            loss = mean_loss(forecaster, validation, self.loss)
            if loss < min(losses, default=np.inf):
                self.place, self.chosen, kept = place, forecaster, log
            losses.append(loss)
        if self.chosen is None:
            raise RunError(
                f"tune: expected a finite loss of one of {len(losses)} candidates on the validation span (got none): "
                "training diverged: try smaller learning rates"
            )
        values = ", ".join(f"{field} = {json.dumps(value)}" for field, value in self.candidates[self.place][0].items())
        known = tuple(loss if isfinite(loss) else None for loss in losses)
        return replace(kept, tuning=Tuning(values, known, passes))

    def predict(self, windows: Windows) -> Floats:
        """Forecasts (n,), or (n, H) of several horizons."""
        return self._fitted().predict(windows)

    def state(self) -> State:
        """That of the chosen forecaster, and which one it is."""
        return {**self._fitted().state(), PLACE: np.array([self.place])}

    def restore(self, state: State) -> None:
        """Take over the state of the candidate that was chosen."""
        self.place = int(state[PLACE][0])
        _, make = self.candidates[self.place]
        self.chosen = make()
        self.chosen.restore({name: array for name, array in state.items() if name != PLACE})

    def _fitted(self) -> Forecaster:
        if self.chosen is None:
            raise unfitted(self)
        return self.chosen


def mean_loss(forecaster: Forecaster, validation: Windows, loss: Loss) -> float:
    """Mean loss of a forecaster over windows and horizons, beyond a perfect one's; infinite where it has none."""
    point = predict(forecaster, validation.hidden(), type(forecaster).__name__).point
    with np.errstate(all="ignore"):
        found = float(np.mean(loss.excess(validation.y.reshape(point.shape), point)))
    return found if isfinite(found) else np.inf
