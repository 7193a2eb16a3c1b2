"""Series that are not bars: what a bar's close knew of them, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from backtest.data.errors import ConfigError
from backtest.data.schema import UTC_TIME
from backtest.features import EXTERNAL, external
from backtest.features.external import join, load

START = datetime(2024, 1, 1, tzinfo=UTC)
Row = tuple[str, int, int, float | None]


@pytest.fixture(autouse=True)
def _same_table_afterwards() -> Iterator[None]:
    before = dict(EXTERNAL)
    yield
    EXTERNAL.clear()
    EXTERNAL.update(before)


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def closes(*numbers: int, symbol: str = "A") -> pl.DataFrame:
    """Return hourly bars that close at the hours `numbers`, in that order."""
    rows = [(symbol, hour(number - 1), hour(number)) for number in numbers]
    return pl.DataFrame(rows, {"symbol": pl.String, "time": UTC_TIME, "known_at": UTC_TIME}, orient="row")


def published(*rows: tuple[int, int, float | None]) -> pl.DataFrame:
    """Return a series of (hour it is about, hour of publication, rate)."""
    schema: dict[str, Any] = {"time": UTC_TIME, "known_at": UTC_TIME, "rate": pl.Float64}
    return pl.DataFrame([(hour(about), hour(at), rate) for about, at, rate in rows], schema, orient="row")


def of_symbols(rows: list[Row]) -> pl.DataFrame:
    """Return a series of (symbol, hour it is about, hour of publication, rate)."""
    series = published(*((about, at, rate) for _, about, at, rate in rows))
    return series.with_columns(pl.Series("symbol", [symbol for symbol, *_ in rows], pl.String))


def rates(bars: pl.DataFrame, series: pl.DataFrame) -> list[float | None]:
    return join(bars, {"funding": series})["funding.rate"].to_list()


def in_force(rows: list[Row], symbol: str | None, close: int) -> float | None:
    """Return, by the definition, the value in force at `close`; of one instant published twice at once, the later."""
    best: Row | None = None
    for row in sorted(rows, key=lambda row: row[2]):
        known = row[2] <= close and symbol in (None, row[0])
        if known and (best is None or row[1] >= best[1]):
            best = row
    return best[3] if best else None


def register(frame: object, name: str = "funding") -> None:
    @external(name=name)
    def source() -> pl.DataFrame:
        return frame  # type: ignore[return-value]


def test_a_value_counts_from_its_publication_and_not_from_the_event() -> None:
    assert rates(closes(1, 2, 3, 4, 5), published((1, 3, 0.1), (2, 5, 0.2))) == [None, None, 0.1, 0.1, 0.2]


def test_what_is_published_at_the_close_is_known_and_a_microsecond_later_it_is_not() -> None:
    series, late = published((1, 2, 0.1)), pl.duration(microseconds=1)
    assert rates(closes(2), series) == [0.1]
    assert rates(closes(2), series.with_columns(pl.col("known_at") + late)) == [None]


def test_a_revision_replaces_the_value_from_its_own_publication_on() -> None:
    assert rates(closes(1, 2, 3), published((1, 1, 0.1), (1, 3, 0.15))) == [0.1, 0.1, 0.15]


def test_a_late_revision_of_an_older_period_does_not_replace_a_newer_value() -> None:
    series = published((1, 1, 0.1), (2, 2, 0.2), (1, 3, 0.15), (2, 5, 0.25), (3, 5, 0.3))
    assert rates(closes(1, 2, 3, 4, 5, 6), series) == [0.1, 0.2, 0.2, 0.2, 0.3, 0.3]


def test_of_several_periods_published_at_once_the_latest_is_in_force() -> None:
    assert rates(closes(1, 2), published((3, 2, 0.3), (1, 2, 0.1), (2, 2, 0.2))) == [None, 0.3]


def test_the_value_is_null_where_the_latest_publication_is_null() -> None:
    assert rates(closes(1, 2, 3), published((1, 1, 0.1), (2, 2, None), (3, 3, 0.3))) == [0.1, None, 0.3]


def test_a_value_counts_up_to_its_expiry_and_a_later_one_anew() -> None:
    until = pl.Series([hour(3), None, hour(5)], dtype=UTC_TIME)
    series = published((1, 1, 0.1), (2, 4, 0.2), (3, 5, 0.3)).with_columns(expires=until)
    assert rates(closes(1, 2, 3, 4, 5, 6), series) == [0.1, 0.1, 0.1, 0.2, 0.3, None]
    first = series.head(1).with_columns(pl.col("expires") - pl.duration(microseconds=1))
    assert rates(closes(2, 3), first) == [0.1, None]


def test_a_series_with_symbols_counts_for_them_alone_and_any_other_for_all() -> None:
    bars = pl.concat([closes(1, 2, 3), closes(1, 2, 3, symbol="B"), closes(3, symbol="C")])
    both = of_symbols([("B", 1, 1, 0.5), ("A", 2, 2, 0.2), ("B", 0, 3, 0.4)])
    joined = join(bars, {"own": both, "common": both.drop("symbol")})
    assert joined["own.rate"].to_list() == [None, 0.2, 0.2, 0.5, 0.5, 0.5, None]
    assert joined["common.rate"].to_list() == [0.5, 0.2, 0.2, 0.5, 0.2, 0.2, 0.2]


def test_every_column_of_every_series_joins_under_its_own_name() -> None:
    series = published((1, 1, 0.1)).with_columns(row=pl.lit(7.0), right=pl.lit(8.0))
    joined = join(closes(1), {"funding": series, "cpi": published((0, 0, 3.0))})
    assert joined.columns == ["symbol", "time", "known_at", "funding.rate", "funding.row", "funding.right", "cpi.rate"]
    assert joined.row(0)[3:] == (0.1, 7.0, 8.0, 3.0)


def test_without_a_publication_every_value_is_null() -> None:
    bars = closes(1, 2)
    assert rates(bars, published()) == rates(bars, of_symbols([])) == [None, None]
    assert join(bars.clear(), {"funding": published((1, 1, 0.1))}).columns == [*bars.columns, "funding.rate"]


HOURS = st.integers(0, 12)
SYMBOLS = st.sampled_from("AB")
RATES = st.none() | st.floats(-1, 1)
ROWS = st.lists(st.tuples(SYMBOLS, HOURS, HOURS, RATES), max_size=25, unique_by=lambda row: row[:3])
BARS = st.lists(st.tuples(SYMBOLS, HOURS), unique=True, max_size=20)


@given(ROWS, BARS, st.booleans())
def test_the_join_follows_its_definition_for_any_order_of_rows(
    rows: list[Row], bars: list[tuple[str, int]], by_symbol: bool
) -> None:
    if not by_symbol:
        rows = list({row[1:3]: row for row in rows}.values())
    frame = pl.concat([closes().clear(), *(closes(number, symbol=symbol) for symbol, number in bars)])
    series = of_symbols(rows) if by_symbol else of_symbols(rows).drop("symbol")
    joined = join(frame, {"funding": series})
    assert_frame_equal(joined.drop("funding.rate"), frame)
    expected = [in_force(rows, symbol if by_symbol else None, close) for symbol, close in bars]
    assert joined["funding.rate"].to_list() == expected


@given(st.lists(st.tuples(SYMBOLS, HOURS, HOURS, RATES), unique_by=lambda row: row[:3]), st.randoms())
def test_a_series_is_sorted_on_loading(rows: list[Row], random: Any) -> None:
    EXTERNAL.clear()
    shuffled = random.sample(rows, len(rows))
    register(of_symbols(rows), "one")
    register(of_symbols([*shuffled, *shuffled[:2]]), "other")  # a row may stand twice: pages overlap
    one, other = load(["one", "other"]).values()
    assert_frame_equal(one, other)
    assert one.rows() == one.sort("symbol", "known_at", "time").rows()


def test_numbers_become_floats_and_values_that_are_not_finite_become_null() -> None:
    register(published((1, 1, float("nan")), (2, 2, float("inf")), (3, 3, 0.5), (4, 4, None)).with_columns(n=pl.lit(2)))
    loaded = load(["funding"])["funding"]
    assert loaded["rate"].to_list() == [None, None, 0.5, None]
    assert loaded["n"].to_list() == [2.0] * 4
    assert loaded["n"].dtype == pl.Float64


def test_a_publication_before_its_period_ended_is_loaded_for_the_audit_to_name() -> None:
    register(published((5, 1, 0.1)))
    assert load(["funding"])["funding"].height == 1


def test_the_decorator_takes_the_name_of_the_function_and_leaves_it_a_function() -> None:
    @external
    def cpi() -> pl.DataFrame:
        return published((1, 1, 3.0))

    assert cpi().height == 1
    assert EXTERNAL["cpi"].function is cpi
    assert load(["cpi"])["cpi"]["rate"].to_list() == [3.0]


def test_a_name_is_registered_once_but_the_same_code_again() -> None:
    register(published())
    register(published())
    with pytest.raises(
        ConfigError, match=r"external: funding of module \S+ is taken by other code in module \S+: give"
    ):

        @external
        def funding() -> pl.DataFrame:
            return published()


def test_a_name_with_a_dot_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"external: us\.cpi: expected a name without a dot"):
        register(published(), "us.cpi")


def test_an_unknown_series_is_refused_with_the_known_ones() -> None:
    EXTERNAL.clear()
    with pytest.raises(ConfigError, match=r"external: 'fundng' is not known \(known: none\)"):
        load(["fundng"])
    register(published())
    with pytest.raises(ConfigError, match=r"external: 'fundng' is not known \(known: funding\): correct the name"):
        load(["fundng"])


def test_a_file_of_the_settings_goes_the_way_of_a_function_and_may_not_have_its_name() -> None:
    EXTERNAL.clear()
    register(published((1, 1, 0.1)), "cpi")
    files = {"funding": lambda: published((2, 2, 0.2))}
    assert list(load(["cpi", "funding"], files)) == ["cpi", "funding"]
    with pytest.raises(ConfigError, match=r"'fundng' is not known \(known: cpi, funding\): .* table \[series\.NAME\]"):
        load(["fundng"], files)
    register(published(), "funding")
    with pytest.raises(ConfigError, match=r"series\.funding: expected a name of its own \(a plugin has an @external"):
        load(["funding"], files)


def test_an_exception_of_a_series_function_names_the_series() -> None:
    @external
    def cpi() -> pl.DataFrame:
        raise FileNotFoundError("cpi.csv")

    with pytest.raises(
        ConfigError, match=r"external: cpi cannot be read: FileNotFoundError: cpi\.csv: fix its function"
    ):
        load(["cpi"])


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"rate": [0.1]}, r"expected a polars DataFrame \(got dict\): return one"),
        (published().lazy(), r"expected a polars DataFrame \(got LazyFrame\)"),
        (published().drop("known_at"), r"known_at is missing \(when it was published\): return `time` and `known_at`"),
        (published().drop("time"), "time is missing"),
        (
            pl.DataFrame({"time": [date(2024, 1, 1)], "known_at": [START], "rate": [0.1]}),
            r"time must be Datetime\(time_unit='us', time_zone='UTC'\) \(got Date\).*\.cast\(pl\.Datetime\(",
        ),
        (published().with_columns(pl.col("known_at").dt.replace_time_zone(None)), "known_at must be Datetime"),
        (published().with_columns(pl.col("known_at").dt.cast_time_unit("ms")), "known_at must be Datetime"),
        (published((1, 1, 0.1)).with_columns(time=pl.lit(None, UTC_TIME)), r"time must not be null \(1 rows are\)"),
        (published((1, 1, 0.1)).with_columns(known_at=pl.lit(None, UTC_TIME)), "known_at must not be null"),
        (of_symbols([("A", 1, 1, 0.1)]).with_columns(symbol=pl.lit(None, pl.String)), "symbol must not be null"),
        (published().with_columns(symbol=pl.lit(1)), r"symbol must be String \(got Int32\)"),
        (published().with_columns(expires=pl.lit("soon")), r"expires must be Datetime.* \(got String\)"),
        (published().drop("rate"), r"expected one or more columns of numbers .* \(got none\)"),
        (
            published().with_columns(source=pl.lit("x")),
            r"expected .* \(got rate Float64, source String\): cast them, or drop",
        ),
        (
            published((1, 1, 0.1), (1, 1, 0.2)),
            r"expected one row for each known_at, time \(got 2 rows that differ in .* alone\)",
        ),
    ],
)
def test_an_invalid_frame_of_a_series_is_refused(frame: object, message: str) -> None:
    register(frame)
    with pytest.raises(ConfigError, match=f"external: funding: {message}"):
        load(["funding"])
