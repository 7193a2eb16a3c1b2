"""Tests of what the report says of inputs and forecasts outside of the training range."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from backtest.data.errors import RunError
from backtest.data.result_tables import RANGES
from backtest.reports.blocks import Heading, Table, Text
from backtest.reports.run import RunResult, read
from backtest.reports.sections.ranges import NO_FORECAST, REPLACED, ranges
from backtest.reports.validation import check_tables
from tests.support.candidates import altered
from tests.support.fake_run import Plan, make

PLAN = Plan(folds=3, test=84)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return read(make(tmp_path_factory.mktemp("ranges"), PLAN))


def with_ranges(result: RunResult, frame: pl.DataFrame) -> RunResult:
    """Return the same run with other RANGES."""
    return altered(result, tables={**result.tables, "ranges": frame})


def test_the_worst_input_and_fold_are_named(result: RunResult) -> None:
    heading, text, table = ranges(result)
    assert isinstance(heading, Heading)
    assert isinstance(text, Text)
    assert isinstance(table, Table)
    assert (
        heading.finding
        == "rolling_std_24 was outside of its training range in 25\N{NO-BREAK SPACE}% of the forecasts of fold 2"
    )
    (row,) = table.rows
    assert [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row] == [
        *("rolling_std_24", "21", "8.3 %", "2", "25.0 %", "0.004 to 0.03", "0.004 to 0.05")
    ]
    assert NO_FORECAST in text.text


def test_forecasts_outside_are_listed_by_model(result: RunResult) -> None:
    frame = result.tables["ranges"].with_columns(
        outside=pl.when(model="naive", fold=1).then(3).otherwise("outside").cast(pl.Int64)
    )
    _, text, table = ranges(with_ranges(result, frame))
    assert isinstance(text, Text)
    assert isinstance(table, Table)
    assert NO_FORECAST not in text.text
    assert [(group.label, [row[0] for row in group.rows]) for group in table.groups] == [
        ("Inputs", ["rolling_std_24"]),
        ("Forecasts, against the outcomes of training", ["naive"]),
    ]


def test_replaced_forecasts_are_counted(result: RunResult) -> None:
    made = result.tables["ranges"].with_columns(replaced=pl.when(pl.col("model").is_not_null()).then(0).cast(pl.Int64))
    _, text, table = ranges(with_ranges(result, made))
    assert isinstance(text, Text)
    assert "No forecast was replaced: above the largest variance" in text.text
    replaced = pl.when(model="naive", fold=1).then(2).when(model="naive", fold=2).then(5).otherwise("replaced")
    _, text, table = ranges(with_ranges(result, made.with_columns(replaced=replaced.cast(pl.Int64))))
    assert isinstance(text, Text)
    assert isinstance(table, Table)
    n = made.filter(pl.col("model").is_not_null())["n"].sum()
    assert f"7 of {n:,} forecasts were replaced" in text.text.replace("\N{NARROW NO-BREAK SPACE}", ",")
    place = table.columns.index(REPLACED)
    assert [[row[0], row[place]] for row in table.rows] == [["rolling_std_24", ""], ["naive", "7"]]


def test_nothing_outside_is_said_without_a_table(result: RunResult) -> None:
    blocks = ranges(with_ranges(result, result.tables["ranges"].with_columns(outside=pl.lit(0, pl.Int64))))
    assert [type(block) for block in blocks] == [Heading, Text]
    assert isinstance(blocks[0], Heading)
    assert blocks[0].finding == "Every input of the test periods was within the range that training had seen"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"model": pl.lit("naive")}, "a feature or a model in every row"),
        ({"horizon": pl.lit(1, pl.Int32)}, "a horizon for the forecasts of a model"),
        ({"outside": pl.lit(10_000, pl.Int64)}, "outside to be from 0 to n"),
        ({"replaced": pl.lit(-1, pl.Int64)}, "replaced to be from 0 to n"),
        ({"low": pl.lit(9.0)}, "low to be at most high"),
    ],
)
def test_impossible_ranges_are_refused(
    result: RunResult, change: dict[str, pl.Expr], expected: str, tmp_path: Path
) -> None:
    wrong = result.tables["ranges"].with_columns(**change)
    assert wrong.schema == pl.Schema(RANGES.dtypes)
    with pytest.raises(RunError, match=expected):
        check_tables(tmp_path, {**result.tables, "ranges": wrong}, result.question)
