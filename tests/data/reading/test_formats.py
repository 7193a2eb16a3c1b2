"""Tests of how tables of bars are recognised by their headers and brought into the columns of BARS."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from backtest.data.errors import TimezoneMissing, WrongSchema
from backtest.data.reading.bars import inspect_bars, load_bars
from backtest.data.reading.formats import symbol_of
from tests.support.files_of_bars import NOW, kline, steady, text

OPENED = 1_704_067_200  # 2024-01-01
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
BANNER = "https://www.CryptoDataDownload.com"
CDD = "unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT,tradecount"


def test_klines_without_header_give_all_their_columns(tmp_path: Path) -> None:
    path = text(tmp_path, "ETHUSDT-1h-2024-01.csv", *(kline(OPENED + 3600 * hour) for hour in range(3)))
    bars = load_bars(path, now=NOW)
    assert bars.row(0) == ("ETHUSDT", NEW_YEAR, 100.0, 102.0, 98.0, 101.0, 2.0, 200.0, 7, 1.5)
    assert bars.columns[-3:] == ["quote_volume", "trades", "taker_buy_volume"]
    assert inspect_bars(path, now=NOW).files == ((str(path), "Binance klines"),)


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000, 1_000_000_000])
def test_the_size_of_epochs_gives_their_unit(tmp_path: Path, unit: int) -> None:
    path = text(tmp_path, "X.csv", *(kline(OPENED + 3600 * hour, unit=unit) for hour in range(3)))
    assert load_bars(path, now=NOW)["time"][0] == NEW_YEAR


def test_files_in_milliseconds_and_microseconds_make_one_series(tmp_path: Path) -> None:
    text(tmp_path, "BTCUSDT-1h-2024-12.csv", *(kline(OPENED + 3600 * hour) for hour in range(5)))
    text(tmp_path, "BTCUSDT-1h-2025-01.csv", *(kline(OPENED + 3600 * hour, unit=1_000_000) for hour in range(5, 9)))
    bars = load_bars(tmp_path, now=NOW)
    assert bars["time"].diff().drop_nulls().unique().to_list() == [
        pl.Series([3_600_000_000]).cast(pl.Duration("us"))[0]
    ]
    assert bars.height == 9


@pytest.mark.parametrize(
    "header",
    [
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
        "time,open,high,low,close,volume,closetime,assetvolume,trade_count,taker_buy_asset_volume,taker_buy_quote_volume,x",
        "Open time,Open,High,Low,Close,Volume,Close time,quote_asset_volume,trades,taker_buy_base_asset_volume,a,b",
    ],
)
def test_klines_with_a_header_are_known_by_their_close_time(tmp_path: Path, header: str) -> None:
    path = text(tmp_path, "BTCUSDT.csv", header, *(kline(OPENED + 3600 * hour) for hour in range(3)))
    assert load_bars(path, now=NOW).row(0)[-3:] == (200.0, 7, 1.5)
    assert inspect_bars(path, now=NOW).files[0][1] == "Binance klines"


def test_crypto_data_download_is_read_oldest_first(tmp_path: Path) -> None:
    rows = [
        f"{(OPENED + 7200) * 1000},2024-01-01 02:00:00,BTC/USDT,3,4,2,3.5,10,30,7",
        f"{OPENED + 3600}.0,2024-01-01 01-AM,BTC/USDT,2,3,1,2.5,20,40,NULL",
        f"{OPENED}.0,2024-01-01 12-AM,BTC/USDT,1,2,0.5,1.5,30,30,NULL",
    ]
    bars = load_bars(text(tmp_path, "file.csv", BANNER, CDD, *rows), now=NOW)
    assert bars["open"].to_list() == [1.0, 2.0, 3.0]
    assert bars["volume"].to_list() == [30.0, 20.0, 10.0]
    assert bars["quote_volume"].to_list() == [30.0, 40.0, 30.0]
    assert bars["trades"].to_list() == [None, None, 7]
    assert bars["symbol"].unique().to_list() == ["BTC/USDT"]


def test_the_first_volume_of_crypto_data_download_is_the_instruments(tmp_path: Path) -> None:
    header = CDD.replace("Volume USDT", "Volume")
    rows = [f"{OPENED + 3600 * hour},,BTC/USDT,1,2,0.5,1.5,30,45,5" for hour in (1, 0)]
    bars = load_bars(text(tmp_path, "file.csv", header, *rows), now=NOW)
    assert (bars["volume"][0], bars["quote_volume"][0]) == (30.0, 45.0)


def test_freqtrade_milliseconds_become_microseconds(tmp_path: Path) -> None:
    frame = steady().drop("symbol").rename({"time": "date"}).with_columns(pl.col("date").cast(pl.Datetime("ms", "UTC")))
    frame.write_ipc(tmp_path / "BTC_USDT-1h.feather")
    assert load_bars(tmp_path / "BTC_USDT-1h.feather", now=NOW).equals(steady())


def test_further_columns_of_tidy_bars_are_ignored(tmp_path: Path) -> None:
    frame = steady().drop("symbol").rename({"time": "ts"}).with_columns(source=pl.lit("x").cast(pl.Categorical))
    frame.write_parquet(tmp_path / "btcusdt_spot_1h.parquet")
    assert load_bars(tmp_path / "btcusdt_spot_1h.parquet", now=NOW).equals(steady())


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_a_byte_order_mark_are_read(tmp_path: Path, separator: str) -> None:
    steady().write_csv(tmp_path / "bars.csv", separator=separator, include_bom=True)
    assert load_bars(tmp_path / "bars.csv", now=NOW).equals(steady())


def test_decimal_commas_are_refused_with_a_hint(tmp_path: Path) -> None:
    path = text(
        tmp_path, "b.csv", "time;open;high;low;close;volume", f"{OPENED};1,5;2,5;1;2;3", f"{OPENED + 60};1;2;1;2;3"
    )
    with pytest.raises(
        WrongSchema, match=r"open: texts .* 1 row, first in row 1, line 2: .*4261\.48 \(got 1,5\): .*comma"
    ):
        load_bars(path, now=NOW)


def test_blank_lines_are_skipped_but_counted(tmp_path: Path) -> None:
    rows = [f"{OPENED + 60 * minute},1,2,1,{close},3" for minute, close in enumerate((1.5, 1.5, "x"))]
    path = text(tmp_path, "bars.csv", "time,open,high,low,close,volume", rows[0], "", rows[1], "", rows[2], "", "")
    with pytest.raises(
        WrongSchema, match=r"close: texts that are not a number in 1 row, first in row 5, line 6: .*got x"
    ) as caught:
        load_bars(path, now=NOW)
    assert caught.value.others == ()


def test_fractions_of_a_trade_are_refused(tmp_path: Path) -> None:
    header = "time,open,high,low,close,volume,trades"
    path = text(tmp_path, "bars.csv", header, f"{OPENED},1,2,1,2,3,4", f"{OPENED + 60},1,2,1,2,3,4.5")
    with pytest.raises(WrongSchema, match=r"trades: fractions of a trade in 1 row, first in row 2, line 3.*got 4\.5"):
        load_bars(path, now=NOW)


def test_numbers_of_other_types_are_read_and_others_refused(tmp_path: Path) -> None:
    frame = steady()
    types: dict[str, pl.DataType] = {
        "open": pl.Float32(),
        "high": pl.Int64(),
        "low": pl.Decimal(10, 2),
        "close": pl.String(),
    }
    frame.with_columns(pl.col(name).cast(dtype) for name, dtype in types.items()).write_parquet(tmp_path / "b.parquet")
    assert load_bars(tmp_path / "b.parquet", now=NOW).equals(frame)
    frame.with_columns(volume=pl.lit(value=True)).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(
        WrongSchema, match=r"volume: Boolean values in 6 rows, .*expected numbers .*: convert the column"
    ):
        load_bars(tmp_path / "b.parquet", now=NOW)


def test_funding_rates_are_refused_by_name(tmp_path: Path) -> None:
    path = text(
        tmp_path, "f.csv", "symbol,fundingTime,fundingRate,markPrice", "BTCUSDT,2019-09-10 08:00:00+00:00,0.0001,"
    )
    with pytest.raises(WrongSchema, match=r"f\.csv: expected bars \(got funding rates"):
        load_bars(path, now=NOW)
    zero = steady().with_columns(pl.lit(0.0).alias(name) for name in ("high", "low", "close", "volume"))
    zero.write_ipc(tmp_path / "rate.feather")
    with pytest.raises(
        WrongSchema, match=r"rate\.feather: expected bars .* funding rates in the shape of bars"
    ) as caught:
        load_bars(tmp_path / "rate.feather", now=NOW)
    assert caught.value.others == ()


def test_an_unknown_header_is_shown_with_what_was_expected(tmp_path: Path) -> None:
    path = text(tmp_path, "x.csv", "when,o,h,l,c,v", "1,2,3,4,5,6")
    with pytest.raises(
        WrongSchema, match=r"expected columns open, .* \(got columns when, o, h, l, c, v; missing: open, .*\): rename"
    ):
        load_bars(path, now=NOW)
    with pytest.raises(WrongSchema, match=r"x\.csv: expected columns open, .* \(got .*; missing: volume\)"):
        load_bars(text(tmp_path, "x.csv", "time,open,high,low,close", f"{OPENED},2,3,4,5"), now=NOW)


def test_a_table_of_other_width_without_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        WrongSchema, match=r"expected a header, or the 12 columns .* \(got 6 columns without a header\)"
    ):
        load_bars(text(tmp_path, "x.csv", f"{OPENED},1,2,3,4,5"), now=NOW)


def test_times_without_a_zone_are_refused_but_dates_are_not(tmp_path: Path) -> None:
    rows = ["2024-01-01 00:00:00,1,2,1,2,3", "2024-01-01 01:00:00,1,2,1,2,3"]
    with pytest.raises(
        TimezoneMissing, match=r"date: clock times without a zone in 2 rows, first in row 1, line 2: expected UTC"
    ):
        load_bars(text(tmp_path, "AAPL.csv", "Date,Open,High,Low,Close,Volume", *rows), now=NOW)
    rows = ["2024-01-01,1,2,1,2,3", "2024-01-02,1,2,1,2,3"]
    bars = load_bars(text(tmp_path, "AAPL.csv", "Date,Open,High,Low,Close,Volume", *rows), now=NOW)
    assert bars["time"][1] == datetime(2024, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("file", "symbol"),
    [
        ("BTCUSDT-1h-2024-12.csv", "BTCUSDT"),
        ("some/folder/btcusdt_spot_1h.parquet", "BTCUSDT"),
        ("freqtrade_ms_BTC_USDT-1h.feather", "BTCUSDT"),
        ("BTC_USDT_USDT-8h-futures.feather", "BTCUSDT"),
        ("binance_vision_daily_BTCUSDT-1h-2023-03-23.zip", "BTCUSDT"),
        ("1000PEPEUSDT-1m.csv", "1000PEPEUSDT"),
        ("ETHBTC-1d.csv.gz", "ETHBTC"),
        ("aapl-daily.csv", "AAPL"),
        ("_bars.csv", "BARS"),
    ],
)
def test_the_symbol_is_read_from_the_file_name(file: str, symbol: str) -> None:
    assert symbol_of(file) == symbol
