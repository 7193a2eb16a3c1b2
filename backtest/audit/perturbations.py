"""What an audit replaces later bars with, and where: kinds of perturbation, cut points, and a regular grid of bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from backtest.audit.recompute import Computation
from backtest.data.records.audit import Perturbation

KEYS = ("symbol", "time", "known_at", "expires")
PRICES = ("open", "high", "low", "close")
HUGE, TINY = 1e6, 1e-6

RARE = 0.05
"""Share of the steps from bar to bar below which one is odd, such as an unscheduled closure."""

PER_EVENT = 3
"""Cut points at each kind of oddity; a leak that waits for one, as a backward fill does, shows nowhere else."""

Perturb = Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]


def noise(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Every value redrawn around the scale of its column; prices stay positive, and open and close within the range."""
    n = bars.height
    columns = {name: _redrawn(bars[name], rng) for name in _values(bars) if name not in PRICES}
    prices = [name for name in PRICES if name in bars.columns]
    level = bars["close"].to_numpy()[:, None] if "close" in prices else np.ones((n, 1))
    drawn = np.sort(level * np.exp(rng.normal(0, 0.3, (n, 4))), axis=1)
    order = {"low": 0, "open": 1, "close": 2, "high": 3}
    columns |= {name: pl.Series(drawn[:, order[name]]) for name in prices}
    return _with(bars, columns)


def huge(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Every number about a million times as large, each by its own factor."""
    factors = pl.Series(HUGE * rng.uniform(1, 2, bars.height))
    return _with(bars, {name: bars[name] * factors for name in _numbers(bars)})


def tiny(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Every price about a millionth, everything else zero: a crash without trades."""
    factors = pl.Series(TINY * rng.uniform(1, 2, bars.height))
    return _with(bars, {name: bars[name] * (factors if name in PRICES else 0) for name in _numbers(bars)})


def nan(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """NaN in every column of floats."""
    floats = [name for name in _numbers(bars) if bars.schema[name].is_float()]
    return _with(bars, {name: pl.Series(np.full(bars.height, np.nan)) for name in floats})


PERTURBATIONS: dict[Perturbation, Perturb] = {"noise": noise, "huge": huge, "tiny": tiny, "nan": nan}
"""Ways to replace values; removing the rows is another way."""


@dataclass(frozen=True, slots=True)
class Perturbed:
    """Bars, and the same bars with every value replaced, by one of PERTURBATIONS."""

    kind: Perturbation
    bars: pl.DataFrame
    replaced: pl.DataFrame

    @classmethod
    def of(cls, bars: pl.DataFrame, kind: Perturbation, rng: np.random.Generator) -> Perturbed:
        """Draw the other values, once."""
        return cls(kind, bars, PERTURBATIONS[kind](bars, rng))

    def where(self, rows: pl.Series) -> pl.DataFrame:
        """The bars, replaced where `rows` (n,) is true."""
        names = _values(self.bars)
        return self.bars.with_columns(self.replaced[name].zip_with(rows, self.bars[name]) for name in names)


@dataclass(frozen=True, slots=True)
class Grid:
    """Bars at regular distances: the places `offset`, `offset + period`, and so on; each may move `lookback` more."""

    offset: int
    period: int
    lookback: int

    def at(self, places: pl.Series) -> pl.Series:
        """Whether each place is on the grid."""
        return places % self.period == self.offset

    def next_after(self, place: int) -> int:
        """First grid point after a place that is not on the grid."""
        return place + self.period - (place - self.offset) % self.period

    def unaffected(self, places: pl.Series, last: int) -> pl.Series:
        """Whether each place is out of reach of the grid point before it, with another one after it."""
        behind = (places - self.offset) % self.period
        return ((behind > self.lookback) | (places < self.offset)) & (places + self.period - behind <= last)


def cut_points(computation: Computation, count: int, rng: np.random.Generator) -> list[int]:
    """Places of about `count` bars among `computation.times`, ascending: from the first value on, never the last.

    Each is taken for the last known bar: those around anything odd, and others at random.
    """
    first, last = int(computation.times.search_sorted(computation.whole["time"].sort()[0])), computation.last
    events = [place for kind in _events(computation, first) for place in sample(kind, rng)]
    at_random = rng.integers(first, max(last, first + 1), max(count - len(events), count // 2))
    return sorted({int(place) for place in (*events, *at_random) if first <= place < last})


def _events(computation: Computation, first: int) -> list[pl.Series]:
    """Places before or at something odd: a hole, a new day, no trade, no movement, a jump, a missing value."""
    times, place, bars, whole = computation.times, computation.place, computation.bars, computation.whole
    steps = times.diff().dt.total_seconds()
    odd = steps != steps.median(), times.dt.date() != times.dt.date().shift()
    kinds = [where.arg_true().cast(pl.Int64) - 1 for where in odd]
    lengths = steps.drop_nulls().value_counts().filter(pl.col("count") < RARE * len(times)).sort("count", steps.name)
    kinds += [(steps == length).arg_true().cast(pl.Int64) - 1 for length in lengths[steps.name].head(PER_EVENT)]
    incomplete = bars.select(pl.any_horizontal(pl.all().is_null())).to_series()
    kinds += [place.filter(incomplete), place.filter(incomplete) - 1]
    if "volume" in bars.columns:
        kinds += [place.filter(bars["volume"] == 0), place.filter(bars["volume"] == 0) - 1]
    if "close" in bars.columns:
        moves = bars["close"].pct_change().abs().fill_null(0).fill_nan(0)
        kinds += [place.filter(moves == 0), place.gather(moves.arg_sort(descending=True)[:PER_EVENT]) - 1]
    if whole.height == bars.height:
        missing = whole.select(pl.any_horizontal(pl.col(computation.columns).is_null())).to_series()
        kinds.append(place.filter(missing))
    ends = pl.Series([first, first + 1, len(times) // 2, len(times) - 3, len(times) - 2])
    return [*kinds, ends]


def sample(places: pl.Series, rng: np.random.Generator) -> list[int]:
    """At most PER_EVENT of the places, the first among them."""
    if len(places) <= PER_EVENT:
        return [int(place) for place in places]
    chosen = rng.choice(len(places) - 1, PER_EVENT - 1, replace=False) + 1
    return [int(places[0]), *(int(places[int(one)]) for one in chosen)]


def _values(bars: pl.DataFrame) -> list[str]:
    """Columns that may be replaced: all but the keys."""
    return [name for name in bars.columns if name not in KEYS]


def _numbers(bars: pl.DataFrame) -> list[str]:
    """Columns of numbers that may be replaced."""
    return [name for name in _values(bars) if bars.schema[name].is_numeric()]


def _redrawn(column: pl.Series, rng: np.random.Generator) -> pl.Series:
    """The values of a column shuffled, and numbers scaled, each by its own factor."""
    shuffled = column.gather(rng.permutation(len(column)))
    return shuffled * pl.Series(rng.uniform(0.5, 2, len(column))) if column.dtype.is_numeric() else shuffled


def _with(bars: pl.DataFrame, columns: dict[str, pl.Series]) -> pl.DataFrame:
    """Replace columns, each in its own type."""
    return bars.with_columns(
        column.cast(bars.schema[name], strict=False).alias(name) for name, column in columns.items()
    )
