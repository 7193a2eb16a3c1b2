"""Reads a column of open times, however it is written, as UTC microseconds.

Epochs are whole numbers of s, ms, us or ns since 1970; the magnitude of each value tells its unit, for the ranges
of 1980 to 2100 do not overlap. Times with a zone are converted to UTC. Times without one are refused, except
dates: a `Date`, a text `2020-01-31` or a column whose clock times are all midnight holds the dates of sessions, which
become midnight UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from backtest.data.errors import DataError, TimestampUnit, TimezoneMissing, WrongSchema
from backtest.data.schema import UTC_TIME

EARLIEST_EPOCH, LATEST_EPOCH = 315_532_800, 4_102_444_800  # seconds: 1980 and 2100
UNITS_PER_SECOND = (1, 1_000, 1_000_000, 1_000_000_000)

# Where epochs of today fall when they are read in a unit a thousand times too fine, and beyond what a coarse one gives.
MISREAD = (datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 3, 1, tzinfo=UTC))
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

WHOLE = r"^\d+(?:\.0*)?$"
SCIENTIFIC = r"^\d+(?:\.\d+)?[eE]\+?\d+$"
ISO = r"^\d{4}-\d{2}-\d{2}(?: |$)"  # asked first, for %Y also reads the year 6 out of 06-12-21
ZONED_FORMATS = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")
NAIVE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")


@dataclass(frozen=True, slots=True)
class BadCells:
    """Cells that cannot be read: which rows, as a mask, and the words for them."""

    kind: type[DataError]
    mask: pl.Series
    what: str
    expected: str
    remedy: str


def parse_times(raw: pl.Series) -> tuple[pl.Series, list[BadCells]]:
    """Return the times as UTC microseconds, null where `raw` is null or cannot be read, and the faults."""
    if raw.dtype == pl.Date:
        times, faults = _from_datetimes(raw.cast(pl.Datetime("us")), None)
    elif isinstance(raw.dtype, pl.Datetime):
        times, faults = _from_datetimes(raw, raw.dtype.time_zone)
    elif raw.dtype == pl.String:
        times, faults = _from_texts(raw.str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d)T", "$1 "))
    elif raw.dtype.is_numeric():
        times, faults = _from_epochs(raw.fill_nan(None) if raw.dtype.is_float() else raw)
    else:
        times = pl.Series([None], dtype=UTC_TIME).new_from_index(0, raw.len())
        faults = [
            BadCells(WrongSchema, raw.is_not_null(), f"{raw.dtype} values", "times or epochs", "convert the column")
        ]
    return times.alias("time"), [fault for fault in faults if fault.mask.any()]


def _from_datetimes(raw: pl.Series, zone: str | None) -> tuple[pl.Series, list[BadCells]]:
    """Convert typed times to UTC; times that only a wrong unit can explain are a fault."""
    times = raw.cast(UTC_TIME) if zone else raw.cast(pl.Datetime("us")).cast(UTC_TIME)
    if times.drop_nulls().is_between(*MISREAD).all():
        wrong_unit = times.is_not_null()
    else:
        wrong_unit = (times >= LATEST).fill_null(value=False)
    faults = [
        BadCells(
            TimestampUnit,
            wrong_unit,
            "times that only a wrong unit can explain",
            "times of real bars",
            "read the epochs again in the unit in which they were written",
        )
    ]
    return times, faults if zone or wrong_unit.any() else [_without_zone(times)]


def _without_zone(times: pl.Series) -> BadCells:
    """Refuse clock times without a zone, unless they are all midnight: then they are dates."""
    clock = (times != times.dt.truncate("1d")).fill_null(value=False)
    return BadCells(
        TimezoneMissing,
        times.is_not_null() if clock.any() else clock,
        "clock times without a zone",
        "UTC, or a zone in each time such as +00:00",
        "convert the column to UTC, or write its zone into it, before loading",
    )


def _from_epochs(raw: pl.Series) -> tuple[pl.Series, list[BadCells]]:
    """Read whole numbers since 1970, each in the unit that its magnitude tells."""
    value = pl.col("raw")
    inside = [value.is_between(EARLIEST_EPOCH * unit, LATEST_EPOCH * unit) for unit in UNITS_PER_SECOND]
    micros = [(value * (1_000_000 // unit) if unit <= 1_000_000 else value // 1_000) for unit in UNITS_PER_SECOND]
    choose = pl.coalesce([pl.when(fits).then(time) for fits, time in zip(inside, micros, strict=True)])
    whole = raw if raw.dtype == pl.Int64 else raw.cast(pl.Int64, strict=False)
    times = pl.DataFrame({"raw": whole}).select(choose.cast(pl.Datetime("us")).cast(UTC_TIME)).to_series()
    exact = (whole == raw).fill_null(value=False) if raw.dtype.is_float() else whole.is_not_null()
    fault = BadCells(
        TimestampUnit,
        raw.is_not_null() & (times.is_null() | ~exact),
        "numbers that are not an epoch in s, ms, us or ns",
        "whole numbers for times between 1980 and 2100",
        "write the open times as epochs or as ISO 8601 in UTC",
    )
    return times, [fault]


def _from_texts(raw: pl.Series) -> tuple[pl.Series, list[BadCells]]:
    """Read epochs, ISO times with a zone and dates; name what is none of them."""
    whole = raw.str.contains(WHOLE).fill_null(value=False)
    epochs, faults = _from_epochs(_only(raw, whole).str.replace(r"\.0*$", "").cast(pl.Int64, strict=False))
    iso = _only(raw, raw.str.contains(ISO))
    zoned = _parse(iso.str.replace(r"\s?(?:UTC|[Zz])$", "+0000"), ZONED_FORMATS, "UTC")
    naive = _parse(_only(iso, zoned.is_null()), NAIVE_FORMATS, None)
    scientific = raw.str.contains(SCIENTIFIC).fill_null(value=False)
    unread = raw.is_not_null() & ~whole & ~scientific & zoned.is_null() & naive.is_null()
    faults += [
        BadCells(
            TimestampUnit,
            scientific,
            "epochs in scientific notation, whose last digits are lost",
            "all digits of the epoch",
            "use the original file: a spreadsheet program has rewritten this one",
        ),
        _without_zone(naive),
        BadCells(
            WrongSchema, unread, "texts that are not a time", "an epoch or ISO 8601 with a zone", "correct the rows"
        ),
    ]
    return pl.select(pl.coalesce(epochs, zoned, naive)).to_series(), faults


def _only(values: pl.Series, mask: pl.Series) -> pl.Series:
    """Return the values where `mask` holds and null elsewhere."""
    return pl.select(pl.when(mask).then(values)).to_series()


def _parse(texts: pl.Series, formats: tuple[str, ...], zone: str | None) -> pl.Series:
    """Parse what the first fitting one of `formats` can read, as UTC microseconds."""
    times = pl.Series([None], dtype=UTC_TIME).new_from_index(0, texts.len())
    for each in formats:
        left = _only(texts, times.is_null())
        if left.null_count() < left.len():
            found = left.str.to_datetime(each, time_unit="us", time_zone=zone, strict=False).cast(UTC_TIME)
            times = pl.select(pl.coalesce(times, found)).to_series()
    return times
