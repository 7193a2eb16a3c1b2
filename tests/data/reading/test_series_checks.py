"""Tests of what must hold over all files of a series: repeats, intervals, the last bar, and enough bars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from backtest.data.errors import DuplicateTime, RepeatedBar, TooFewBars, UnfinishedBar, Unsorted, WrongSchema
from backtest.data.reading.bars import load_bars
from tests.support.files_of_bars import NOW, START, kline, steady, text

OPENED = int(START.timestamp())


def test_a_file_loaded_twice_is_a_repeat_not_a_merge(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        steady().write_parquet(tmp_path / name)
    with pytest.raises(
        RepeatedBar,
        match=r"a\.parquet and .*b\.parquet: time: 6 times of BTCUSDT more than once, identical in every column, "
        r"first 2024-01-01 00:00 UTC \(row 1 and row 1\), 2024-01-01 01:00 UTC, .*: load each time from one file only",
    ) as caught:
        load_bars(tmp_path, now=NOW)
    assert caught.value.others == ()


def test_overlapping_files_with_other_values_are_a_conflict(tmp_path: Path) -> None:
    steady().write_parquet(tmp_path / "a.parquet")
    steady().with_columns(pl.col("volume") + 1)[4:].write_parquet(tmp_path / "b.parquet")
    with pytest.raises(
        DuplicateTime, match=r"2 times .* \(row 5 and row 1\), .*\(got volume 10\.4 and 11\.4\)"
    ) as caught:
        load_bars(tmp_path, now=NOW)
    assert not isinstance(caught.value, RepeatedBar)


def test_a_value_that_one_of_two_files_lacks_is_not_a_conflict(tmp_path: Path) -> None:
    steady().write_parquet(tmp_path / "a.parquet")
    steady().with_columns(trades=pl.lit(3))[4:].write_parquet(tmp_path / "b.parquet")
    with pytest.raises(RepeatedBar, match="2 times of BTCUSDT"):
        load_bars(tmp_path, now=NOW)


def test_conflicts_and_repeats_are_distinguished(tmp_path: Path) -> None:
    frame = steady()
    both = pl.concat([frame[:2], frame[1:3], frame[2:4].with_columns(pl.col("close") + 0.25), frame[4:]])
    both.write_parquet(tmp_path / "x.parquet")
    with pytest.raises(
        DuplicateTime, match=r"^1\. .*1 time of BTCUSDT .*\(row 4 and row 5\).*close 102\.5 and 102\.75"
    ) as caught:
        load_bars(tmp_path / "x.parquet", now=NOW)
    (repeat,) = caught.value.others
    assert isinstance(repeat, RepeatedBar)
    assert "(row 2 and row 3)" in repeat.message


def test_repeats_in_an_unsorted_file_are_found_too(tmp_path: Path) -> None:
    frame = steady()
    pl.concat([frame, frame[:1]]).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(
        RepeatedBar, match=r"(?s)\(row 1 and row 7\).*2\. .*earlier than the row before in 1 row, first in row 7"
    ):
        load_bars(tmp_path / "x.parquet", now=NOW)


def test_a_file_that_is_newest_first_is_unsorted_unless_its_format_is(tmp_path: Path) -> None:
    steady().reverse().write_parquet(tmp_path / "x.parquet")
    with pytest.raises(Unsorted, match="time: earlier than the row before in 5 rows, first in row 2"):
        load_bars(tmp_path / "x.parquet", now=NOW)


def test_files_need_not_be_named_in_the_order_of_time(tmp_path: Path) -> None:
    steady()[3:].write_parquet(tmp_path / "a.parquet")
    steady()[:3].write_parquet(tmp_path / "b.parquet")
    assert load_bars(tmp_path, now=NOW).equals(steady())


def test_files_of_different_intervals_are_refused(tmp_path: Path) -> None:
    steady(30, step="1h").write_parquet(tmp_path / "hours.parquet")
    steady(30, step="1d", start=START + timedelta(days=90)).write_parquet(tmp_path / "days.parquet")
    with pytest.raises(
        WrongSchema, match=r"interval: .* \(got BTCUSDT 1h in .*hours\.parquet, BTCUSDT 1d in .*days\.parquet\)"
    ):
        load_bars(tmp_path, now=NOW)


def test_instruments_of_different_intervals_are_refused(tmp_path: Path) -> None:
    pl.concat([steady(2, symbol="A", step="1h"), steady(2, symbol="B", step="5m")]).write_parquet(
        tmp_path / "x.parquet"
    )
    with pytest.raises(WrongSchema, match=r"interval: expected one for all instruments \(got A 1h, B 5m\)"):
        load_bars(tmp_path, now=NOW)


def test_bars_that_are_all_of_one_time_have_no_interval(tmp_path: Path) -> None:
    pl.concat([steady(1)] * 3).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(RepeatedBar, match=r"1 time of BTCUSDT .*\(row 1 and row 2 and row 3\)") as caught:
        load_bars(tmp_path / "x.parquet", now=NOW)
    assert [type(other) for other in caught.value.others] == [TooFewBars]


def test_one_bar_is_too_few(tmp_path: Path) -> None:
    pl.concat([steady(5, symbol="A"), steady(1, symbol="B")]).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(TooFewBars, match=r"x\.parquet: time: expected at least 2 bars of B \(got 1\): load more"):
        load_bars(tmp_path, now=NOW)


def test_a_bar_that_closes_after_now_is_unfinished(tmp_path: Path) -> None:
    steady().write_csv(tmp_path / "x.csv")
    end = START + timedelta(hours=6)
    assert load_bars(tmp_path / "x.csv", now=end).height == 6
    with pytest.raises(
        UnfinishedBar,
        match=r"x\.csv: time: last bar of BTCUSDT not finished, in row 6, line 7, 2024-01-01 05:00 UTC: expected a "
        r"closed bar of 1h \(got one that closes at 2024-01-01 06:00 UTC, now is 2024-01-01 05:59:59 UTC\): delete",
    ):
        load_bars(tmp_path / "x.csv", now=end - timedelta(seconds=1))


def test_now_is_the_clock_unless_it_is_given(tmp_path: Path) -> None:
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    steady(start=this_hour - timedelta(hours=5)).write_csv(tmp_path / "x.csv")
    with pytest.raises(UnfinishedBar, match="in row 6"):
        load_bars(tmp_path / "x.csv")


@pytest.mark.parametrize("unit", [1_000, 1_000_000])
def test_a_last_kline_that_ends_early_is_unfinished_but_an_earlier_one_is_not(tmp_path: Path, unit: int) -> None:
    rows = [kline(OPENED + 3600 * hour, unit=unit) for hour in range(5)]
    short = kline(OPENED + 3600 * 2, unit=unit, length=2400)
    assert load_bars(text(tmp_path, "X.csv", *rows[:2], short, *rows[3:]), now=NOW).height == 5
    with pytest.raises(UnfinishedBar, match=r"in row 3, line 3, .* closes at 2024-01-01 02:39:59\.999"):
        load_bars(text(tmp_path, "X.csv", *rows[:2], short), now=NOW)
