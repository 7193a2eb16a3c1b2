"""Tests of loading: instruments, what the frame looks like, and the fingerprint of its content."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given

from backtest.data.errors import UnknownSource
from backtest.data.reading.bars import digest, inspect_bars, load_bars
from backtest.data.schema import BARS, check
from tests.support.files_of_bars import NOW, WRITERS, kline, steady, text
from tests.support.selection import examples
from tests.support.strategies import bars


def test_bars_have_their_schema_and_the_optional_columns_of_the_source(tmp_path: Path) -> None:
    frame = steady().with_columns(quote_volume=pl.lit(1.0), trades=pl.lit(None, pl.Int64), note=pl.lit("x"))
    frame.write_parquet(tmp_path / "x.parquet")
    loaded = load_bars(tmp_path / "x.parquet", now=NOW)
    assert check(loaded, BARS).columns == [*BARS.names, "quote_volume"]


def test_bars_are_sorted_by_symbol_and_time(tmp_path: Path) -> None:
    both = pl.concat([steady(symbol="B"), steady(symbol="A")])
    both.write_parquet(tmp_path / "x.parquet")
    assert load_bars(tmp_path / "x.parquet", now=NOW).equals(both.sort("symbol", "time"))


def test_a_symbol_picks_its_bars_however_it_is_written(tmp_path: Path) -> None:
    pl.concat([steady(symbol="BTC/USDT"), steady(symbol="ETH/USDT")]).write_parquet(tmp_path / "x.parquet")
    for symbol in ("ETH/USDT", "ethusdt", "eth-usdt"):
        assert load_bars(tmp_path / "x.parquet", symbol, now=NOW).equals(steady(symbol="ETH/USDT"))
    with pytest.raises(UnknownSource, match=r"symbol: expected bars of SOL \(got bars of BTC/USDT, ETH/USDT\)"):
        load_bars(tmp_path / "x.parquet", "SOL", now=NOW)


def test_several_symbols_pick_their_bars(tmp_path: Path) -> None:
    for name in ("BTC/USDT", "ETH/USDT", "SOL/USDT"):
        steady(symbol=name).write_parquet(tmp_path / f"{name[:3]}.parquet")
    picked = load_bars(tmp_path, ("SOLUSDT", "btc-usdt"), now=NOW)
    assert picked.equals(pl.concat([steady(symbol="BTC/USDT"), steady(symbol="SOL/USDT")]))
    with pytest.raises(
        UnknownSource, match=r"symbols: expected bars of XRP \(got bars of BTC/USDT, ETH/USDT, SOL/USDT"
    ):
        load_bars(tmp_path, ["BTCUSDT", "XRP"], now=NOW)


def test_a_symbol_picks_the_files_that_are_named_after_it(tmp_path: Path) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        steady().drop("symbol").write_parquet(tmp_path / f"{symbol.lower()}_spot.parquet")
    assert load_bars(tmp_path, "ETHUSDT", now=NOW)["symbol"].unique().to_list() == ["ETHUSDT"]
    assert load_bars(tmp_path, now=NOW)["symbol"].unique().sort().to_list() == ["BTCUSDT", "ETHUSDT"]
    with pytest.raises(UnknownSource, match=r"expected bars of SOLUSDT \(got bars of BTCUSDT, ETHUSDT\)"):
        load_bars(tmp_path, "SOLUSDT", now=NOW)


def test_a_given_symbol_names_an_unnamed_series(tmp_path: Path) -> None:
    for number in (1, 2):
        steady()[3 * number - 3 : 3 * number].drop("symbol").write_parquet(tmp_path / f"part-{number}.parquet")
    assert load_bars(tmp_path, "BTCUSDT", now=NOW).equals(steady())


def test_problems_of_other_instruments_do_not_matter(tmp_path: Path) -> None:
    bad = steady(symbol="BAD").with_columns(close=pl.lit(-1.0))
    pl.concat([bad, steady(symbol="GOOD")]).write_parquet(tmp_path / "x.parquet")
    assert load_bars(tmp_path / "x.parquet", "GOOD", now=NOW).height == 6


def test_inspection_of_bad_data_does_not_raise_but_lists_every_problem(tmp_path: Path) -> None:
    text(tmp_path, "a.csv", "not,bars", "1,2")
    steady().with_columns(open=pl.lit(-1.0)).write_parquet(tmp_path / "b.parquet")
    found = inspect_bars(tmp_path, now=NOW)
    assert [type(problem).__name__ for problem in found.problems] == ["WrongSchema", "NonPositivePrice"]
    assert found.digest is None
    assert found.files == ((str(tmp_path / "b.parquet"), "bars"),)


def test_a_source_without_any_readable_file_is_inspected_too(tmp_path: Path) -> None:
    found = inspect_bars(text(tmp_path, "a.csv", "not,bars", "1,2"), now=NOW)
    assert (found.files, found.series, len(found.problems)) == ((), (), 1)


@examples(20)
@given(bars(symbols=2))
def test_the_digest_is_of_the_content_alone(valid: pl.DataFrame) -> None:
    chunks = pl.concat([valid[:3], valid[3:]], rechunk=False)
    assert digest(chunks) == digest(valid) == digest(valid.select(reversed(valid.columns)))
    assert digest(valid.with_columns(pl.col("close") * (1 + 1e-15))) != digest(valid)
    assert digest(valid.reverse()) != digest(valid)
    assert digest(valid.with_columns(pl.col("symbol") + "X")) != digest(valid)


def test_the_digest_does_not_depend_on_the_kind_of_file(tmp_path: Path) -> None:
    valid = steady().with_columns(trades=pl.Series([1, None, 3, 4, 5, 6]))
    assert {digest(load_bars(write(valid, tmp_path), now=NOW)) for write in WRITERS.values()} == {digest(valid)}


def test_the_digest_tells_a_null_from_a_zero_but_not_one_zero_from_the_other() -> None:
    frame = steady().with_columns(trades=pl.Series([0, 0, None, 4, 5, 6]), volume=pl.lit(0.0))
    moved = frame.with_columns(trades=pl.Series([0, None, 0, 4, 5, 6]))
    assert digest(frame) != digest(moved)
    assert digest(frame) == digest(frame.with_columns(volume=pl.lit(-0.0)))


def test_the_digest_of_known_bars_never_changes(tmp_path: Path) -> None:
    rows = (kline(1_704_067_200 + 3600 * hour) for hour in range(3))
    loaded = load_bars(text(tmp_path, "BTCUSDT.csv", *rows), now=NOW)
    assert digest(loaded) == "c14ca25b9f7cc386270b398abaf753cff12ae44289a9c49bd5b0aff49442f72d"


def test_built_in_bars_may_lie_in_the_future() -> None:
    assert load_bars("synthetic:n=1000,interval=30d")["time"][-1].year > 2100
