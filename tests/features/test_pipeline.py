"""The query that makes FEATURES: its columns, its nulls, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given

from backtest.data.errors import ConfigError
from backtest.data.reading.synthetic import make_bars
from backtest.data.schema import UTC_TIME
from backtest.features import EXTERNAL, FEATURES, external, feature
from backtest.features.catalog import resolve
from backtest.features.pipeline import build, load_external
from tests.support.strategies import HOUR, bars


@pytest.fixture
def table() -> Iterator[None]:
    """Give the tables of features and external series back as they were."""
    before = dict(FEATURES), dict(EXTERNAL)
    yield
    FEATURES.clear()
    FEATURES.update(before[0])
    EXTERNAL.clear()
    EXTERNAL.update(before[1])


def hours(n: int) -> pl.DataFrame:
    """Return `n` hourly bars whose close counts from 1."""
    micros = pl.int_range(n, eager=True) * (HOUR // (HOUR / 3_600_000_000))
    close = pl.int_range(1, n + 1, eager=True).cast(pl.Float64)
    return pl.DataFrame({"symbol": ["A"] * n, "time": micros.cast(UTC_TIME), "close": close})


def published(*rows: tuple[int, int, float]) -> pl.DataFrame:
    """Return a series of (hour it is about, hour of publication, rate)."""
    frame = pl.DataFrame(rows, ["time", "known_at", "rate"], orient="row")
    return frame.with_columns((pl.col("time", "known_at") * 3_600_000_000).cast(UTC_TIME))


@pytest.fixture
def funding(table: None) -> None:
    """Register a funding rate and two features that read it."""

    @external(name="funding")
    def rates() -> pl.DataFrame:
        return published((4, 4, 4.0), (1, 2, 1.0), (3, 3, 2.5))

    @feature(lookback=0, requires=("funding.rate",))
    def funding_now() -> pl.Expr:
        return pl.col("funding.rate")

    @feature(lookback=2, requires=("funding.rate",))
    def funding_change() -> pl.Expr:
        return pl.col("funding.rate") - pl.col("funding.rate").shift(2)


@given(bars(max_size=60, holes=True, symbols=2))
def test_a_bar_is_known_at_its_close(frame: pl.DataFrame) -> None:
    made = build(frame, ["log_return"], interval=HOUR)
    assert made["known_at"].to_list() == [time + HOUR for time in frame["time"]]
    assert made["bar_return"].to_list() == made["log_return"].to_list()


@given(bars(min_size=30, max_size=60))
def test_the_interval_is_inferred_if_it_is_not_given(frame: pl.DataFrame) -> None:
    assert build(frame, ["range"]).equals(build(frame, ["range"], interval=HOUR))


@pytest.mark.usefixtures("table")
def test_values_before_the_lookback_is_complete_are_null() -> None:
    @feature(lookback=3)
    def eager() -> pl.Expr:
        return pl.col("close").shift(1, fill_value=0.0)

    assert build(hours(6), ["eager"])["eager"].to_list() == [None, None, None, 3.0, 4.0, 5.0]


@pytest.mark.usefixtures("table")
def test_a_feature_that_reads_beyond_its_lookback_stays_within_its_segment() -> None:
    @feature(lookback=1)
    def greedy() -> pl.Expr:
        return pl.col("close").cum_sum()

    broken = hours(60).filter(pl.col("close") != 31)
    assert build(broken, ["greedy"])["greedy"].to_list()[30:34] == [None, 32 + 33, 32 + 33 + 34, 32 + 33 + 34 + 35]


@pytest.mark.usefixtures("table")
def test_whole_numbers_become_floats_and_nothing_that_is_not_finite_remains() -> None:
    @feature(lookback=0)
    def odd() -> dict[str, pl.Expr]:
        close = pl.col("close")
        return {"whole": close.cast(pl.Int64), "inverse": 1 / (close - 1), "undefined": (close - 1) / (close - 1)}

    made = build(hours(2), ["odd"])
    assert made.select("odd_whole", "odd_inverse", "odd_undefined").rows() == [(1.0, None, None), (2.0, 1.0, 1.0)]


@pytest.mark.usefixtures("table")
def test_a_feature_of_columns_that_do_not_exist_is_refused() -> None:
    @feature(lookback=0)
    def mistaken() -> pl.Expr:
        return pl.col("closing_price")

    with pytest.raises(ConfigError, match="features: mistaken needs closing_price, which these bars lack"):
        build(hours(3), ["mistaken"])


def test_bars_without_an_optional_column_are_refused() -> None:
    with pytest.raises(
        ConfigError, match="features: taker_imbalance needs taker_buy_volume, volume, which these bars lack"
    ):
        build(hours(3), ["taker_imbalance"])


@pytest.mark.usefixtures("funding")
def test_a_feature_reads_of_a_series_what_was_published_by_the_close_of_its_bar() -> None:
    bars = pl.concat([hours(6), hours(4).tail(3).with_columns(symbol=pl.lit("B"))])
    made = build(bars, ["funding_now", "funding_change"])
    assert made["funding_now"].to_list() == [None, 1.0, 2.5, 4.0, 4.0, 4.0, 1.0, 2.5, 4.0]
    assert made["funding_change"].to_list() == [None, None, None, 3.0, 1.5, 0.0, None, None, 3.0]
    fixed, later = ["symbol", "time", "known_at", "segment", "bar_return"], ["y_log_return_1", "target_time"]
    assert made.columns == [*fixed, "funding_now", "funding_change", *later]


@pytest.mark.usefixtures("funding")
def test_only_the_series_that_features_read_are_loaded() -> None:
    @external
    def unread() -> pl.DataFrame:
        raise AssertionError("read although no feature asks for it")

    assert list(load_external(resolve(["log_return", "funding_now", "funding_change"]))) == ["funding"]
    assert load_external(resolve(["log_return", "taker_imbalance"])) == {}
    assert build(hours(2), ["funding_now"])["funding_now"].to_list() == [None, 1.0]


@pytest.mark.usefixtures("funding")
def test_given_series_take_the_place_of_the_registered_ones() -> None:
    given_rates = build(hours(2), ["funding_now"], external={"funding": published((1, 1, 0.7))})
    assert given_rates["funding_now"].to_list() == [0.7, 0.7]
    loaded = load_external(resolve(["funding_now"]))
    assert build(hours(5), ["funding_now"], external=loaded).equals(build(hours(5), ["funding_now"]))
    with pytest.raises(ConfigError, match=r"funding_now needs funding\.rate, which these bars lack and no outside"):
        build(hours(2), ["funding_now"], external={})


@pytest.mark.usefixtures("funding")
@pytest.mark.parametrize("column", ["funding.rat", "funding"])
def test_an_unknown_column_is_refused_with_the_known_ones(column: str) -> None:
    @feature(lookback=0, requires=(column,))
    def mistaken() -> pl.Expr:
        return pl.col(column)

    message = rf"mistaken needs {column}, which these bars lack and no outside series has .*series: funding\): correct"
    with pytest.raises(ConfigError, match=message):
        build(hours(2), ["mistaken"])


@pytest.mark.usefixtures("funding")
def test_an_unknown_series_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"external: 'fundng' is not known \(known: funding\): correct the name"):
        build(hours(2), ["series.fundng.rate"])


def test_given_stretches_take_the_place_of_those_found() -> None:
    frame = hours(40)
    ends = pl.Series("any name", [0] * 30 + [1] * 10, dtype=pl.Int32)
    made = build(frame, ["log_return", "momentum_3"], segment=ends)
    assert made["segment"].to_list() == ends.to_list()
    assert [n for n, value in enumerate(made["momentum_3"]) if value is None] == [0, 1, 2, 30, 31, 32]
    assert [n for n, value in enumerate(made["y_log_return_1"]) if value is None] == [29, 39]
    with_hole = frame.filter(pl.col("close") != 31)
    found = build(with_hole, ["log_return"])
    assert build(with_hole, ["log_return"], segment=found["segment"]).equals(found)
    whole = pl.zeros(39, pl.Int32, eager=True)
    assert build(with_hole, ["log_return"], segment=whole)["log_return"].null_count() == 1


@pytest.mark.parametrize("length", [1, 5])
def test_stretches_of_other_bars_are_refused(length: int) -> None:
    with pytest.raises(ConfigError, match=f"cannot be computed from these bars: .*{length}"):
        build(hours(3), ["log_return"], segment=pl.zeros(length, pl.Int32, eager=True))


def test_a_feature_that_fails_is_told_in_one_line(open_tables: None) -> None:
    @feature(lookback=0)
    def of_another_type() -> pl.Expr:
        """Text where there is none."""
        return pl.col("close").str.to_uppercase()

    with pytest.raises(
        ConfigError, match=r"features: a feature cannot be computed from these bars: .*: fix its"
    ) as told:
        build(make_bars(20), ["of_another_type"])
    assert "\n" not in str(told.value)
