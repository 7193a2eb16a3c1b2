"""Tests of the built-in bars."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from backtest.data.errors import ConfigError, UnknownSource
from backtest.data.reading.bars import inspect_bars, load_bars
from backtest.data.reading.built_in import BUILT_IN
from backtest.data.reading.synthetic import make_bars
from backtest.data.schema import BARS, check


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_built_in_bars_are_valid(name: str) -> None:
    bars = load_bars(name)
    assert check(bars, BARS).height > 5_000
    assert bars["symbol"].unique().to_list() == [bars["symbol"][0]]
    assert inspect_bars(name).problems == ()


@pytest.mark.parametrize(("name", "without_volume"), [("sp500", 0), ("nasdaq", 2)])
def test_the_indices_are_daily_closed_at_weekends_and_without_holes(name: str, without_volume: int) -> None:
    (series,) = inspect_bars(name).series
    assert (series.rows, series.interval, series.always_open, series.holes) == (5_031, timedelta(days=1), False, ())
    assert (series.first, series.last) == (datetime(1999, 1, 4, tzinfo=UTC), datetime(2018, 12, 31, tzinfo=UTC))
    assert series.zero_volume == without_volume


def test_the_sp500_has_the_prices_of_its_first_and_last_day() -> None:
    bars = load_bars("sp500")
    assert bars.row(0)[2:] == pytest.approx((1229.23, 1248.81, 1219.10, 1228.10, 877_000_000), abs=0.01)
    assert bars.row(-1)[5] == pytest.approx(2506.85, abs=0.01)


def test_synthetic_takes_settings_in_its_name() -> None:
    spelled = load_bars("synthetic:n=500, seed=3, signal=0.02, interval=5m, symbol=ABC")
    assert spelled.equals(make_bars(500, seed=3, signal=0.02, interval="5m", symbol="ABC"))
    assert load_bars("synthetic").equals(make_bars(6_000))
    assert load_bars("synthetic:").equals(make_bars(6_000))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "synthetic:bars=5",
            "expected settings such as n=20000, once each, of n, seed, signal, interval, symbol (got 'bars=5')",
        ),
        ("synthetic:n", "(got 'n')"),
        ("synthetic:n=5,n=6", "(got 'n=6')"),
        ("synthetic:n=many", "synthetic:n=many: n: expected a whole number (got 'many')"),
        ("synthetic:signal=big", "signal: expected a number (got 'big')"),
        ("synthetic:signal=2", "signal: expected a share of the variance"),
        ("synthetic:interval=1x", "duration: expected a number and d, h, m or s"),
        ("sp500:n=5", "sp500:n=5: expected sp500 alone (got settings 'n=5')"),
    ],
)
def test_settings_that_cannot_be_are_refused(source: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_bars(source)


def test_a_built_in_name_is_matched_whole() -> None:
    with pytest.raises(UnknownSource, match="sp5000: expected a file"):
        load_bars("sp5000")


def test_a_built_in_series_has_one_symbol() -> None:
    assert load_bars("sp500", "sp500")["symbol"][0] == "SP500"
    with pytest.raises(UnknownSource, match=r"symbol: expected bars of AAPL \(got bars of SP500\)"):
        load_bars("sp500", "AAPL")
