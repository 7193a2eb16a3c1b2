"""Which test rows two trials have in common, whatever their symbols and files are called: hashes of rows by month.

A row is known by the length and the open of its bar and by the last values of its series, rounded: neither a name nor
the last digits of a file matter, and bars that are appended, cut off or left out change the hashes of hardly any other
row. Of each calendar month the number of rows and the smallest of their hashes are kept (a bottom-k sketch): a month
that two trials share in part, as the first and the last usually are, counts with that part.

Source of the sketch: Broder (1997), On the resemblance and containment of documents, Proceedings of Compression and
Complexity of Sequences, 21-29.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

MEMORY = 8
"""Values of its series by which a row is known: so many signs alone tell one market from another."""

BARS = "bars"
"""Name of the series of the bars' own returns, which is the same whatever is forecast."""

Sketch = Annotated[str, Field(pattern=rf"^[1-9][0-9]{{0,9}}(:[0-9a-f]{{{DIGITS}}}){{1,{MOST}}}$")]
Month = Annotated[str, Field(pattern=r"^-?[0-9]{1,6}-[0-9]{2}$")]
Rows = dict[str, dict[Month, Sketch]]
"""The test rows of a trial: by series, BARS or `log_return@1` for the outcomes at one horizon, and by month."""


def rows_of(panels: Sequence[LossPanel], interval: timedelta, returns: pl.DataFrame | None = None) -> Rows:
    """Return the test rows of loss panels, known by their outcomes and by the `returns` of their bars.

    `returns` has symbol, time and `bar_return` of at least these rows, as FEATURES; without them, or without a return
    among them, the rows are known by their outcomes alone.
    """
    found = {}
    for panel in panels:
        rows = panel.rows.select("symbol", "time", value="y")
        found[f"{panel.question.target}@{panel.horizon}"] = _sketches(hashed(rows, interval))
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
    names = [BARS] if BARS in one and BARS in other else sorted(set(one) & set(other))
    return max((_share(one[name], other[name]) for name in names), default=None)


def hashed(rows: pl.DataFrame, interval: timedelta) -> pl.DataFrame:
    """Return symbol, time and the hash of rows with symbol, time and value; null counts as 0."""
    ordered = rows.sort("symbol", "time").with_columns(place=pl.int_range(pl.len()).over("symbol"))
    mantissa, exponent = np.frexp(ordered["value"].fill_null(0).to_numpy())
    values = (np.rint(mantissa * 128).astype(np.int64) + exponent.astype(np.int64) * 1024).view(np.uint64)
    place = ordered["place"].to_numpy()
    length = np.asarray([interval // timedelta(microseconds=1)], dtype=np.uint64)
    found = _mixed(ordered["time"].dt.epoch("us").to_numpy().view(np.uint64) ^ _mixed(length))
    for back in range(MEMORY):
        found = _mixed(found ^ np.where(place >= back, np.roll(values, back), np.uint64(0)))
    return ordered.select("symbol", "time", hash=pl.Series(found >> np.uint64(64 - 4 * DIGITS)))


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


def _share(one: Mapping[str, str], other: Mapping[str, str]) -> float:
    """Share of the smaller's rows that are in both."""
    rows = min(sum(_size(sketch) for sketch in each.values()) for each in (one, other))
    shared = sum(_shared(one[month], other[month]) for month in set(one) & set(other))
    return shared / rows if rows else 0.0


def _size(sketch: str) -> int:
    """How many rows a month has."""
    return int(sketch.partition(":")[0])


def _shared(one: str, other: str) -> float:
    """Estimate of how many rows of a month are in both sketches.

    Of the smallest hashes of both together those in both are the share of the intersection in the union.
    """
    if one == other:
        return _size(one)
    first, second = ({*sketch.split(":")[1:]} for sketch in (one, other))
    cut = [len(hashes) for hashes, sketch in ((first, one), (second, other)) if len(hashes) < _size(sketch)]
    smallest = sorted(first | second)[: min(cut, default=None)]
    share_of_union = len(first & second & set(smallest)) / len(smallest)
    both = _size(one) + _size(other)
    return min(_size(one), _size(other), share_of_union / (1 + share_of_union) * both)
