"""Tests of outside series as people have them: what each value is about, when it was known, how long it counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from backtest.data.errors import DataError, MissingValue, TimezoneMissing, UnknownSource, WrongSchema
from backtest.data.reading.outside import Layout, read_series
from tests.support.files_of_bars import text
from tests.support.places import needs_shared, shared

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FUNDING = "btcusdt_perp_funding_8h.parquet"


def at(day: str) -> datetime:
    """Return a time in UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


@needs_shared
def test_funding_of_the_exchange_keeps_the_jitter_of_its_stamps() -> None:
    made = read_series(shared("data", FUNDING), Layout(["funding_rate"], "raw_ts", delay=MINUTE, max_age=9 * HOUR))
    assert (made.columns, made.height) == (["time", "known_at", "funding_rate", "expires"], 7_452)
    late = made["time"].dt.microsecond()
    assert (late.min(), late.max()) == (0, 47_000)
    assert set(made["known_at"] - made["time"]) == {MINUTE}
    assert set(made["expires"] - made["known_at"]) == {9 * HOUR}


@needs_shared
def test_funding_in_the_shape_of_bars_has_its_rate_in_open() -> None:
    file = shared("data", "originals/freqtrade_BTC_USDT_USDT-8h-funding_rate.feather")
    made = read_series(file, Layout(["open"], delay=MINUTE))
    exchange = pl.read_parquet(shared("data", FUNDING)).select(
        time=pl.col("raw_ts").cast(made["time"].dtype), rate="funding_rate"
    )
    both = made.join(exchange, on="time")
    assert both.height == made.height > 4_000
    assert both["open"].equals(both["rate"], check_names=False)


@needs_shared
def test_iso_times_with_a_fraction_on_some_rows_are_read() -> None:
    file = shared("data", "originals/funding_btcusdt_binance_iso_mixed_fraction.csv")
    made = read_series(file, Layout(time="fundingTime", delay=MINUTE))
    assert made.columns == ["symbol", "time", "known_at", "fundingrate", "markprice"]
    assert made["time"].equals(
        pl.read_parquet(shared("data", FUNDING))["raw_ts"].cast(made["time"].dtype), check_names=False
    )


@needs_shared
def test_order_flow_is_read_from_columns_of_klines() -> None:
    file = shared("data", "btcusdt_spot_1h_klines12_2022_2024.parquet")
    made = read_series(file, Layout(["taker_buy_base", "volume"], delay=HOUR))
    assert made.columns == ["time", "known_at", "taker_buy_base", "volume"]
    assert made.height == 21_767


def test_a_day_without_a_figure_in_a_file_of_fred_was_no_publication(tmp_path: Path) -> None:
    file = text(
        tmp_path, "VIXCLS.csv", "observation_date,VIXCLS", "2021-03-03,17.24", "2021-03-04,.", "2021-03-05,19.22"
    )
    made = read_series(file, Layout(["VIXCLS"], delay=2 * DAY, max_age=5 * DAY))
    assert made.rows() == [
        (at("2021-03-03"), at("2021-03-05"), 17.24, at("2021-03-10")),
        (at("2021-03-05"), at("2021-03-07"), 19.22, at("2021-03-12")),
    ]


def test_vintages_keep_every_publication_of_a_figure(tmp_path: Path) -> None:
    lines = [
        "date,realtime_start,value",
        "2024-01-31,2024-02-13,3.1",
        "2024-01-31,2024-03-12,3.2",
        "2024-02-29,2024-03-12,3.0",
    ]
    made = read_series(text(tmp_path, "CPI.csv", *lines), Layout(["value"], known_at="realtime_start", delay=DAY))
    assert made["known_at"].to_list() == [at("2024-02-14"), at("2024-03-13"), at("2024-03-13")]
    assert made["value"].to_list() == [3.1, 3.2, 3.0]


def test_texts_beside_numbers_are_left_out_where_no_columns_are_named(tmp_path: Path) -> None:
    lines = ["timestamp,value,value_classification", "1517443200,30,Fear", "1517529600,15,Extreme Fear"]
    made = read_series(text(tmp_path, "fear_greed.csv", *lines), Layout(delay=DAY))
    assert made.columns == ["time", "known_at", "value"]
    assert made["time"].to_list() == [at("2018-02-01"), at("2018-02-02")]


def test_several_files_are_one_series_and_a_missing_value_beside_others_is_null(tmp_path: Path) -> None:
    text(
        tmp_path,
        "1.csv",
        "time,bid_size,ask_size,imbalance",
        "2024-01-01T00:00:00Z,3,1,0.5",
        "2024-01-01T00:01:00Z,2,,",
    )
    text(tmp_path, "2.csv", "time,bid_size,ask_size,imbalance", "2024-01-01T00:02:00Z,1,3,-0.5")
    made = read_series(tmp_path, Layout(["imbalance", "bid_size"], delay=timedelta(0)))
    assert made.columns == ["time", "known_at", "imbalance", "bid_size"]
    assert made["imbalance"].to_list() == [0.5, None, -0.5]
    assert made["known_at"].equals(made["time"], check_names=False)


@pytest.mark.parametrize(
    ("lines", "layout", "kind", "message"),
    [
        (["day,x", "2024-01-01,1"], Layout(), WrongSchema, r"expected a column of times called time, .*: name yours"),
        (["time,x", "2024-01-01,1"], Layout(["rate"]), WrongSchema, r"expected a column rate, .*got columns time, x\)"),
        (["time,x", "2024-01-01,1"], Layout(["time", "x"]), WrongSchema, r"columns of values \(got time, which have"),
        (
            ["time,known_at", "2024-01-01,1"],
            Layout(),
            WrongSchema,
            r"expected a column of numbers \(got columns time, kn",
        ),
        (["time,x", "2024-01-01,a"], Layout(), WrongSchema, r"expected a column of numbers \(got columns time, x\)"),
        (
            ["time,x", "2024-01-01,1", "2024-01-02,a"],
            Layout(["x"]),
            WrongSchema,
            "not a number in 1 row, first in row 2, line 3",
        ),
        (
            ["time,x", "2024-01-01 10:00,1"],
            Layout(),
            TimezoneMissing,
            r"s\.csv: time: clock times without a zone in 1 row",
        ),
        (["time,at,x", "2024-01-01,,1"], Layout(known_at="at"), MissingValue, "at: no time in 1 row, first in row 1"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(
    tmp_path: Path, lines: list[str], layout: Layout, kind: type[DataError], message: str
) -> None:
    file = text(tmp_path, "s.csv", *lines)
    with pytest.raises(kind, match=message):
        read_series(file, layout)


def test_a_file_that_is_not_there_is_no_built_in_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownSource, match=r"expected a file, a folder or a glob of a series \(no such file\)"):
        read_series(tmp_path / "nothing.csv", Layout())
