"""Finds the holes in a series of bars: what is missing although the market was open.

A market is always open if (nearly) every slot of the week, such as Tuesday 13:00, usually has a bar. Every missing bar
is then a hole, and so is a bar off the grid. A market that closes has no holes over nights, weekends and holidays;
within its session, bars are missing in the slots that had a bar in most of the weeks around. Asking the weeks around,
not all of history, keeps summer time from looking like a hole. Beyond `LONGEST_CLOSURE` everything is a hole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backtest.data.durations import format_duration
from backtest.data.errors import TooFewBars, WrongSchema
from backtest.data.schema import UTC_TIME

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

HOUR, DAY, WEEK = 3_600_000_000, 86_400_000_000, 604_800_000_000  # microseconds
LONGEST_BREAK = 4 * HOUR  # around noon; what is closed for longer parts two sessions
LONGEST_CLOSURE = 12 * DAY  # around the new year Shanghai, and in May 2019 Tokyo, did not trade for eleven days
RARE, USUAL = 0.1, 0.5  # how often a slot has a bar, as a share of the slot that has most
OPEN_SHARE = 0.9  # of the slots of an always open market are not rare
HOLES: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "after": UTC_TIME,
    "before": UTC_TIME,
    "missing": pl.Int64,
}


def interval_of(bars: pl.DataFrame) -> timedelta:
    """Return the commonest step between the bars of one instrument, the shortest where several are as common.

    Raises TooFewBars where no instrument has two bars, WrongSchema where two instruments have different intervals.
    """
    found = {symbol: _commonest_step(times) for symbol, _, times in _series(bars)}
    steps = {symbol: step for symbol, step in found.items() if step}
    if not steps:
        raise TooFewBars("interval: expected bars of one instrument at two times (got fewer): load more")
    if len(set(steps.values())) > 1:
        listed = ", ".join(
            f"{symbol} {format_duration(timedelta(microseconds=step))}" for symbol, step in steps.items()
        )
        raise WrongSchema(f"interval: expected one for all instruments (got {listed}): load one interval at a time")
    return timedelta(microseconds=next(iter(steps.values())))


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """When the markets of some bars were open.

    `segments` (n,) numbers the stretches of bars without a hole, from 0 over all instruments. `holes` are the columns
    of HOLES: symbol, the bars `after` and `before` which a hole lies, and how many bars are `missing`; none are where a
    bar merely stands off the grid of an always open market.
    """

    always_open: bool
    segments: pl.Series
    holes: pl.DataFrame


def find_sessions(bars: pl.DataFrame, interval: timedelta) -> Sessions:
    """Search `bars`, sorted by symbol and time, once for all that is known of their markets' sessions."""
    starts, step = np.zeros(bars.height, dtype=np.int32), interval // timedelta(microseconds=1)
    every_market_open = True
    holes = [pl.DataFrame(schema=HOLES)]
    for symbol, first, times in _series(bars):
        is_open = bool(np.mean(_occupancy(times, step)[1] >= RARE) >= OPEN_SHARE)
        at, missing = _holes(times, step, is_open=is_open)
        every_market_open &= is_open
        starts[first] = first > 0
        starts[first + at + 1] = 1
        columns = {"symbol": [symbol] * len(at), "after": times[at], "before": times[at + 1], "missing": missing}
        holes.append(
            pl.DataFrame(columns, schema_overrides={"symbol": pl.String}).select(
                pl.col(name).cast(dtype) for name, dtype in HOLES.items()
            )
        )
    return Sessions(every_market_open, pl.Series("segment", np.cumsum(starts, dtype=np.int32)), pl.concat(holes))


def segments(bars: pl.DataFrame, interval: timedelta | None = None) -> pl.Series:
    """Number the stretches of bars as `find_sessions` does, where nothing else is asked.

    `interval` is inferred where it is not given: then a few bars more may change it, and the numbers.
    """
    several = any(len(times) > 1 for _, _, times in _series(bars))
    return find_sessions(bars, interval or (interval_of(bars) if several else timedelta(days=1))).segments


def _series(bars: pl.DataFrame) -> Iterator[tuple[str, int, Ints]]:
    """Yield each instrument, the number of its first row and its times in microseconds."""
    times = bars["time"].to_physical().to_numpy()
    runs = bars["symbol"].rle().struct.unnest() if bars.height else pl.DataFrame({"len": [], "value": []})
    first = 0
    for length, symbol in runs.select("len", "value").iter_rows():
        yield symbol, first, times[first : first + length]
        first += length


