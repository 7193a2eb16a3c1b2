"""Tests of holes: what counts as missing, and what is only a closed market."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.data.errors import TooFewBars, WrongSchema
from backtest.data.schema import UTC_TIME
from backtest.data.sessions import find_sessions, interval_of, segments
from tests.support.files_of_bars import START, steady
from tests.support.strategies import bars

HOUR = timedelta(hours=1)
quick = settings(deadline=None, max_examples=50)


def at(times: pl.Series) -> pl.DataFrame:
    """Return a frame with as much of BARS as holes depend on."""
    return pl.DataFrame({"symbol": ["X"] * times.len(), "time": times.cast(UTC_TIME)})


def find(bars: pl.DataFrame, interval: timedelta | None = None) -> pl.DataFrame:
    """Return the holes."""
    return find_sessions(bars, interval or interval_of(bars)).holes


def always_open(bars: pl.DataFrame, interval: timedelta | None = None) -> bool:
    """Tell whether every market is open at all hours."""
    return find_sessions(bars, interval or interval_of(bars)).always_open


def without(frame: pl.DataFrame, *rows: int) -> pl.DataFrame:
    """Return the frame without some rows."""
    return frame.filter(~pl.int_range(pl.len()).is_in(rows))


def session(zone: str, hours: tuple[float, ...], days: int = 730, weekdays: range = range(1, 6)) -> pl.DataFrame:
    """Return the bars of a market at these local hours of its weekdays, through changes of the clock."""
    first = datetime(2021, 1, 4, tzinfo=UTC)
    day = pl.datetime_range(first, first + timedelta(days=days), "1d", eager=True).dt.replace_time_zone(None)
    opened = pl.DataFrame({"day": day}).filter(pl.col("day").dt.weekday().is_in(list(weekdays)))
    minutes = pl.DataFrame({"minute": [int(60 * hour) for hour in hours]})
    local = (pl.col("day") + pl.duration(minutes="minute")).dt.replace_time_zone(
        zone, ambiguous="earliest", non_existent="null"
    )
    times = opened.join(minutes, how="cross").select(local.dt.convert_time_zone("UTC")).to_series()
    return at(times.drop_nulls().unique().sort())


NEW_YORK = session("America/New_York", tuple(9.5 + hour for hour in range(7)))
TOKYO = session("Asia/Tokyo", (9, 10, 11, 13, 14))
FUTURES = session("America/Chicago", tuple(range(17, 40)), weekdays=range(1, 5))  # closed from 16 to 17 o'clock
DAILY = session("UTC", (0,))


@quick
@given(bars(min_size=4, holes=True, symbols=2))
def test_the_interval_is_the_commonest_step(frame: pl.DataFrame) -> None:
    assert interval_of(frame) == HOUR


def test_the_shortest_of_equally_common_steps_is_the_interval() -> None:
    assert interval_of(without(steady(9), 1, 2, 4, 5)) == HOUR
    assert interval_of(without(steady(4), 1)) == HOUR


def test_the_interval_needs_two_bars_and_one_answer() -> None:
    with pytest.raises(TooFewBars, match="interval: expected bars of one instrument at two times"):
        interval_of(steady(1))
    with pytest.raises(WrongSchema, match=r"interval: expected one for all instruments \(got A 1h, B 1d\)"):
        interval_of(pl.concat([steady(symbol="A"), steady(symbol="B", step="1d")]))


@quick
@given(bars(min_size=4, holes=True, symbols=3, interval=timedelta(minutes=5)))
def test_segments_break_at_every_hole_of_an_open_market_and_nowhere_else(frame: pl.DataFrame) -> None:
    step = pl.col("time").diff().over("symbol") != timedelta(minutes=5)
    expected = frame.select((step | (pl.col("symbol") != pl.col("symbol").shift())).fill_null(value=False).cum_sum())
    assert always_open(frame)
    assert segments(frame).to_list() == expected.to_series().to_list()
    assert segments(frame).dtype == pl.Int32


@quick
@given(bars(min_size=4, holes=True), st.sampled_from([HOUR, timedelta(days=1), timedelta(minutes=1)]))
def test_holes_account_for_every_missing_bar(frame: pl.DataFrame, interval: timedelta) -> None:
    numbers = ((frame["time"] - frame["time"][0]) / HOUR).cast(pl.Int64).to_list()
    series = at(pl.Series([START + number * interval for number in numbers]))
    assert find(series)["missing"].sum() == numbers[-1] + 1 - len(numbers)
    assert find(series).height == segments(series).max()


def test_a_hole_is_named_by_its_neighbours() -> None:
    (hole,) = find(without(steady(30), 10, 11, 12)).rows()
    assert hole == ("BTCUSDT", START + 9 * HOUR, START + 13 * HOUR, 3)


def test_a_bar_off_the_grid_of_an_open_market_breaks_the_series_but_misses_nothing() -> None:
    shifted = steady(100).with_columns(
        pl.when(pl.int_range(pl.len()) == 50)
        .then(pl.col("time") + timedelta(minutes=17))
        .otherwise("time")
        .alias("time")
    )
    assert find(shifted)["missing"].to_list() == [1, 0]
    assert segments(shifted).max() == 2


@pytest.mark.parametrize("market", [NEW_YORK, TOKYO, FUTURES, DAILY], ids=["new-york", "tokyo", "futures", "daily"])
def test_nights_weekends_breaks_and_changes_of_the_clock_are_no_holes(market: pl.DataFrame) -> None:
    assert not always_open(market)
    assert find(market).is_empty()
    assert segments(market).max() == 0


@pytest.mark.parametrize(
    ("market", "length"), [(NEW_YORK, 7), (TOKYO, 5), (DAILY, 1)], ids=["new-york", "tokyo", "daily"]
)
def test_holidays_and_short_days_are_no_holes(market: pl.DataFrame, length: int) -> None:
    holiday = range(100 * length, 101 * length)
    christmas = range(240 * length, 243 * length)
    short_day = range(151 * length - length // 2, 151 * length)
    assert find(without(market, *holiday, *christmas, *short_day)).is_empty()


@pytest.mark.parametrize("market", [NEW_YORK, TOKYO, FUTURES], ids=["new-york", "tokyo", "futures"])
def test_bars_missing_within_a_session_are_a_hole(market: pl.DataFrame) -> None:
    steps = market["time"].diff().dt.total_hours().fill_null(0).to_numpy()
    inside = np.flatnonzero((steps[:-1] == 1) & (steps[1:] == 1)).tolist()
    for row in inside[:: len(inside) // 40]:
        assert find(without(market, row)).rows() == [("X", market["time"][row - 1], market["time"][row + 1], 1)]


def test_a_hole_may_span_the_break_at_noon_which_is_not_missing() -> None:
    morning, afternoon = TOKYO["time"][1_001], TOKYO["time"][1_004]
    assert (morning.hour, afternoon.hour) == (1, 5)
    assert find(without(TOKYO, 1_002, 1_003)).rows() == [("X", morning, afternoon, 2)]


def test_an_early_close_before_a_late_opening_is_no_hole() -> None:
    assert NEW_YORK["time"][699].date() < NEW_YORK["time"][700].date()
    assert find(without(NEW_YORK, 699, 700)).is_empty()


def test_a_long_stretch_is_a_hole_even_of_a_market_that_closes() -> None:
    two_weeks = without(DAILY, *range(200, 210))
    assert find(two_weeks).rows() == [("X", DAILY["time"][199], DAILY["time"][210], 10)]
    hours = without(NEW_YORK, *range(700, 770))
    assert find(hours).rows() == [("X", NEW_YORK["time"][699], NEW_YORK["time"][770], 70)]


def test_a_daily_series_is_open_if_it_has_weekends() -> None:
    days = at(pl.datetime_range(START, START + timedelta(days=400), "1d", eager=True))
    assert always_open(days)
    assert find(without(days, 100, 200, 201))["missing"].to_list() == [1, 2]


def test_some_special_sessions_at_weekends_do_not_open_a_market() -> None:
    extra = pl.concat([DAILY, at(pl.Series([datetime(2021, 3, 6, tzinfo=UTC), datetime(2022, 5, 8, tzinfo=UTC)]))])
    assert not always_open(extra.sort("time"))


def test_daily_bars_at_local_midnight_have_no_hole_where_the_clock_changes() -> None:
    market = session("Europe/Berlin", (0,), weekdays=range(1, 8))
    assert always_open(market)
    assert find(market).is_empty()
    assert find(without(market, 300))["missing"].to_list() == [1]


def test_bars_of_months_have_no_holes_though_months_differ() -> None:
    months = at(pl.datetime_range(START, datetime(2030, 1, 1, tzinfo=UTC), "1mo", eager=True))
    assert find(months).is_empty()
    assert find(without(months, 30))["missing"].to_list() == [1]


def test_a_short_series_is_taken_as_always_open() -> None:
    assert always_open(steady(5))
    assert find(without(steady(20), 5))["missing"].to_list() == [1]


def test_each_market_is_judged_by_itself() -> None:
    crypto = at(pl.datetime_range(START, START + timedelta(days=60), "1h", eager=True))
    both = pl.concat([without(crypto, 500), NEW_YORK.with_columns(symbol=pl.lit("Y"))])
    assert not always_open(both)
    assert find(both).select("symbol", "missing").rows() == [("X", 1)]


def test_the_interval_may_be_given() -> None:
    hourly = without(steady(5), 1, 3)
    assert interval_of(hourly) == 2 * HOUR
    assert segments(hourly).max() == 0
    assert segments(hourly, HOUR).to_list() == [0, 1, 2]
    assert always_open(hourly, HOUR)
    assert find(hourly, HOUR).height == 2


def test_few_bars_have_segments_too() -> None:
    assert segments(steady(0)).to_list() == []
    assert segments(steady(1)).to_list() == [0]
    assert segments(pl.concat([steady(1, symbol="A"), steady(1, symbol="B")])).to_list() == [0, 1]
    assert find(steady(0), HOUR).is_empty()
