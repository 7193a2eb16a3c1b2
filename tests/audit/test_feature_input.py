"""Every form of a feature that `assert_causal` takes, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from backtest.audit import assert_causal
from backtest.data.errors import ConfigError, LeakError, TooFewBars
from backtest.data.reading.synthetic import make_bars
from backtest.features import external, feature
from backtest.features.built_in import rolling_mean
from tests.support.selection import quick_or_slow

pytestmark = pytest.mark.integration

BARS = make_bars(240, seed=3, symbol="A")
CLOSE, VOLUME, HOUR = pl.col("close"), pl.col("volume"), pl.col("time").dt.hour()
PAST, NEXT = CLOSE / CLOSE.shift(1), CLOSE.shift(-1) / CLOSE
TWO = pl.concat([BARS, make_bars(200, seed=4, symbol="B")])

FORMS: dict[str, Callable[[pl.Expr], Any]] = {
    "an expression": lambda expr: expr,
    "expressions by suffix": lambda expr: {"": expr, "hour": HOUR},
    "a function that returns an expression": lambda expr: lambda: expr,
    "one with parameters of its own": lambda expr: lambda unused=3: expr,
    "one that returns several": lambda expr: lambda: {"x": expr, "hour": HOUR},
    "a function of the bars that returns an expression": lambda expr: lambda bars: expr,
    "a column": lambda expr: lambda bars: bars.select(expr).to_series(),
    "an array": lambda expr: lambda bars: bars.select(expr).to_series().to_numpy(),
    "a list": lambda expr: lambda bars: bars.select(expr).to_series().to_list(),
    "a table": lambda expr: lambda bars: bars.select(x=expr, hour=HOUR),
    "a lazy table": lambda expr: lambda bars: bars.lazy().select(x=expr),
    "a table with times": lambda expr: lambda bars: bars.select("time", x=expr),
    "a table of some rows in another order": lambda expr: (
        lambda bars: bars.select("time", x=expr).drop_nulls().reverse()
    ),
}


SETTINGS_OF_MEAN = {"name": "rolling_mean", "window": 5}


@pytest.mark.parametrize("form", quick_or_slow(FORMS, ("an expression", "a column", "a table with times")))
def test_every_form_of_a_feature_is_accepted(form: str) -> None:
    assert_causal(FORMS[form](PAST), BARS)
    with pytest.raises(LeakError, match=r"reads the future\n  .* reads the bar of 2020-.*, 1 bar ahead \(with noise"):
        assert_causal(FORMS[form](NEXT), BARS)


@pytest.mark.parametrize("form", quick_or_slow(FORMS, ("a column",)))
def test_bars_of_one_instrument_need_no_symbol(form: str) -> None:
    assert_causal(FORMS[form](PAST), BARS.drop("symbol"), lookback=1)
    with pytest.raises(LeakError, match="1 bar ahead"):
        assert_causal(FORMS[form](NEXT), BARS.drop("symbol"))


@pytest.mark.parametrize(
    "named",
    ["rolling_mean_5", *(pytest.param(one, marks=pytest.mark.slow) for one in (SETTINGS_OF_MEAN, rolling_mean))],
)
def test_a_catalog_feature_is_found_by_name_settings_or_function(named: Any) -> None:
    assert_causal(named, BARS)
    with pytest.raises(LeakError, match=r"feature rolling_mean(_5)? depends on bars before its look-back of 3"):
        assert_causal(named, BARS, lookback=3)


@pytest.mark.usefixtures("open_tables")
def test_a_declared_look_back_need_not_be_repeated() -> None:
    @feature(lookback=1)
    def tomorrow() -> pl.Expr:
        return NEXT

    @feature(lookback=1)
    def forgetful() -> pl.Expr:
        return CLOSE / CLOSE.shift(2)

    for named in (tomorrow, "tomorrow"):
        with pytest.raises(LeakError, match="feature tomorrow reads the future"):
            assert_causal(named, BARS)
    with pytest.raises(LeakError, match="feature forgetful depends on bars before its look-back of 1"):
        assert_causal("forgetful", BARS)


# several symbols


@pytest.mark.parametrize("lookback", [None, 1])
def test_expressions_are_computed_for_each_symbol(lookback: int | None) -> None:
    assert_causal(PAST, TWO, lookback=lookback)
    with pytest.raises(LeakError, match=r"of [AB] at .* 1 bar ahead"):
        assert_causal(NEXT, TWO, lookback=lookback)


def test_symbols_may_be_compared_at_one_time_but_not_shifted_into_each_other() -> None:
    assert_causal(lambda bars: bars.select("symbol", "time", x=CLOSE / CLOSE.mean().over("time")), TWO, lookback=0)
    with pytest.raises(LeakError, match="x of B at 2020-01-01 00:00 reads the bar of 2020-01-10 23:00, 239 bars ahead"):
        assert_causal(lambda bars: bars.select(x=CLOSE - CLOSE.shift(1)), TWO)


# what is refused


def raising(bars: pl.DataFrame) -> pl.Series:
    raise KeyError("my_column")


def reading(bars: pl.DataFrame, funding: pl.DataFrame) -> pl.Series:
    return bars["close"]


@pytest.mark.parametrize(
    ("nonsense", "message"),
    [
        ("rolling_maen_24", "'rolling_maen_24' is not known; nearest: rolling_mean"),
        ({"name": "nothing"}, "is not known"),
        (3, r"expected one value for each of 240 bars, or a table with `time` \(got int of 1\)"),
        (None, "got NoneType of 1"),
        ([PAST, NEXT], "expected one value for each of 240 bars|cannot be computed"),
        (lambda bars: bars["close"].to_numpy()[1:], r"got ndarray of 239\): return one of these, or an expression"),
        (lambda bars: bars["close"].mean(), "got float of 1"),
        (pl.col("clsoe"), "cannot be computed from these bars: ColumnNotFoundError.*clsoe"),
        (raising, "cannot be computed from these bars: KeyError: 'my_column'"),
        (reading, "cannot be computed from these bars: TypeError.*'funding'"),
        (lambda bars: pl.concat([bars, bars]), "expected one row for each symbol, time"),
        (lambda bars: bars.select("time", x=CLOSE).clear(), "no value"),
        (CLOSE.rolling_mean(500), "no value"),
    ],
)
def test_what_is_not_a_feature_of_these_bars_is_refused_with_a_message(nonsense: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        assert_causal(nonsense, BARS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lookback": -1}, r"lookback: must be .* at least 0 \(got -1\)"),
        ({"lookback": 1.5}, r"lookback: must be a number of earlier bars"),
        ({"lookback": 1, "tolerance": -0.1}, "tolerance: must be a finite number of standard deviations, at least 0"),
        ({"lookback": 1, "tolerance": float("nan")}, "tolerance: must be a finite number"),
        ({"tolerance": 0.1}, "tolerance: .* `lookback`"),
    ],
)
def test_an_invalid_look_back_or_tolerance_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        assert_causal(PAST, BARS, **settings)


def test_rows_of_several_symbols_need_a_symbol_column() -> None:
    with pytest.raises(ConfigError, match="expected one row for each time"):
        assert_causal(lambda bars: bars.select("time", x=CLOSE), TWO, lookback=0)


@pytest.mark.parametrize("bars", [BARS.reverse(), TWO.sort("time", "symbol"), pl.concat([BARS, BARS.tail(1)])])
def test_bars_must_be_sorted_and_unique(bars: pl.DataFrame) -> None:
    with pytest.raises(ConfigError, match="sorted by symbol and time"):
        assert_causal(PAST, bars)


@pytest.mark.parametrize("n", [0, 1])
def test_bars_without_an_interval_are_too_few(n: int) -> None:
    with pytest.raises(TooFewBars, match="expected bars of one instrument at two times"):
        assert_causal(PAST, BARS.head(n))


# external series


def funding(lag: timedelta = timedelta(0)) -> pl.DataFrame:
    """A rate every eight hours, known at the end of its period or later."""
    about = BARS["time"].gather_every(8)
    rates = np.random.default_rng(5).normal(size=len(about))
    return pl.DataFrame({"time": about, "known_at": about + lag, "rate": rates})


def as_published(bars: pl.DataFrame, funding: pl.DataFrame) -> pl.Series:
    closes = bars.select(known_at=pl.col("time") + pl.duration(hours=1))
    return closes.join_asof(funding.drop("time"), on="known_at")["rate"]


def as_if_known_at_once(bars: pl.DataFrame, funding: pl.DataFrame) -> pl.Series:
    return bars.join_asof(funding, on="time")["rate"]


@pytest.mark.parametrize(
    "read", [as_published, pl.col("funding.rate"), lambda: {"rate": pl.col("funding.rate") * CLOSE}]
)
def test_a_series_may_be_read_after_publication(read: Any) -> None:
    for lag in (timedelta(0), timedelta(hours=20)):
        assert_causal(read, BARS, external={"funding": funding(lag)})


def test_a_series_joined_on_its_period_is_read_before_publication() -> None:
    assert_causal(as_if_known_at_once, BARS, external={"funding": funding()})
    late = funding(timedelta(hours=20))
    with pytest.raises(
        LeakError, match=r"reads external series funding before it was published\n  .* reads the value published at"
    ):
        assert_causal(as_if_known_at_once, BARS, external={"funding": late})


def test_a_series_stamped_before_the_end_of_its_period_is_a_leak() -> None:
    early = funding(timedelta(hours=-1))
    with pytest.raises(
        LeakError, match="external series funding has 30 values stamped before the end of the period they cover"
    ):
        assert_causal(as_published, BARS, external={"funding": early})


@pytest.mark.usefixtures("open_tables")
def test_a_declared_feature_reads_its_declared_series() -> None:
    @external
    def premium() -> pl.DataFrame:
        return funding(timedelta(hours=20))

    @feature(lookback=0, requires=("premium.rate",))
    def dear() -> pl.Expr:
        return pl.col("premium.rate")

    assert_causal("dear", BARS)
    with pytest.raises(LeakError, match="external series premium has 30 values"):
        assert_causal(dear, BARS, external={"premium": funding(timedelta(hours=-2))})
