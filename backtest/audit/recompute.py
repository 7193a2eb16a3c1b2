"""A computation from bars to a table, run again on other bars: which values differ, though they should not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import polars as pl

from backtest.data.sessions import segments
from backtest.features.catalog import Spec
from backtest.features.pipeline import build

KEYS = ("model", "seed", "fold", "horizon", "symbol", "time")
NORMAL_QUARTILES = 1.349
"""Distance of the quartiles of the standard normal distribution."""

ROUNDING = 1e-9
"""In standard deviations of a column: smaller differences are rounding of sums that were added in another order."""

Compute = Callable[[pl.DataFrame], pl.DataFrame]
"""From bars to a table with `time`, `symbol` if there are several, and columns of values."""

Series = Mapping[str, pl.DataFrame]
"""External series by name, with `time`, `known_at` and values."""

BuildFeatures = Callable[[pl.DataFrame, Series], pl.DataFrame]
"""From bars and external series to FEATURES."""


@dataclass(frozen=True)
class Computation:
    """Something computed from bars, with its result for all of them; `outside` are columns that read series as well."""

    compute: Compute
    bars: pl.DataFrame
    whole: pl.DataFrame
    outside: frozenset[str] = frozenset()

    @classmethod
    def of(cls, compute: Compute, bars: pl.DataFrame, outside: Iterable[str] = ()) -> Computation:
        """Compute it once, on all bars."""
        return cls(compute, bars, compute(bars), frozenset(outside))

    @cached_property
    def times(self) -> pl.Series:
        """Distinct times of the bars (n,), ascending."""
        return self.bars["time"].unique().sort()

    @cached_property
    def place(self) -> pl.Series:
        """For each bar the place of its time among `times`."""
        return self.times.search_sorted(self.bars["time"]).cast(pl.Int64)

    @cached_property
    def last(self) -> int:
        """Place of the last time."""
        return len(self.times) - 1

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the values."""
        return tuple(name for name in self.whole.columns if name not in KEYS)

    @cached_property
    def spread(self) -> dict[str, float]:
        """Standard deviation of each column of floats; 1 for a constant."""
        found = {name: column.std() for name, column in self._floats.items()}
        return {name: value if isinstance(value, float) and value > 0 else 1.0 for name, value in found.items()}

    @cached_property
    def grain(self) -> dict[str, float]:
        """The standard deviation, or its estimate from the quartiles where that is smaller: robust to huge values."""
        quartiles = {name: (column.quantile(0.25), column.quantile(0.75)) for name, column in self._floats.items()}
        apart = {name: high - low for name, (low, high) in quartiles.items() if low is not None and high is not None}
        found = {name: apart.get(name, 0.0) / NORMAL_QUARTILES or spread for name, spread in self.spread.items()}
        return {name: min(one, self.spread[name]) for name, one in found.items()}

    @cached_property
    def _floats(self) -> dict[str, pl.Series]:
        """Finite values of each column of floats."""
        floats = [self.whole[name] for name in self.columns if self.whole.schema[name].is_float()]
        return {column.name: column.filter(column.is_finite()) for column in floats}

    def moved(self, other: pl.DataFrame, until: datetime, *, allowed: float = 0.0) -> dict[str, pl.DataFrame]:
        """Rows up to `until` at which `other` has another value or none, by column; only columns with such rows.

        Differences in a column of floats count only above `allowed` standard deviations.
        """
        rows = self.whole.filter(pl.col("time") <= until)
        return self.differing(rows, other.filter(pl.col("time") <= until), dict.fromkeys(self.columns, allowed))

    def agrees(self, column: str, other: pl.DataFrame) -> bool:
        """Whether `other`, computed from some of the bars, has the same values where it has any."""
        keys = self.keys(other)
        both = other.select(*keys, column).join(
            self.whole.select(*keys, own=column), on=keys, how="left", maintain_order="left", nulls_equal=True
        )
        return not (both[column].is_not_null() & both[column].ne_missing(both["own"])).any()

    def differing(self, rows: pl.DataFrame, other: pl.DataFrame, allowed: dict[str, float]) -> dict[str, pl.DataFrame]:
        """Those of `rows` of the whole table at which `other` differs by more than allowed, by column."""
        keys, aligned = self.keys(rows), other
        if not other.select(keys).equals(rows.select(keys)):
            aligned = rows.select(keys).join(other, on=keys, how="left", maintain_order="left", nulls_equal=True)
        found = {}
        for name, most in allowed.items():
            one, two = rows[name], aligned[name]
            differs = one.ne_missing(two)
            if most and name in self.spread and differs.any():
                scale = self.grain[name] if most <= ROUNDING else self.spread[name]
                differs &= ~((one - two).abs() <= most * scale).fill_null(False)
            if differs.any():
                found[name] = rows.select(keys).filter(differs)
        return found

    def keys(self, frame: pl.DataFrame) -> list[str]:
        """Names of the columns that identify a row."""
        return [key for key in KEYS if key in frame.columns]


def feature_builder(
    bars: pl.DataFrame,
    specs: Sequence[Spec],
    interval: timedelta,
    *,
    horizons: Sequence[int] = (1,),
    kind: str | None = "log_return",
    segment: pl.Series | None = None,
) -> BuildFeatures:
    """Return a function that computes FEATURES of `bars` with other values, or of some of them, as a run does.

    Whether a gap is a closed market or a hole is inferred from the weeks around it, later ones too. That is knowledge
    of the exchange's calendar, not of a price, and can only make a value null. So the true calendar is kept: the
    `segment` of each row, which is found once where it is not given.
    """
    keys = ["symbol", "time"]
    calendar = bars.select(keys).with_columns(segments(bars, interval) if segment is None else segment)

    def build_features(changed: pl.DataFrame, external: Series) -> pl.DataFrame:
        """FEATURES of changed bars."""
        known = changed.select(keys).join(calendar, on=keys, how="left", maintain_order="left")["segment"]
        if known.null_count():  # bars at other times than the true ones
            known = segments(changed, interval)
        return build(changed, specs, horizons=horizons, kind=kind, interval=interval, external=external, segment=known)

    return build_features
