"""Tests of the ways in which times are written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import DataError, TimestampUnit, TimezoneMissing, WrongSchema
from backtest.data.reading.times import parse_times
from backtest.data.schema import UTC_TIME

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)
MIDNIGHT = datetime(2024, 5, 6, tzinfo=UTC)
instants = st.integers(320_000_000_000_000, 4_100_000_000_000_000).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-06T12:00:00Z",
        "2024-05-06 12:00:00+00:00",
        "2024-05-06 12:00:00.000+0000",
        "2024-05-06T14:00:00+02:00",
        "2024-05-06 12:00 UTC",
        "2024-05-06 07:30-04:30",
        "1714996800",
        " 1714996800.0 ",
        "1714996800000",
        "1714996800000000",
        "1714996800000000000",
    ],
)
def test_one_time_is_read_from_every_notation(written: str) -> None:
    times, faults = parse_times(pl.Series([written, None]))
    assert (times.to_list(), faults) == ([NOON, None], [])
    assert times.dtype == UTC_TIME


@given(st.lists(instants, min_size=1), st.sampled_from([1, 1_000, 1_000_000]))
def test_epochs_of_all_units_may_stand_in_one_column(times: list[datetime], unit: int) -> None:
    whole = [time.replace(microsecond=0) for time in times]
    seconds = [int(time.timestamp()) for time in whole]
    mixed = pl.Series([*seconds, *(second * unit for second in seconds)])
    for column in (mixed, mixed.cast(pl.String), mixed.cast(pl.Float64)):
        assert parse_times(column)[0].to_list() == whole * 2


@given(st.lists(instants, min_size=1))
def test_iso_times_may_have_a_fraction_on_some_rows_only(times: list[datetime]) -> None:
    parsed, faults = parse_times(pl.Series([time.isoformat(sep=" ") for time in times]))
    assert (parsed.to_list(), faults) == (times, [])


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_typed_times_of_any_zone_and_unit_become_utc(zone: str, unit: str) -> None:
    typed = pl.Series([NOON], dtype=UTC_TIME).dt.convert_time_zone(zone).dt.cast_time_unit(unit)  # type: ignore[arg-type]
    assert parse_times(typed)[0].to_list() == [NOON]


@pytest.mark.parametrize(
    "dates",
    [
        pl.Series([date(2024, 5, 6)]),
        pl.Series(["2024-05-06"]).str.to_datetime(),
        pl.Series(["2024-05-06"]),
        pl.Series(["2024-05-06 00:00:00"]),
    ],
)
def test_dates_become_midnight_utc(dates: pl.Series) -> None:
    times, faults = parse_times(dates)
    assert (times.to_list(), faults) == ([MIDNIGHT], [])


@pytest.mark.parametrize(
    ("column", "kind", "mask"),
    [
        (pl.Series(["1.63875E+12", "1638750000000"]), TimestampUnit, [True, False]),
        (pl.Series(["20240506", "1714996800"]), TimestampUnit, [True, False]),
        (pl.Series([1714996800.5, 1714996800.0]), TimestampUnit, [True, False]),
        (pl.Series([17, 1714996800]), TimestampUnit, [True, False]),
        (pl.Series([1714996800_000], dtype=pl.Datetime("us", "UTC")), TimestampUnit, [True]),
        (pl.Series([1714996800_000], dtype=pl.Datetime("us")), TimestampUnit, [True]),
        (pl.Series([1714996800_000_000], dtype=pl.Datetime("ms", "UTC")), TimestampUnit, [True]),
        (pl.Series(["06-12-21", "2024-05-06"]), WrongSchema, [True, False]),
        (pl.Series([True, None]), WrongSchema, [True, False]),
        (pl.Series([MIDNIGHT, NOON]).dt.replace_time_zone(None), TimezoneMissing, [True, True]),
        (pl.Series(["2024-05-06 00:00", "2024-05-06 01:00"]), TimezoneMissing, [True, True]),
    ],
)
def test_unreadable_cells_are_reported_with_their_rows(
    column: pl.Series, kind: type[DataError], mask: list[bool]
) -> None:
    _, faults = parse_times(column)
    assert [(fault.kind, fault.mask.to_list()) for fault in faults] == [(kind, mask)]


def test_daily_bars_before_1970_are_accepted() -> None:
    days = [datetime(1927, 12, 30, tzinfo=UTC) + timedelta(days=day) for day in range(3)]
    assert parse_times(pl.Series(days, dtype=UTC_TIME))[1] == []


def test_an_empty_column_is_accepted() -> None:
    for dtype in (pl.String, pl.Int64, pl.Datetime("us"), UTC_TIME, pl.Date, pl.Null):
        assert parse_times(pl.Series([], dtype=dtype))[1] == []
