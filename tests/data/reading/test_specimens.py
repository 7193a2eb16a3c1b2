"""Tests on real files as found in the wild: read right, or refused for the right reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from backtest.data.errors import DuplicateTime, InconsistentPrices, RepeatedBar, TimestampUnit, WrongSchema
from backtest.data.reading.bars import inspect_bars, load_bars
from backtest.data.reading.inspection import Hole
from backtest.data.sessions import segments
from tests.support.files_of_bars import NOW
from tests.support.places import needs_shared, shared

pytestmark = needs_shared
HOUR = timedelta(hours=1)


def hour(text: str) -> datetime:
    """Return a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("file", "rows", "holes", "missing", "longest", "zero_volume"),
    [
        ("btcusdt_spot_1h.parquet", 77_374, 28, 128, 33, 4),
        ("ethusdt_spot_1h.parquet", 65_399, 20, 59, 10, 4),
        ("solusdt_spot_1h.parquet", 51_321, 10, 19, 4, 3),
        ("btcusdt_spot_1h_klines12_2022_2024.parquet", 21_767, 1, 1, 1, 1),
        ("originals/freqtrade_ms_BTC_USDT-1h.feather", 44_283, 3, 7, 4, 1),
        ("originals/binance_api_klines12_header_perp_BTCUSDT_1h_excerpt.csv", 1_999, 0, 0, 0, 3),
    ],
)
def test_real_hourly_bars_pass_and_their_holes_are_counted(
    file: str, rows: int, holes: int, missing: int, longest: int, zero_volume: int
) -> None:
    found = inspect_bars(shared("data", file), now=NOW)
    (series,) = found.series
    assert found.problems == ()
    assert (series.rows, len(series.holes), series.missing, series.longest) == (rows, holes, missing, longest)
    assert (series.zero_volume, series.interval, series.always_open) == (zero_volume, HOUR, True)
    assert segments(load_bars(shared("data", file), now=NOW)).max() == holes


def test_real_extreme_moves_are_shown_not_refused() -> None:
    (series,) = inspect_bars(shared("data", "btcusdt_spot_1h.parquet"), now=NOW).series
    moves = [(move.time, round(move.change, 3)) for move in series.moves[:2]]
    assert moves == [(hour("2020-03-12 10:00"), -0.182), (hour("2020-03-13 02:00"), 0.174)]


@pytest.mark.parametrize(
    ("time", "price"),
    [("2018-01-01", 13_715.65), ("2020-01-01", 7_195.24), ("2022-01-01", 46_216.93), ("2025-01-01", 93_576.00)],
)
def test_milestones_have_their_price(time: str, price: float) -> None:
    bars = load_bars(shared("data", "btcusdt_spot_1h.parquet"), now=NOW)
    assert bars.filter(pl.col("time") == hour(time))["open"].to_list() == [price]


def test_months_in_milliseconds_and_microseconds_join_without_a_seam() -> None:
    bars = load_bars(shared("data", "originals") / "binance_vision_BTCUSDT-1h-*.csv", now=NOW)
    assert (bars.height, bars["time"][0], bars["time"][-1]) == (1_488, hour("2024-12-01"), hour("2025-01-31 23:00"))
    assert bars["time"].diff().drop_nulls().unique().to_list() == [HOUR]
    assert bars.filter(pl.col("time") == hour("2025-01-01"))["open"].to_list() == [93_576.0]
    assert bars["trades"].null_count() == 0


def test_days_in_zip_files_join_and_their_missing_hour_is_a_hole() -> None:
    (series,) = inspect_bars(shared("data", "originals") / "*.zip", now=NOW).series
    assert (series.symbol, series.rows) == ("BTCUSDT", 71)
    assert series.holes == (Hole(hour("2023-03-24 12:00"), hour("2023-03-24 14:00"), 1),)


@pytest.mark.parametrize("source", ["binance_vision_BTCUSDT-1h-2024-12.csv", "binance_vision_BTCUSDT-1h-2025-01.csv"])
def test_two_sources_of_the_same_hours_agree(source: str) -> None:
    ours = load_bars(shared("data", "originals", source), now=NOW)
    theirs = load_bars(shared("data", "btcusdt_spot_1h.parquet"), now=NOW)
    both = ours.join(theirs, on=["symbol", "time"])
    assert both.height == ours.height
    assert both.select(((pl.col("close") / pl.col("close_right") - 1).abs() < 1e-9).all()).item()


def test_a_file_of_two_downloads_is_refused_for_its_1120_conflicts() -> None:
    with pytest.raises(
        DuplicateTime,
        match=r"cdd_Binance.*: time: 1,120 times of BTC/USDT more than once, with different values, "
        r"first 2020-08-01 23:00 UTC \(row 2639, line 2641 and row 2640, line 2642\), 2020-08-02.*: find out",
    ) as caught:
        load_bars(shared("data", "originals", "cdd_Binance_BTCUSDT_1h_banner_mixed_epoch_excerpt.csv"), now=NOW)
    assert not isinstance(caught.value, RepeatedBar)
    assert caught.value.others == ()


def test_lost_decimal_points_are_refused_with_the_reason() -> None:
    with pytest.raises(
        InconsistentPrices, match=r"high: below another price of the bar in 610 rows, first in row 7,"
    ) as caught:
        load_bars(shared("data", "originals", "cdd_corrupt_BTCUSDT_1h_excerpt.csv"), now=NOW)
    assert "more than 9 times the low, as where decimal points are lost, in 297 rows" in str(caught.value)
    assert {type(other) for other in caught.value.others} == {InconsistentPrices}


def test_epochs_that_a_spreadsheet_shortened_are_refused() -> None:
    with pytest.raises(
        TimestampUnit, match=r"unix: epochs in scientific .* in 1,499 rows, first in row 1, line 2: .*got 1\.63875E\+12"
    ) as caught:
        load_bars(shared("data", "originals", "cdd_excel_mangled_BTCUSDT_1h_excerpt.csv"), now=NOW)
    assert caught.value.others == ()


@pytest.mark.parametrize(
    "file",
    [
        "btcusdt_perp_funding_8h.parquet",
        "originals/funding_btcusdt_binance_iso_mixed_fraction.csv",
        "originals/freqtrade_BTC_USDT_USDT-8h-funding_rate.feather",
    ],
)
def test_funding_rates_are_not_accepted_as_bars(file: str) -> None:
    with pytest.raises(
        WrongSchema, match=r"expected bars \(got .*funding rates.*: load the bars|a funding rate is paid"
    ):
        load_bars(shared("data", file), now=NOW)


def test_a_folder_of_overlapping_files_is_refused_as_a_whole() -> None:
    found = inspect_bars(shared("data"), now=NOW)
    assert [type(problem) for problem in found.problems] == [WrongSchema, RepeatedBar]
    assert "21,767 times of BTCUSDT" in found.problems[1].message
    assert [series.symbol for series in found.series] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
