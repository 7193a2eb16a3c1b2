"""The query that makes FEATURES: its columns, its nulls, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given

from data.errors import ConfigError
from features import FEATURES, feature
from features.pipeline import build
from tests.strategies import HOUR, bars


@pytest.fixture
def table() -> Iterator[None]:
    """Give the table of features back as it was."""
    before = dict(FEATURES)
    yield
    FEATURES.clear()
    FEATURES.update(before)


def hours(n: int) -> pl.DataFrame:
    """Return `n` hourly bars whose close counts from 1."""
    micros = pl.int_range(n, eager=True) * (HOUR // (HOUR / 3_600_000_000))
    close = pl.int_range(1, n + 1, eager=True).cast(pl.Float64)
    return pl.DataFrame({"symbol": ["A"] * n, "time": micros.cast(pl.Datetime("us", "UTC")), "close": close})


@given(bars(max_size=60, holes=True, symbols=2))
def test_a_bar_is_known_at_its_close(frame: pl.DataFrame) -> None:
    made = build(frame, ["log_return"], interval=HOUR)
    assert made["known_at"].to_list() == [time + HOUR for time in frame["time"]]
    assert made["bar_return"].to_list() == made["log_return"].to_list()


@given(bars(min_size=30, max_size=60))
def test_the_interval_is_inferred_if_it_is_not_given(frame: pl.DataFrame) -> None:
    assert build(frame, ["range"]).equals(build(frame, ["range"], interval=HOUR))


@pytest.mark.usefixtures("table")
def test_what_a_feature_says_before_its_look_back_is_not_believed() -> None:
    @feature(lookback=3)
    def eager() -> pl.Expr:
        return pl.col("close").shift(1, fill_value=0.0)

    assert build(hours(6), ["eager"])["eager"].to_list() == [None, None, None, 3.0, 4.0, 5.0]


@pytest.mark.usefixtures("table")
def test_a_feature_that_reads_further_than_it_says_stays_within_its_stretch() -> None:
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

    with pytest.raises(ConfigError, match=r"features: a feature cannot be computed from these bars: .*closing_price"):
        build(hours(3), ["mistaken"])


def test_bars_without_an_optional_column_are_refused() -> None:
    with pytest.raises(ConfigError, match="features: taker_imbalance needs taker_buy_volume, which these bars lack"):
        build(hours(3), ["taker_imbalance"])


def test_features_come_without_torch() -> None:
    code = "import sys, features.pipeline, features.plugins; print('torch' in sys.modules)"
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "False"