def _commonest_step(times: Ints) -> int:
    """Return the commonest positive difference, 0 where there is none."""
    steps = pl.Series(np.diff(times))
    if steps.len() and steps.min() == steps.max():
        return max(int(steps[0]), 0)
    modes = steps.filter(steps > 0).mode()
    return int(modes.min()) if modes.len() else 0  # type: ignore[arg-type]


def _slot(times: Ints, step: int, period: int) -> Ints:
    """Return which slot of the period, a day or a week, each time falls into."""
    return times % period // step


def _occupancy(times: Ints, step: int) -> tuple[int, NDArray[np.float64]]:
    """Return a period, and how often each of its slots has a bar, as a share of the slot that has most.

    A week where the data cover four, a day where they cover three; below that nothing can be known to be closed.
    """
    span = times[-1] - times[0]
    period = WEEK if span >= 4 * WEEK and step <= DAY else DAY if span >= 3 * DAY and step < DAY else step
    counts = np.bincount(_slot(times, step, period), minlength=-(-period // step))
    return period, counts / counts.max()


def _holes(times: Ints, step: int, *, is_open: bool) -> tuple[Ints, Ints]:
    """Return the indices of the last bar before each hole, and how many bars are missing there."""
    steps = np.diff(times)
    if (steps == step).all():
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if not is_open:
        return _holes_of_sessions(times, steps, step)
    # A calendar day or month is not always equally long: clocks change and so do the lengths of months.
    count = np.rint(steps / step).astype(np.int64) if step >= DAY else -(-steps // step)
    broken = count != 1 if step >= DAY else steps != step
    at = np.flatnonzero(broken)
    return at, np.maximum(count[at] - 1, 0)


def _holes_of_sessions(times: Ints, steps: Ints, step: int) -> tuple[Ints, Ints]:
    """Find the holes of a market that closes, as `_holes` does."""
    too_long = np.flatnonzero(steps > LONGEST_CLOSURE)
    period, occupancy = _occupancy(times, step)
    lost = [
        (occupancy[_slot(np.arange(times[i] + step, times[i + 1], step), step, period)] >= USUAL).sum()
        for i in too_long
    ]
    at, missing = _holes_within_days(times, steps, step) if step < DAY else (too_long[:0], too_long[:0])
    order = np.argsort(np.concatenate([too_long, at]))
    return np.concatenate([too_long, at])[order], np.concatenate([np.array(lost, dtype=np.int64), missing])[order]


def _holes_within_days(times: Ints, steps: Ints, step: int) -> tuple[Ints, Ints]:
    """Find the stretches that begin and end with a slot that usually has a bar, and hold no night between them."""
    at = np.flatnonzero((steps > step) & (steps <= LONGEST_CLOSURE))
    slots = -(-steps[at] // step) - 1
    for last in (False, True):  # most closures end here, for the first or the last slot of a night is closed
        usual = _usual(times, times[at] + step * (slots if last else 1), step)
        at, slots = at[usual], slots[usual]
    hole = np.repeat(np.arange(len(at)), slots)
    place = np.arange(len(hole)) - np.repeat(slots.cumsum() - slots, slots)
    usual = _usual(times, times[at][hole] + step * (place + 1), step)
    missing = np.bincount(hole[usual], minlength=len(at))
    within = (slots - missing) * step <= LONGEST_BREAK
    return at[within], missing[within]


def _usual(times: Ints, slots: Ints, step: int) -> Flags:
    """Tell which slots have a bar on most of the days with bars one and two weeks before and after (days, if short)."""
    unit = WEEK if times[-1] - times[0] >= 2 * WEEK else DAY
    traded, present = np.zeros(len(slots), dtype=np.int64), np.zeros(len(slots), dtype=np.int64)
    for lag in (-2 * unit, -unit, unit, 2 * unit):
        day = (slots + lag) // DAY * DAY
        traded += _has_bar(times, day, day + DAY)
        present += _has_bar(times, slots + lag, slots + lag + step)
    return 2 * present > traded


def _has_bar(times: Ints, start: Ints, end: Ints) -> Flags:
    """Tell for each span, its end not counted, whether a bar opens in it."""
    first = np.searchsorted(times, start)
    found: Flags = np.append(times, np.iinfo(np.int64).max)[first] < end
    return found
