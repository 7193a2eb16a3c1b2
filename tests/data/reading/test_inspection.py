"""Tests of what a check of bars tells, in numbers and in text."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from backtest.data.reading.bars import digest, inspect_bars
from backtest.data.reading.inspection import Hole, Move
from tests.support.files_of_bars import NOW, START, steady, text

HOUR = timedelta(hours=1)


def odd() -> pl.DataFrame:
    """Return 40 bars with two holes, a bar without volume, a jump, and one unknown number of trades."""
    number = pl.int_range(pl.len())
    jump = pl.when(number >= 30).then(2.0).otherwise(1.0)
    changed = steady(44).with_columns(
        *(pl.col(name) * jump for name in ("open", "high", "low", "close")),
        pl.when(number == 7).then(0.0).otherwise("volume").alias("volume"),
        pl.when(number == 8).then(None).otherwise(5).alias("trades"),
    )
    return changed.filter(~number.is_in([10, 20, 21, 22]))


def test_an_inspection_counts_holes_and_zero_volumes(tmp_path: Path) -> None:
    odd().write_parquet(tmp_path / "x.parquet")
    found = inspect_bars(tmp_path / "x.parquet", now=NOW)
    (series,) = found.series
    assert (series.symbol, series.rows, series.first, series.last) == ("BTCUSDT", 40, START, START + 43 * HOUR)
    assert (series.interval, series.always_open, series.zero_volume) == (HOUR, True, 1)
    assert series.holes == (Hole(START + 9 * HOUR, START + 11 * HOUR, 1), Hole(START + 19 * HOUR, START + 23 * HOUR, 3))
    assert (series.missing, series.longest, series.unknown) == (4, 3, {"trades": 1})
    assert series.moves[0] == Move(START + 30 * HOUR, 2 * 130.5 / 129.5 - 1)
    assert len(series.moves) == 5
    assert found.digest == digest(odd())


def test_a_move_across_a_hole_is_not_counted_as_a_move(tmp_path: Path) -> None:
    odd().filter(pl.col("time") != START + 29 * HOUR).write_parquet(tmp_path / "x.parquet")
    (series,) = inspect_bars(tmp_path / "x.parquet", now=NOW).series
    assert max(move.change for move in series.moves) < 0.02


def test_the_text_of_sound_bars(tmp_path: Path) -> None:
    odd().write_parquet(tmp_path / "x.parquet")
    found = inspect_bars(tmp_path / "x.parquet", now=NOW)
    assert found.lines() == [
        str(tmp_path / "x.parquet"),
        "  format        bars",
        "",
        "BTCUSDT",
        "  bars          40, from 2024-01-01 00:00 UTC to 2024-01-02 19:00 UTC",
        "  interval      1h, the market is always open",
        "  holes         2, 4 bars missing, longest 3",
        "                after 2024-01-01 09:00 UTC, 1 bar missing",
        "                after 2024-01-01 19:00 UTC, 3 bars missing",
        "  no volume     1 bar",
        "  big moves     +101.5% at 2024-01-02 06:00 UTC",
        "                +1.0% at 2024-01-01 01:00 UTC",
        "                +1.0% at 2024-01-01 02:00 UTC",
        "                +1.0% at 2024-01-01 03:00 UTC",
        "                +1.0% at 2024-01-01 04:00 UTC",
        "  not known     trades in 1 bar",
        "",
        "no problem",
        f"  sha256        {found.digest}",
    ]


def test_the_text_of_bad_bars_numbers_the_problems(tmp_path: Path) -> None:
    steady().with_columns(open=pl.lit(-1.0), volume=pl.lit(-1.0)).write_parquet(tmp_path / "x.parquet")
    lines = inspect_bars(tmp_path / "x.parquet", now=NOW).lines()
    assert lines[-3] == "2 problems: these bars cannot be used"
    assert lines[-2].startswith(f"  1. {tmp_path / 'x.parquet'}: open: price not above zero in 6 rows")
    assert lines[-1].startswith(f"  2. {tmp_path / 'x.parquet'}: volume: amount below zero in 6 rows")


def test_many_files_and_holes_are_shown_in_part(tmp_path: Path) -> None:
    frame = steady(64).filter(pl.int_range(pl.len()) % 8 != 5)
    for number in range(8):
        frame[7 * number : 7 * number + 7].write_parquet(tmp_path / f"{number}.parquet")
    lines = inspect_bars(tmp_path, now=NOW).lines()
    assert f"  format        bars: {tmp_path / '0.parquet'}" in lines
    assert [line.strip() for line in lines if "more" in line] == ["and 3 more", "and 3 more"]


def test_unusable_rows_do_not_disturb_the_rest_of_the_inspection(tmp_path: Path) -> None:
    bad = steady(30).with_columns(
        pl.when(pl.int_range(pl.len()) == 12).then(float("nan")).otherwise("close").alias("close")
    )
    pl.concat([bad, bad[3:6]]).write_parquet(tmp_path / "x.parquet")
    found = inspect_bars(tmp_path / "x.parquet", now=NOW)
    assert [series.rows for series in found.series] == [29]
    assert len(found.problems) == 3


def test_a_file_that_holds_no_bars_still_has_a_text(tmp_path: Path) -> None:
    path = text(tmp_path, "x.csv", "a,b", "1,2")
    assert inspect_bars(path).lines()[:4] == [
        str(path),
        "",
        "1 problem: these bars cannot be used",
        f"  1. {inspect_bars(path).problems[0]}",
    ]
