"""Tests of what files are found and how they are opened (by their first bytes, not by their names)."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from backtest.data.errors import MissingValue, TooFewBars, UnknownSource, WrongSchema
from backtest.data.reading import tables
from backtest.data.reading.bars import load_bars
from backtest.data.reading.tables import find_files, read_tables
from tests.support.files_of_bars import NOW, WRITERS, kline, steady, text


@pytest.mark.parametrize("writer", sorted(WRITERS))
def test_the_name_of_a_file_does_not_matter(tmp_path: Path, writer: str) -> None:
    odd = WRITERS[writer](steady(), tmp_path).rename(tmp_path / "bars.txt")
    assert load_bars(odd, now=NOW).equals(steady())


def test_a_folder_gives_its_data_files_by_name(tmp_path: Path) -> None:
    for name in ("b.csv", "a.parquet", "c.csv.gz", "README.md", "a.csv.CHECKSUM"):
        (tmp_path / name).touch()
    (tmp_path / "deeper.csv").mkdir()
    assert [path.name for path in find_files(tmp_path)] == ["a.parquet", "b.csv", "c.csv.gz"]


def test_a_glob_gives_its_matches_by_name(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    for name in ("X-2.csv", "X-1.csv", "Y-1.csv", "deeper/X-3.csv"):
        (tmp_path / name).touch()
    assert [path.name for path in find_files(str(tmp_path / "X-*.csv"))] == ["X-1.csv", "X-2.csv"]
    assert [path.name for path in find_files(str(tmp_path / "**" / "X-*.csv"))] == ["X-1.csv", "X-2.csv", "X-3.csv"]


def test_a_file_may_have_the_signs_of_a_glob_in_its_name(tmp_path: Path) -> None:
    steady().write_csv(tmp_path / "[BTCUSDT].csv")
    assert load_bars(tmp_path / "[BTCUSDT].csv", now=NOW).height == 6


def test_a_source_that_is_nowhere_is_refused_with_the_built_in_names(tmp_path: Path) -> None:
    with pytest.raises(UnknownSource, match=r"nothing\.csv: expected a file, .* sp500, nasdaq and synthetic"):
        load_bars(tmp_path / "nothing.csv")
    with pytest.raises(UnknownSource, match=r"expected data files \(\.csv .*\) in this folder \(found none\)"):
        load_bars(tmp_path)


def test_an_archive_of_several_files_gives_all(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        archive.writestr("BTCUSDT-1.csv", "\n".join(kline(1_704_067_200 + 3600 * hour) for hour in range(4)))
        archive.writestr("BTCUSDT-2.csv", "\n".join(kline(1_704_067_200 + 3600 * hour) for hour in range(4, 9)))
        archive.writestr("LICENSE", "do what you like")
    assert load_bars(tmp_path / "both.zip", now=NOW).height == 9
    assert [table.file for table in read_tables(tmp_path / "both.zip")] == [
        f"{tmp_path / 'both.zip'}/BTCUSDT-{number}.csv" for number in (1, 2)
    ]


def test_an_archive_without_data_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("LICENSE", "do what you like")
    with pytest.raises(WrongSchema, match=r"x\.zip: expected a file of bars in the archive \(got \['LICENSE'\]\)"):
        load_bars(tmp_path / "x.zip")


@pytest.mark.parametrize("content", [b"", b"  \n\n", b"\xef\xbb\xbf"])
def test_the_message_says_that_a_file_is_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(WrongSchema, match=r"x\.csv: expected bars \(the file is empty\)"):
        load_bars(tmp_path / "x.csv")


def test_a_header_without_rows_is_too_few_bars(tmp_path: Path) -> None:
    path = text(tmp_path, "x.csv", "time,open,high,low,close,volume")
    with pytest.raises(TooFewBars, match=r"x\.csv: time: expected at least 2 bars \(got 0\)"):
        load_bars(path)


@pytest.mark.parametrize(
    "content",
    [
        b"Dear reader,\nthis is a letter.\n",
        b"<html><body>404 Not Found</body></html>",
        b'{"error": "rate limit"}',
        b"\xff\xfet\x00i\x00m\x00e\x00,\x00o\x00\n\x00",
        b"PAR1 but not really",
        b"ARROW1 but not really",
        b"PK\x03\x04 but not really",
        gzip.compress(b"time,open", mtime=0)[:-4],
        b"time,open,high,low,close,volume\n1,2,3,4,5,6,7,8\n",
        b"time,open,high,low,close,close,volume\n1704067200,2,2,2,2,2,2\n",
    ],
)
def test_a_file_without_bars_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(WrongSchema, match=r"x\.csv: expected .*\(got.*\): \w+") as caught:
        load_bars(tmp_path / "x.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("writer", sorted(set(WRITERS) - {"csv"}))
def test_a_file_cut_short_is_refused(tmp_path: Path, writer: str) -> None:
    path = WRITERS[writer](steady(50), tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(WrongSchema, match="it is damaged, cut short or of another kind"):
        load_bars(path)


def test_a_text_cut_within_a_row_is_refused(tmp_path: Path) -> None:
    path = WRITERS["csv"](steady(), tmp_path)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(MissingValue, match=r"(close|volume): no value in 1 row, first in row 6, line 7"):
        load_bars(path)


@pytest.mark.parametrize("source", ["x" * 5_000, "~nosuch/x.csv", "a\0b.csv", "a\0*.csv"])
def test_an_impossible_file_name_is_an_unknown_source(source: str) -> None:
    with pytest.raises(UnknownSource, match="expected a file, a folder, a glob"):
        find_files(source)


def test_a_file_that_decompresses_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LARGEST", 1_000)
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"time\n" * 300))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x.csv", b"time\n" * 300)
    for name in ("x.gz", "x.zip"):
        with pytest.raises(WrongSchema, match="expected at most 1,000 bytes when unpacked"):
            read_tables(tmp_path / name)
