"""Targets: what lies ahead, when it is known, and where it is missing."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError
from backtest.data.target_columns import outcome_column
from backtest.features.pipeline import build, outcome_of
from tests.support.strategies import HOUR, bars


@given(bars(max_size=60, holes=True, symbols=2), st.integers(1, 5))
def test_the_target_is_the_return_to_the_bar_ahead_and_known_at_its_close(frame: pl.DataFrame, horizon: int) -> None:
    made = build(frame, [], horizons=[horizon], interval=HOUR)
    closes, rows = frame["close"].to_list(), made.to_dicts()
    for at, row in enumerate(rows):
        ahead = at + horizon
        y, known = row[outcome_column("log_return", horizon)], row["target_time"]
        if ahead < len(rows) and rows[ahead]["segment"] == row["segment"]:
            assert y == pytest.approx(math.log(closes[ahead] / closes[at]), rel=1e-12, abs=1e-15)
            assert known == rows[ahead]["time"] + HOUR
        else:
            assert y is None
            assert known is None


@given(bars(max_size=60, holes=True))
def test_the_target_one_bar_ahead_is_the_next_bars_return(frame: pl.DataFrame) -> None:
    made = build(frame, [], interval=HOUR)
    ahead = made.select(pl.col("bar_return").shift(-1).over("segment"))["bar_return"]
    assert made["y_log_return_1"].to_list() == ahead.to_list()


def test_unknown_kinds_and_horizons_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"target\.kind: must be one of log_return, .* \(got 'price'\)"):
        outcome_of("price", 1)
    with pytest.raises(ConfigError, match=r"target\.horizons: must be at least 1 bar \(got 0\)"):
        outcome_of("log_return", 0)
