"""The forecast of a next step as a value, on the scale of its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from backtest.data.bar_variances import annual_volatility
from backtest.data.targets import OWN_UNIT, SERIES_OF, Target, target_of
from backtest.forecast.intervals import Interval


@dataclass(frozen=True, slots=True)
class NextStep:
    """Forecast of one symbol by one model, `horizon` bars ahead, the mean over its seeds.

    Attributes
    ----------
    time, known_at, target_time
        The open of the newest bar, its close, and the close up to which is forecast; the last is None if the market
        closes between sessions: no file of bars says when it opens next.
    target
        What is forecast, as settings name it.
    y_hat
        The forecast in the unit of the target: a log return, the change of a level, the variance of the next `horizon`
        bars together, the probability of a rise.
    by_seed
        What each seed forecasts; empty for a model without seeds.
    last_value
        The last close, or where a level is forecast the level now; None for a variance, and in bars without prices.
    intervals
        Narrow to wide, from errors of the mean; empty where they have no meaning for the target.
    bars_per_year
        By which a variance is annualised; None where it is not known.
    """

    symbol: str
    model: str
    horizon: int
    time: datetime
    known_at: datetime
    target_time: datetime | None
    target: str
    y_hat: float
    by_seed: Mapping[int, float]
    last_value: float | None = None
    intervals: tuple[Interval, ...] = ()
    bars_per_year: float | None = None

    @property
    def about(self) -> Target:
        """What is forecast."""
        return target_of(self.target)

    @property
    def next_value(self) -> float | None:
        """The close that a return leads to, or the level that a change leads to; None for what is no change."""
        return self._reached(self.y_hat) if self.about.tradable or level_column(self.target) else None

    @property
    def volatility(self) -> float | None:
        """A forecast variance as volatility a year, a share; None for other targets or units, or without a calendar."""
        if self.about.scale != "variance" or self.about.unit == OWN_UNIT or not self.bars_per_year:
            return None
        return annual_volatility(self.y_hat, self.horizon, self.bars_per_year)

    def interval(self, level: float) -> Interval | None:
        """The interval of a level; None if the run has none."""
        return next((one for one in self.intervals if one.level == level), None)

    def ends(self, level: float) -> tuple[float, float] | None:
        """The interval of a level, as closes or levels where these are forecast; None without, or of too few errors."""
        found = self.interval(level)
        if found is None or found.half_width is None:
            return None
        return self._reached(self.y_hat - found.half_width), self._reached(self.y_hat + found.half_width)

    def _reached(self, outcome: float) -> float:
        """Return the close or level that an outcome leads to, or the outcome where it is no change of one."""
        if self.last_value is not None and self.about.tradable:
            return self.last_value * float(np.exp(outcome))
        if self.last_value is not None and level_column(self.target):
            return self.last_value + outcome
        return outcome


def level_column(target: str) -> str | None:
    """Return the column whose level a target forecasts, `spread` of `series.spread`; None for others."""
    return target.removeprefix(SERIES_OF) if target.startswith(SERIES_OF) else None
