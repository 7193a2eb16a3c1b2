"""Tests of the rules for single rows: any one fault in a valid file is found and named, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backtest.data.errors import (
    DataError,
    DuplicateTime,
    InconsistentPrices,
    MissingValue,
    NegativeVolume,
    NonPositivePrice,
    NotFinite,
    RepeatedBar,
    Unsorted,
)
from backtest.data.reading.bars import load_bars
from tests.support.files_of_bars import NOW, WRITERS, steady
from tests.support.strategies import bars

NUMBERS = ("open", "high", "low", "close", "volume")
PRICES = NUMBERS[:4]
files = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@dataclass(frozen=True)
class Fault:
    """A fault to plant: the error it must give, the column, how many rows below the chosen one it shows, and how."""

    kind: type[DataError]
    column: str
    plant: Callable[[pl.DataFrame, int], pl.DataFrame]
    below: int = 0


def _put(column: str, value: object) -> Callable[[pl.DataFrame, int], pl.DataFrame]:
    """Return what puts `value`, or the value of another expression, into one cell."""

    def plant(frame: pl.DataFrame, row: int) -> pl.DataFrame:
        new = value if isinstance(value, pl.Expr) else pl.lit(value)
        here = pl.int_range(pl.len()) == row
        return frame.with_columns(
            pl.when(here).then(new).otherwise(pl.col(column)).cast(frame[column].dtype).alias(column)
        )

    return plant


def _swap_times(frame: pl.DataFrame, row: int) -> pl.DataFrame:
    times = frame["time"].to_list()
    times[row], times[row + 1] = times[row + 1], times[row]
    return frame.with_columns(pl.Series("time", times, frame["time"].dtype))


def _repeat_row(frame: pl.DataFrame, row: int) -> pl.DataFrame:
    return pl.concat([frame[: row + 1], frame[row:]])


FAULTS = [
    *(Fault(MissingValue, name, _put(name, None)) for name in ("symbol", "time", *NUMBERS)),
    *(Fault(NotFinite, name, _put(name, value)) for name in NUMBERS for value in (float("nan"), float("inf"))),
    *(Fault(NotFinite, name, _put(name, float("-inf"))) for name in NUMBERS),
    *(Fault(NonPositivePrice, name, _put(name, value)) for name in PRICES for value in (0.0, -3.0)),
    Fault(NegativeVolume, "volume", _put("volume", -0.5)),
    Fault(InconsistentPrices, "high", _put("high", pl.min_horizontal("open", "close") * 0.5 + pl.col("low") * 0.5)),
    Fault(InconsistentPrices, "low", _put("low", pl.max_horizontal("open", "close") * 0.5 + pl.col("high") * 0.5)),
    *(Fault(InconsistentPrices, name, _put(name, pl.mean_horizontal("open", "close"))) for name in ("high", "low")),
    Fault(Unsorted, "time", _swap_times, below=1),
    Fault(DuplicateTime, "time", _put("time", pl.col("time").shift(-1))),
    Fault(RepeatedBar, "time", _repeat_row),
]


@files
@given(bars(min_size=5, max_size=60), st.sampled_from(sorted(WRITERS)))
def test_valid_bars_survive_every_kind_of_file(tmp_path: Path, valid: pl.DataFrame, writer: str) -> None:
    assert load_bars(WRITERS[writer](valid, tmp_path), now=NOW).equals(valid)


@files
@given(bars(min_size=6, max_size=60), st.sampled_from(FAULTS), st.sampled_from(sorted(WRITERS)), st.data())
def test_any_single_fault_is_found_and_named(
    tmp_path: Path, valid: pl.DataFrame, fault: Fault, writer: str, data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, valid.height - 3))
    file = WRITERS[writer](fault.plant(valid, row), tmp_path)
    number = row + 1 + fault.below
    place = f"row {number}" if writer in ("parquet", "feather") else f"row {number}, line {number + 1}"
    with pytest.raises(fault.kind, match=re.escape(place) + r"\b") as caught:
        load_bars(file, now=NOW)
    assert type(caught.value) is fault.kind
    assert caught.value.others == ()
    for part in (str(file), f"{fault.column}: ", ": expected ", "(got "):
        assert part in caught.value.message


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind.__name__}-{fault.column}")
def test_the_message_of_every_fault_ends_with_a_remedy(tmp_path: Path, fault: Fault) -> None:
    with pytest.raises(fault.kind, match=r"\(got .+\): \w+ .*\w") as caught:
        load_bars(WRITERS["csv"](fault.plant(steady(), 2), tmp_path), now=NOW)
    assert caught.value.others == ()


def test_a_problem_counts_its_rows_and_names_the_first_with_its_time(tmp_path: Path) -> None:
    frame = steady(8).with_columns(
        pl.when(pl.int_range(pl.len()).is_in([3, 5, 6])).then(-1.0).otherwise("close").alias("close")
    )
    with pytest.raises(NonPositivePrice, match=r"close: .* in 3 rows, first in row 4, line 5, 2024-01-01 03:00 UTC"):
        load_bars(WRITERS["csv"](frame, tmp_path), now=NOW)


def test_all_problems_are_listed_gravest_first(tmp_path: Path) -> None:
    frame = _swap_times(_put("volume", -1.0)(_put("open", None)(_put("high", float("nan"))(steady(9), 0), 2), 4), 6)
    with pytest.raises(MissingValue, match=r"(?s)^1\. .*open.*\n2\. .*high.*\n3\. .*volume.*\n4\. .*time") as caught:
        load_bars(WRITERS["parquet"](frame, tmp_path), now=NOW)
    assert [type(other) for other in caught.value.others] == [NotFinite, NegativeVolume, Unsorted]


def test_nan_is_not_taken_for_a_large_number(tmp_path: Path) -> None:
    frame = steady().with_columns(pl.lit(float("nan")).alias(name) for name in ("high", "volume"))
    with pytest.raises(NotFinite, match=r"(?s)high: NaN or infinity in 6 rows.*volume: NaN or infinity") as caught:
        load_bars(WRITERS["parquet"](frame, tmp_path), now=NOW)
    assert len(caught.value.others) == 1


def test_optional_columns_are_checked_but_may_have_nulls(tmp_path: Path) -> None:
    extra = steady().with_columns(trades=pl.Series([1, None, 3, 4, 5, 6]), quote_volume=pl.lit(5.0))
    assert load_bars(WRITERS["parquet"](extra, tmp_path), now=NOW).equals(
        extra.select(*extra.columns[:7], "quote_volume", "trades")
    )
    with pytest.raises(NegativeVolume, match=r"trades: amount below zero in 1 row, first in row 3, .*got -3"):
        load_bars(WRITERS["parquet"](extra.with_columns(trades=pl.Series([1, None, -3, 4, 5, 6])), tmp_path), now=NOW)
    with pytest.raises(NotFinite, match="quote_volume"):
        load_bars(WRITERS["parquet"](extra.with_columns(quote_volume=pl.lit(float("inf"))), tmp_path), now=NOW)


def test_zero_volume_and_moves_of_a_fifth_are_real(tmp_path: Path) -> None:
    frame = steady().with_columns(volume=pl.lit(0.0), low=pl.lit(82.0), high=pl.lit(117.0))
    assert load_bars(WRITERS["csv"](frame, tmp_path), now=NOW).height == 6


def test_one_crash_is_allowed_but_many_are_lost_decimal_points(tmp_path: Path) -> None:
    crash = _put("low", 5.0)(steady(30), 4)
    assert load_bars(WRITERS["csv"](crash, tmp_path), now=NOW).height == 30
    many = _put("low", 5.0)(_put("low", 5.0)(crash, 8), 20)
    with pytest.raises(InconsistentPrices, match=r"more than 9 times the low, .*decimal points .* in 3 rows"):
        load_bars(WRITERS["csv"](many, tmp_path), now=NOW)


def test_instruments_may_alternate_in_a_file(tmp_path: Path) -> None:
    both = pl.concat([steady(symbol="A"), steady(symbol="B")])
    assert load_bars(WRITERS["csv"](both.sort("time", "symbol"), tmp_path), now=NOW).equals(both)
