"""A computation from bars to a table, asked again with other bars: which values moved, though nothing they know did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import polars as pl

KEYS = ("model", "seed", "fold", "horizon", "symbol", "time")
NORMAL_QUARTILES = 1.349
"""Distance of the quartiles of the standard normal distribution."""

ROUNDING = 1e-9
"""In standard deviations of a column: less than that is the rounding of sums that were added up in another order."""

Compute = Callable[[pl.DataFrame], pl.DataFrame]
"""From bars to a table with `time`, if there are several series `symbol`, and columns of values."""


@dataclass(frozen=True)
class Computation:
    """Something computed from bars, with what it gives for all of them."""

    compute: Compute
    bars: pl.DataFrame
    whole: pl.DataFrame

    @classmethod
    def of(cls, compute: Compute, bars: pl.DataFrame) -> Computation:
        """Compute it once, on all bars."""
        return cls(compute, bars, compute(bars))

    @cached_property
    def times(self) -> pl.Series:
        """Distinct times of the bars (n,), ascending."""
        return self.bars["time"].unique().sort()

    @cached_property
    def place(self) -> pl.Series:
        """For each bar the place of its time among `times`."""
        return self.times.search_sorted(self.bars["time"]).cast(pl.Int64)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the values."""
        return tuple(name for name in self.whole.columns if name not in KEYS)

    @cached_property
    def spread(self) -> dict[str, float]:
        """Standard deviation of each column of floats; 1 of a constant."""
        return {name: _positive(column.std()) for name, column in self._floats.items()}

    @cached_property
    def grain(self) -> dict[str, float]:
        """The same by the quartiles, where that is smaller: a single huge value does not make it coarse."""
        quartiles = {name: (column.quantile(0.25), column.quantile(0.75)) for name, column in self._floats.items()}
        apart = {name: high - low for name, (low, high) in quartiles.items() if low is not None and high is not None}
        found = {name: apart.get(name, 0.0) / NORMAL_QUARTILES or spread for name, spread in self.spread.items()}
        return {name: min(one, self.spread[name]) for name, one in found.items()}

    @cached_property
    def _floats(self) -> dict[str, pl.Series]:
        """Columns of floats, their finite values."""
        floats = [self.whole[name] for name in self.columns if self.whole.schema[name].is_float()]
        return {column.name: column.filter(column.is_finite()) for column in floats}

    def moved(self, other: pl.DataFrame, until: datetime, *, allowed: float = 0.0) -> dict[str, pl.DataFrame]:
        """Rows up to `until` at which `other` has another value or none, by column; only columns with such rows.

        `allowed` standard deviations of a column of floats are no difference.
        """
        rows = self.whole.filter(pl.col("time") <= until)
        return self.differing(rows, other.filter(pl.col("time") <= until), dict.fromkeys(self.columns, allowed))

    def agrees(self, column: str, other: pl.DataFrame) -> bool:
        """Whether `other`, of some of the bars, has the same values where it has any."""
        keys = self.keys(other)
        both = other.select(*keys, column).join(
            self.whole.select(*keys, own=column), on=keys, how="left", maintain_order="left", nulls_equal=True
        )
        return not (both[column].is_not_null() & both[column].ne_missing(both["own"])).any()

    def differing(self, rows: pl.DataFrame, other: pl.DataFrame, allowed: dict[str, float]) -> dict[str, pl.DataFrame]:
        """Those of `rows`, of the whole table, at which `other` differs by more than allowed, by column."""
        keys, aligned = self.keys(rows), other
        if not other.select(keys).equals(rows.select(keys)):
            aligned = rows.select(keys).join(other, on=keys, how="left", maintain_order="left", nulls_equal=True)
        found = {}
        for name, most in allowed.items():
            differs = self._differs(name, rows[name], aligned[name], most)
            if differs.any():
                found[name] = rows.select(keys).filter(differs)
        return found

    def keys(self, frame: pl.DataFrame) -> list[str]:
        """Names of the columns that tell one row from another."""
        return [key for key in KEYS if key in frame.columns]

    def _differs(self, name: str, one: pl.Series, other: pl.Series, allowed: float) -> pl.Series:
        """Tell at which rows two columns differ: in a missing value, or by more than `allowed`."""
        differs = one.ne_missing(other)
        if allowed and name in self.spread and differs.any():
            scale = self.grain[name] if allowed <= ROUNDING else self.spread[name]
            differs &= ~((one - other).abs() <= allowed * scale).fill_null(False)
        return differs


def _positive(value: object) -> float:
    """A number above zero, or 1."""
    return value if isinstance(value, float) and value > 0 else 1.0
