"""What an audit puts where nothing was known yet: bars of the same times and columns with other values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

KEYS = ("symbol", "time", "known_at")
PRICES = ("open", "high", "low", "close")
HUGE, TINY = 1e6, 1e-6

Perturbation = Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]


def noise(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Every value drawn anew, numbers around the scale of their column; prices stay above zero, within high and low."""
    n = bars.height
    columns = {name: _drawn(bars[name], rng) for name in _values(bars) if name not in PRICES}
    prices = [name for name in PRICES if name in bars.columns]
    level = bars["close"].to_numpy()[:, None] if "close" in prices else np.ones((n, 1))
    drawn = np.sort(level * np.exp(rng.normal(0, 0.3, (n, 4))), axis=1)
    order = {"low": 0, "open": 1, "close": 2, "high": 3}
    columns |= {name: pl.Series(drawn[:, order[name]]) for name in prices}
    return _with(bars, columns)


def huge(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Every number a million times as large, and not a constant multiple."""
    factors = pl.Series(HUGE * rng.uniform(1, 2, bars.height))
    return _with(bars, {name: bars[name] * factors for name in _numbers(bars)})


def tiny(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Every price a millionth, everything else zero: a crash without trades."""
    factors = pl.Series(TINY * rng.uniform(1, 2, bars.height))
    return _with(bars, {name: bars[name] * (factors if name in PRICES else 0) for name in _numbers(bars)})


def nan(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """NaN wherever a float stands."""
    floats = [name for name in _numbers(bars) if bars.schema[name].is_float()]
    return _with(bars, {name: pl.Series(np.full(bars.height, np.nan)) for name in floats})


PERTURBATIONS: dict[str, Perturbation] = {"noise": noise, "huge values": huge, "tiny values": tiny, "NaN": nan}
"""Ways to replace values, by what a reader is told; cutting the rows off is another way."""

CUT = "nothing"
"""What stands behind a cut."""


@dataclass(frozen=True, slots=True)
class Perturbed:
    """Bars and the same with every value replaced, by a poison of PERTURBATIONS."""

    kind: str
    bars: pl.DataFrame
    replaced: pl.DataFrame

    @classmethod
    def of(cls, bars: pl.DataFrame, kind: str, rng: np.random.Generator) -> Perturbed:
        """Draw the other values, once."""
        return cls(kind, bars, PERTURBATIONS[kind](bars, rng))

    def where(self, rows: pl.Series) -> pl.DataFrame:
        """The bars, replaced where `rows` (n,) is true."""
        names = _values(self.bars)
        return self.bars.with_columns(self.replaced[name].zip_with(rows, self.bars[name]) for name in names)


def _values(bars: pl.DataFrame) -> list[str]:
    """Columns that may hold something else: all but the keys."""
    return [name for name in bars.columns if name not in KEYS]


def _numbers(bars: pl.DataFrame) -> list[str]:
    return [name for name in _values(bars) if bars.schema[name].is_numeric()]


def _drawn(column: pl.Series, rng: np.random.Generator) -> pl.Series:
    """Other values of a column's own: shuffled, and numbers scaled each by its own factor."""
    shuffled = column.gather(rng.permutation(len(column)))
    return shuffled * pl.Series(rng.uniform(0.5, 2, len(column))) if column.dtype.is_numeric() else shuffled


def _with(bars: pl.DataFrame, columns: dict[str, pl.Series]) -> pl.DataFrame:
    """Replace columns, each in its own type."""
    return bars.with_columns(
        column.cast(bars.schema[name], strict=False).alias(name) for name, column in columns.items()
    )
