"""What the report says of the settings that tuning chose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from backtest.data.records.manifest import TuningCost
from backtest.reports.blocks import Heading, Table, Text
from backtest.reports.run import RunResult, read
from backtest.reports.sections.tuning import tuning
from backtest.reports.validation import check_tables
from tests.support.candidates import altered
from tests.support.fake_run import Plan, make


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return read(make(tmp_path_factory.mktemp("tuning"), Plan(folds=3, test=84)))


def with_choices(result: RunResult, *, worst: float = 2.0) -> RunResult:
    """Return the same run with a tuned LSTM, whose seed 2 chooses otherwise in fold 1."""
    fits = result.tables["fits"]
    is_tuned = pl.col("model") == "lstm"
    other = (pl.col("seed") == 2) & (pl.col("fold") == 1)
    fits = fits.with_columns(
        chosen=pl.when(is_tuned).then(pl.when(other).then(pl.lit("hidden = 16")).otherwise(pl.lit("hidden = 64"))),
        candidates=pl.when(is_tuned).then(pl.lit(2, pl.Int64)),
        chosen_loss=pl.when(is_tuned).then(1.5),
        worst_loss=pl.when(is_tuned).then(worst),
    )
    manifest = replace(result.manifest, tuning=TuningCost(18, 90.0))
    return altered(result, tables={**result.tables, "fits": fits}, manifest=manifest)


def test_choices_are_told_by_fold_with_what_they_cost(result: RunResult) -> None:
    tuned = with_choices(result)
    check_tables(Path("run"), tuned.tables, tuned.question)
    heading, text, table = tuning(tuned)
    assert isinstance(heading, Heading)
    assert isinstance(text, Text)
    assert isinstance(table, Table)
    assert heading.finding == "For LSTM, hidden = 64 was chosen in 8 of 9 fits"
    assert "18 fits took 1 min 30 s" in text.text.replace("\N{NO-BREAK SPACE}", " ")
    assert [tuple(cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row) for row in table.rows] == [
        ("LSTM", "hidden = 64", "0", "2", "25.0 %"),
        ("LSTM", "hidden = 64 (2); hidden = 16 (1)", "1", "2", "25.0 %"),
        ("LSTM", "hidden = 64", "2", "2", "25.0 %"),
    ]


def test_a_loss_of_zero_has_no_gain(result: RunResult) -> None:
    *_, table = tuning(with_choices(result, worst=0.0))
    assert isinstance(table, Table)
    assert {row[-1] for row in table.rows} == {"–"}


def test_nothing_is_said_where_nothing_is_tuned(result: RunResult) -> None:
    assert tuning(result) == ()
