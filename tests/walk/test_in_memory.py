"""The walk without a run folder is the walk with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backtest.data.schema import FORECASTS, check
from backtest.walk.in_memory import walk_in_memory
from tests.support.small_run import small, walk


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="cold"),
        pytest.param({"train": {"start": "warm"}, "folds": {"refit_every": 2}, "models": ["gru"]}, id="warm"),
    ],
)
def test_the_walk_in_memory_is_that_of_a_run_folder_to_the_bit(tmp_path: Path, settings: dict[str, Any]) -> None:
    prepared = small(**settings)
    walk(tmp_path, prepared=prepared)
    in_memory = check(walk_in_memory(prepared), FORECASTS)
    assert_frame_equal(in_memory, pl.read_parquet(tmp_path / "forecasts.parquet"), check_exact=True)
