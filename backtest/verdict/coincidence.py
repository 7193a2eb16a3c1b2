"""Which test rows two trials have in common, whatever their symbols and files are called: hashes of rows by month.

A row is known by the length of its bar and by the directions in which its series last moved, one bit for each.
Neither a name, a scale and its rounding, nor the hour by which a bar is labelled matter, and bars that are appended,
cut off or left out change the hashes of hardly any other row. Of each calendar month the number of rows and the
smallest of their hashes are kept (a bottom-k sketch): a month that two trials share in part, as the first and the last
usually are, counts with that part.

Source of the sketch: Broder (1997), On the resemblance and containment of documents, Proceedings of Compression and
Complexity of Sequences, 21-29.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field

from backtest.evaluation.loss_panel import LossPanel

FEWEST, MOST = 4, 16
"""Hashes of a month that are kept: those of one row in five, within these bounds."""

DIGITS = 8
"""Of a hash, in hexadecimal."""

MEMORY = 32
"""Directions by which a row is known: more tell markets that move together apart, fewer survive coarser prices."""

SKETCH = 2
"""Version of the hashes: rows of different versions have no series in common. The first was of rounded values."""

BARS = f"bars/{SKETCH}"
"""Name of the series of the bars' own returns, which is the same whatever is forecast."""

Sketch = Annotated[str, Field(pattern=rf"^[1-9][0-9]{{0,9}}(:[0-9a-f]{{{DIGITS}}}){{1,{MOST}}}$")]
Month = Annotated[str, Field(pattern=r"^-?[0-9]{1,6}-[0-9]{2}$")]
Rows = dict[str, dict[Month, Sketch]]
"""The test rows of a trial: by series, BARS or `log_return@1/2` for the outcomes at one horizon, and by month."""


def rows_of(panels: Sequence[LossPanel], interval: timedelta, returns: pl.DataFrame | None = None) -> Rows:
    """Return the test rows of loss panels, known by their outcomes and by the `returns` of their bars.

    `returns` has symbol, time and `bar_return` of at least these rows, as FEATURES; without them, or without a return
    among them, the rows are known by their outcomes alone.
    """
    found = {}
    for panel in panels:
        rows = panel.rows.select("symbol", "time", value="y")
        found[f"{panel.question.target}@{panel.horizon}/{SKETCH}"] = _sketches(hashed(rows, interval))
    if returns is not None and panels and not returns["bar_return"].is_null().all():
        bars = hashed(returns.select("symbol", "time", value="bar_return"), interval)
        found[BARS] = _sketches(bars.join(panels[0].rows, on=["symbol", "time"], how="semi"))
    return found


def bar_rows(bars: pl.DataFrame, interval: timedelta) -> Rows:
    """Return all BARS as rows, to find the trials on some of them."""
    value = pl.col("close").log().diff().over("symbol", order_by="time")
    return {BARS: _sketches(hashed(bars.select("symbol", "time", value=value), interval))}


def share(one: Rows, other: Rows) -> float | None:
    """Share of the smaller's test rows that both trials have, estimated; None where they have no series in common."""
    return max((shared / min(sizes) for shared, *sizes in _in_common(one, other)), default=None)


def share_within(one: Rows, other: Rows) -> float | None:
    """Share of the rows of `one` that `other` has, estimated; None where they have no series in common."""
    return max((shared / size for shared, size, _ in _in_common(one, other)), default=None)


def height(rows: Rows) -> int:
    """How many rows these are, 0 where none are known."""
    return max(map(_size, rows.values()), default=0)


def hashed(rows: pl.DataFrame, interval: timedelta) -> pl.DataFrame:
    """Return symbol, time and the hash of rows with symbol, time and value; null counts as 0.

    A row is known by the directions, up or down, of the last MEMORY moves of the value from row to row, and by which of
    the last MEMORY rows brought none. So a series that seldom moves is known by moves of long ago, and one that goes up
    and down in turn, as a direction does, by its pauses.
    """
    change = pl.col("value").fill_null(0).diff().over("symbol").fill_null(0)
    ordered = rows.sort("symbol", "time").select("symbol", "time", change=change).with_row_index()
    moves = ordered.filter(pl.col("change") != 0)
    known = moves.select("index", fell=_last(moves, moves["change"] < 0))
    found = ordered.join(known, on="index", how="left", maintain_order="left")
    fell = found.select(pl.col("fell").forward_fill().over("symbol").fill_null(0)).to_series().to_numpy()
    length = np.asarray([interval // timedelta(microseconds=1)], dtype=np.uint64)
    stood = _last(ordered, ordered["change"] == 0).to_numpy()
    mixed = _mixed(fell ^ _mixed(stood ^ _mixed(length)))
    return ordered.select("symbol", "time", hash=pl.Series(mixed >> np.uint64(64 - 4 * DIGITS)))


def _last(rows: pl.DataFrame, flags: pl.Series) -> pl.Series:
    """The last MEMORY flags (n,) up to each row, of its symbol alone: a bit for each, above them how many there are."""
    place = rows.select(pl.int_range(pl.len()).over("symbol")).to_series().to_numpy()
    bits = flags.cast(pl.UInt64).to_numpy()
    found = np.minimum(place + 1, MEMORY).astype(np.uint64) << np.uint64(MEMORY)
    for back in range(MEMORY):
        found |= np.where(place >= back, np.roll(bits, back), np.uint64(0)) << np.uint64(back)
    return pl.Series(found)


def _mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Numbers (n,) in which each bit depends on all bits: the finaliser of splitmix64 (Steele et al., 2014)."""
    found = numbers + np.uint64(0x9E3779B97F4A7C15)
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))


def _sketches(rows: pl.DataFrame) -> dict[str, str]:
    """The sketch of each month."""
    months = (
        rows.group_by(month=pl.col("time").dt.strftime("%Y-%m"))
        .agg(n=pl.len(), smallest=pl.col("hash").unique().sort().head((pl.len() // 5).clip(FEWEST, MOST)))
        .sort("month")
    )
    return {
        month: ":".join([str(n), *(f"{one:0{DIGITS}x}" for one in smallest)]) for month, n, smallest in months.rows()
    }


def _in_common(one: Rows, other: Rows) -> Iterator[tuple[float, int, int]]:
    """How many rows are in both, by each series that both have, and how many each has; by BARS alone if they can be."""
    for name in [BARS] if one.get(BARS) and other.get(BARS) else sorted(set(one) & set(other)):
        if one[name] and other[name]:
            shared = sum(_shared(one[name][month], other[name][month]) for month in set(one[name]) & set(other[name]))
            yield shared, _size(one[name]), _size(other[name])


def _size(months: Mapping[str, str]) -> int:
    """How many rows a series has."""
    return sum(map(_number, months.values()))


def _number(sketch: str) -> int:
    """How many rows a month has."""
    return int(sketch.partition(":")[0])


def _shared(one: str, other: str) -> float:
    """Estimate of how many rows of a month are in both sketches.

    Of the smallest hashes of both together those in both are the share of the intersection in the union.
    """
    if one == other:
        return _number(one)
    first, second = ({*sketch.split(":")[1:]} for sketch in (one, other))
    cut = [len(hashes) for hashes, sketch in ((first, one), (second, other)) if len(hashes) < _number(sketch)]
    smallest = sorted(first | second)[: min(cut, default=None)]
    share_of_union = len(first & second & set(smallest)) / len(smallest)
    numbers = _number(one), _number(other)
    return min(*numbers, share_of_union / (1 + share_of_union) * sum(numbers))
