"""Tests of datasets: from a file or a frame the same bars and errors, and nothing computed twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backtest.audit.levels import find_or_make_audit
from backtest.data import sessions
from backtest.data.dataset import Dataset
from backtest.data.errors import ConfigError, DataError, MissingValue, WrongSchema
from backtest.data.reading import bars as reading_bars
from backtest.data.reading import synthetic
from backtest.data.reading.bars import digest
from backtest.features import catalog, pipeline
from backtest.walk import plan
from tests.support.small_run import Silent, small, walk

BARS = synthetic.make_bars(60, symbol="ABC")
HOUR = timedelta(hours=1)


def in_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """Return the frame as pandas users have it, without pyarrow."""
    columns = {name: frame[name].to_list() for name in frame.columns}
    return pd.DataFrame(columns)


def indexed(frame: pl.DataFrame) -> pd.DataFrame:
    """Return the frame with its times as the index and capital letters, as many downloads have it."""
    return in_pandas(frame).set_index("time").rename(columns=str.capitalize)


FRAMES: dict[str, Callable[[pl.DataFrame], Any]] = {
    "polars": lambda frame: frame,
    "pandas with a time column": in_pandas,
    "pandas with a DatetimeIndex": indexed,
    "pandas with texts": lambda frame: in_pandas(frame).assign(time=[f"{time}" for time in frame["time"]]),
    "pandas with nullable numbers": lambda frame: in_pandas(frame).convert_dtypes(),
}


@pytest.mark.parametrize("convert", FRAMES.values(), ids=FRAMES)
def test_a_frame_gives_the_dataset_of_a_file(convert: Callable[[pl.DataFrame], Any], tmp_path: Path) -> None:
    BARS.write_parquet(tmp_path / "abc.parquet")
    file, frame = Dataset.from_source(tmp_path / "abc.parquet"), Dataset.from_frame(convert(BARS))
    assert_frame_equal(frame.bars, file.bars, check_exact=True)
    assert (frame.sha256, frame.interval, frame.always_open) == (file.sha256, file.interval, file.always_open)
    assert frame.sha256 == digest(BARS)
    assert (frame.source, file.source) == ("data frame", str(tmp_path / "abc.parquet"))
    assert (frame.start, frame.end) == (BARS["time"][0], BARS["time"][-1] + HOUR)


def test_days_without_a_zone_are_sessions_as_in_a_file() -> None:
    days = pd.date_range("2024-01-01", periods=40, freq="B")
    prices = dict.fromkeys(("Open", "High", "Low", "Close"), 100.0) | {"Volume": 5}
    dataset = Dataset.from_frame(pd.DataFrame(prices, index=days), "XYZ")
    assert (dataset.symbols, dataset.interval, dataset.always_open) == (["XYZ"], timedelta(days=1), False)
    assert dataset.bars["volume"].dtype == pl.Float64


def broken(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return frames that no run may be made of, by what is wrong."""
    rows = pl.int_range(pl.len())
    return {
        "null": frame.with_columns(close=pl.when(rows != 3).then("close")),
        "negative": frame.with_columns(low=pl.when(rows != 3).then("low").otherwise(-1.0)),
        "high below low": frame.with_columns(high=pl.col("low") / 2),
        "twice": pl.concat([frame, frame.tail(1)]),
        "unsorted": frame.reverse(),
        "no volume": frame.drop("volume"),
        "clock times": frame.with_columns(pl.col("time").dt.replace_time_zone(None)),
        "one bar": frame.head(1),
    }


@pytest.mark.parametrize("convert", [FRAMES["polars"], FRAMES["pandas with a time column"]], ids=["polars", "pandas"])
@pytest.mark.parametrize("fault", broken(BARS))
def test_errors_of_a_frame_equal_those_of_a_file(
    fault: str, convert: Callable[[pl.DataFrame], Any], tmp_path: Path
) -> None:
    path = tmp_path / "abc.parquet"
    frame = broken(BARS)[fault]
    frame.write_parquet(path)
    with pytest.raises(DataError, match="abc") as of_file:
        Dataset.from_source(path)
    with pytest.raises(type(of_file.value), match="data frame") as of_frame:
        Dataset.from_frame(convert(frame))
    assert str(of_frame.value) == str(of_file.value).replace(str(path), "data frame")


def test_missing_numbers_of_pandas_are_missing_values() -> None:
    frame = in_pandas(BARS)
    frame.loc[4, "close"] = float("nan")
    with pytest.raises(MissingValue, match=r"data frame: close: .* first in row 5"):
        Dataset.from_frame(frame)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ([1, 2], r"data frame: expected a polars or pandas DataFrame of bars \(got list\)"),
        (BARS.lazy(), r"\(got LazyFrame\)"),
        (in_pandas(BARS)["close"], r"\(got Series\)"),
        (BARS.with_columns(Close=1), "data frame: expected each column once"),
        (pd.concat([in_pandas(BARS), in_pandas(BARS)[["close"]]], axis=1), "data frame: expected each column once"),
    ],
    ids=["list", "lazy", "series", "two names", "twice"],
)
def test_what_is_no_frame_of_bars_is_refused(frame: object, message: str) -> None:
    with pytest.raises(WrongSchema, match=message):
        Dataset.from_frame(frame)


def test_a_frame_without_symbol_takes_the_given_one() -> None:
    assert Dataset.from_frame(BARS.drop("symbol")).symbols == ["series"]
    assert Dataset.from_frame(BARS.drop("symbol"), "mine").symbols == ["mine"]
    assert Dataset.from_frame(BARS, "abc").symbols == ["ABC"]


def test_another_interval_than_the_one_asked_for_is_refused() -> None:
    assert Dataset.from_frame(BARS, interval="1h").interval == HOUR
    with pytest.raises(ConfigError, match=r"data\.interval: expected bars of 4h \(got 1h in data frame\)"):
        Dataset.from_frame(BARS, interval="4h")


def test_a_plan_over_a_given_dataset_is_that_of_its_source() -> None:
    of_source = small()
    given = plan.plan_walk(of_source.loaded, Dataset.from_frame(of_source.dataset.bars))
    assert [task.key for task in given.tasks] == [task.key for task in of_source.tasks]
    assert given.config.data.source == "data frame"
    assert given.trial == of_source.trial


def test_a_whole_run_digests_searches_and_resolves_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Counter[str]()

    def count(module: object, name: str, what: str) -> None:
        original = getattr(module, name)

        def counted(*given: Any, **named: Any) -> Any:
            calls[what] += 1
            return original(*given, **named)

        monkeypatch.setattr(module, name, counted)

    count(reading_bars, "digest", "digest")
    count(sessions, "_holes", "search for holes")
    count(plan, "resolve", "resolve")
    count(pipeline, "resolve", "resolve")
    count(catalog, "resolve", "resolve")
    planned = small(models=["mean"])
    walk(tmp_path / "run", Silent(), planned)
    assert calls == {"digest": 1, "search for holes": 1, "resolve": 1}
    assert find_or_make_audit(planned, tmp_path / "run", "quick").passed
    assert calls["digest"] == 1
    assert calls["search for holes"] == 2, "an audit searches only the bars that it has moved in time"
