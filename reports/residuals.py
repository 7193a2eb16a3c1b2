"""What is left in the errors of a forecast: the autocorrelation of them and of their sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import chdtrc

LAGS = 40
SHARE = 5
"""Lags go up to one in this many errors, and no further than LAGS."""

FEWEST = 50
"""Errors below which nothing can be said of their autocorrelation."""

ROUNDING = 1e-12
"""A standard deviation below this share of the size of the values is no spread, but rounding."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Autocorrelation:
    """Autocorrelations (m,) from lag 1 on; each lies within +- `band` (m,) 19 times in 20 where nothing is left.

    `p_value`: how often all of them together would be this large then; None where nothing could be worked out.
    """

    values: Floats
    band: Floats
    p_value: float | None

    @property
    def strengths(self) -> Floats:
        """Their sizes (m,) in units of the band; 0 where it has no width."""
        return np.divide(np.abs(self.values), self.band, out=np.zeros_like(self.values), where=self.band > 0)

    @property
    def outside(self) -> int:
        """How many are outside of the band."""
        return int(np.count_nonzero(self.strengths > 1))


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """What is left in the errors of one model; `lags` (m,) are bars, multiples of the horizon.

    There are none where errors are too few.
    """

    model: str
    lags: NDArray[np.int64]
    errors: Autocorrelation
    sizes: Autocorrelation


def residuals(origins: pl.DataFrame, models: Sequence[str], horizon: int) -> tuple[Residuals, ...]:
    """Return the autocorrelations of the errors y - y_hat of `models`, from the rows of `derived.side_by_side`.

    Outcomes over several bars overlap, so that their errors are correlated whatever the model knows: of a `horizon`
    of h bars every h-th forecast of a symbol is taken, and the lags are h, 2 h, ... bars. Forecasts on both sides of a
    hole count as neighbours.
    """
    order = pl.int_range(pl.len()).over("symbol")
    apart = origins.filter(order % horizon == 0).sort("symbol", "target_time")
    symbol, instant = apart["symbol"].rle_id().to_numpy(), apart["target_time"].rank("dense").to_numpy() - 1
    longest = int(np.bincount(symbol, minlength=1).max())
    most = min(LAGS, longest // SHARE) if longest >= FEWEST else 0
    found = []
    for model in models:
        errors = (apart["y"] - apart[f"y_hat:{model}"]).to_numpy()
        parts = (autocorrelation(series, symbol, instant, most) for series in (errors, np.abs(errors)))
        found.append(Residuals(model, horizon * np.arange(1, most + 1), *parts))
    return tuple(found)


def autocorrelation(
    series: Floats, symbol: NDArray[np.integer], instant: NDArray[np.integer], most: int
) -> Autocorrelation:
    """Return the autocorrelations at lags 1 to `most` of several symbols' series (n,), which follow one another.

    Each symbol's values are standardised and meet only each other: what is returned is the mean over the symbols. With
    c(t) the sum, over the symbols, of the products of the values at `instant` t with those k rows before, the
    autocorrelation at lag k is the sum of c(t) over n, and its standard error the root of the sum of c(t)^2 over n.
    That holds for errors whose variance changes, and that all symbols share; for one symbol it is that of Taylor
    (1984, Applied Statistics 33) and of Lo and MacKinlay (1988, Review of Financial Studies 1). All lags together: the
    sum of squares in standard errors against chi-squared (Lobato, Nankervis and Savin, 2001, International Economic
    Review 42).
    """
    values = standardised(series, symbol)
    sums, squares = np.zeros(most), np.zeros(most)
    for lag in range(1, most + 1):
        products = values[lag:] * values[:-lag] * (symbol[lag:] == symbol[:-lag])
        together = np.bincount(instant[lag:], products)
        sums[lag - 1], squares[lag - 1] = np.sum(together), np.sum(together**2)
    known = squares > 0
    statistic = float(np.sum(sums[known] ** 2 / squares[known]))
    p_value = float(chdtrc(np.count_nonzero(known), statistic)) if known.any() else None
    return Autocorrelation(sums / len(values), 1.96 * np.sqrt(squares) / len(values), p_value)


def standardised(series: Floats, symbol: NDArray[np.integer]) -> Floats:
    """Return a series (n,) less its mean, over its standard deviation, symbol by symbol; 0 where it never changes."""
    counts = np.bincount(symbol)
    centred = series - (np.bincount(symbol, series) / counts)[symbol]
    scale, size = (np.sqrt(np.bincount(symbol, values**2) / counts)[symbol] for values in (centred, series))
    scaled: Floats = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > ROUNDING * size)
    return scaled
