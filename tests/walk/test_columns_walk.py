"""Tests of walks over a file of realised measures without prices: nothing pretends that there are any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from backtest.arguments import plan_of
from backtest.audit.assertion import assert_causal
from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.levels import audit_walk
from backtest.data.errors import ConfigError, LeakError, NotFinite, WrongSchema
from backtest.data.reading.bars import inspect_bars, load_bars
from backtest.models import model
from backtest.models.baselines import Mean
from backtest.models.windows import Floats, Windows
from backtest.reports import read
from backtest.reports.sections.method import data_card, method
from backtest.walk.engine import walk_in_memory
from backtest.walk.plan import WalkPlan
from tests.support.small_run import small, walk


def measures(n: int = 700) -> pl.DataFrame:
    """Realised variances of weekdays that depend on those before, and their quarticities."""
    days = [datetime(2015, 1, 5, tzinfo=UTC) + timedelta(days=day) for day in range(2 * n)]
    weekdays = [day.date() for day in days if day.weekday() < 5][:n]
    rng, logs = np.random.default_rng(0), np.zeros(n)
    for place in range(1, n):
        logs[place] = 0.9 * logs[place - 1] + 0.4 * rng.normal()
    variance = np.exp(logs)
    return pl.DataFrame({"date": weekdays, "RV": variance, "RQ": variance**2 * 2, "note": ["x"] * n})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The measures as a file."""
    measures().write_parquet(tmp_path / "index.parquet")
    return tmp_path / "index.parquet"


def plan(file: Path, **settings: Any) -> WalkPlan:
    """A walk over the file."""
    tables: dict[str, Any] = {
        "models": ["har", "ridge"],
        "features": [{"name": "log_mean", "window": window, "column": "RV"} for window in (1, 5)],
        "data": {"source": str(file)},
        "target": {"kind": "log_variance.RV", "quarticity": "RQ"},
        "folds": {"first_train": 300, "validation": 80, "test": 100},
        "net": {"window": 22},
    }
    return small(**{**tables, **settings})


def test_a_file_without_prices_is_walked_and_reported(file: Path, tmp_path: Path) -> None:
    made, raw = plan(file), measures()
    assert made.dataset.bars.columns == ["symbol", "time", "realised_quarticity", "rv"]
    assert made.features["bar_variance"].to_list() == raw["RV"].to_list()
    assert made.features["bar_quarticity"].to_list() == raw["RQ"].to_list()
    assert made.rows.quarticities is not None
    assert made.rows.quarticities.tolist() == raw["RQ"].to_list()
    assert made.features["y_log_variance.rv_1"].to_list() == [*raw["RV"].to_list()[1:], None]
    assert made.features["bar_return"].null_count() == raw.height
    assert made.features["log_mean_5.rv"][10] == pytest.approx(np.log(raw["RV"].to_numpy()[6:11].mean()), rel=1e-12)
    walk(tmp_path / "run", plan=made)
    result = read(tmp_path / "run")
    card, how = repr(data_card(result)), repr(method(result))
    assert "Bars without volume" not in card
    assert "Its variance rv is the proxy" in how
    assert "is not in the file" in how


def test_capital_letters_make_no_other_trial(file: Path) -> None:
    small_letters = plan(
        file,
        features=[{"name": "log_mean", "window": window, "column": "rv"} for window in (1, 5)],
        target={"kind": "log_variance.rv", "quarticity": "rq"},
    )
    assert small_letters.config == plan(file).config
    assert small_letters.trial == plan(file).trial
    assert small_letters.dataset.sha256 == plan(file).dataset.sha256


def test_a_frame_is_taken_as_a_file_is(file: Path) -> None:
    settings = plan(file).config.model_dump(exclude_unset=True)
    del settings["data"]
    taken, read_in = plan_of(measures(), None, None, settings).features, plan(file).features
    assert taken.drop("symbol").equals(read_in.drop("symbol"))


@pytest.mark.slow
def test_the_audit_passes_and_finds_a_planted_leak(file: Path) -> None:
    assert audit_walk(AuditedWalk.of(plan(file)), "full").leaks == ()
    bars = load_bars(file, columns={"RV": "RV"})
    assert_causal({"name": "log_mean", "window": 5, "column": "RV"}, bars)
    with pytest.raises(LeakError, match=r"reads the bar of .* 1 bar ahead"):
        assert_causal(pl.col("RV").shift(-1), bars)


def test_models_that_lack_their_measures_are_refused(file: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"models: garch, gjr_garch: expected prices \(got bars without\): use a file"
    ):
        plan(file, models=["garch", "har", "gjr_garch"])
    with pytest.raises(
        ConfigError, match=r"question\.rival: garch: expected prices \(got bars without\): .*, or name another rival$"
    ):
        plan(file, question={"rival": "garch"})
    with pytest.raises(
        ConfigError, match=r"models: harq: expected the realised quarticity of each bar .*target\.quarticity"
    ):
        plan(file, models=["harq"], target={"kind": "log_variance.RV"})
    assert "harq" in plan(file, models=["harq"]).config.all_models


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"target": {"kind": "log_variance.XX"}}, WrongSchema, "expected a column xx, which the settings name"),
        ({"target": {"kind": "log_return"}, "models": ["ridge"]}, ConfigError, "target.kind: log_return needs close"),
        ({"target": {"kind": "log_variance"}}, ConfigError, "target.kind: log_variance needs close, which these bars"),
        ({"features": ["momentum_5"]}, ConfigError, "features: momentum_5 needs close, which these bars lack"),
        ({"features": ["volume_norm"]}, ConfigError, "features: volume_norm needs volume, which these bars lack"),
    ],
)
def test_what_needs_prices_is_refused(
    file: Path, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    features = [{"name": "log_mean", "window": 1, "column": "RV"}]
    with pytest.raises(error, match=message):
        plan(file, **{"features": features, **settings})


def test_a_file_without_times_is_told_that_it_lacks_them(tmp_path: Path) -> None:
    measures().rename({"date": "day"}).write_csv(tmp_path / "index.csv")
    message = r"expected a column of times or dates called time, .*_date \(got columns day, rv, rq, note\): rename or"
    with pytest.raises(WrongSchema, match=message):
        plan(tmp_path / "index.csv")


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (
            None,
            ConfigError,
            r"expected a variance of at least 0 in every row of rv \(got None at 2015-01-09 00:00, in all 1",
        ),
        (
            -0.1,
            ConfigError,
            r"expected a variance of at least 0 in every row of rv \(got -0\.1 at 2015-01-09 00:00, in all 1",
        ),
        (float("nan"), NotFinite, "rv: NaN or infinity in 1 row"),
    ],
)
def test_what_is_no_variance_is_refused(
    tmp_path: Path, value: float | None, error: type[Exception], message: str
) -> None:
    fifth = pl.int_range(pl.len()) == 4
    measures().with_columns(RV=pl.when(fifth).then(value).otherwise("RV")).write_parquet(tmp_path / "index.parquet")
    with pytest.raises(error, match=message):
        plan(tmp_path / "index.parquet")


@pytest.mark.parametrize("value", [None, -0.1])
def test_what_is_no_quarticity_is_refused(tmp_path: Path, value: float | None) -> None:
    fifth = pl.int_range(pl.len()) == 4
    measures().with_columns(RQ=pl.when(fifth).then(value).otherwise("RQ")).write_parquet(tmp_path / "index.parquet")
    with pytest.raises(
        ConfigError, match=rf"target\.quarticity: expected .* every row of rq \(got {value} at 2015-01-09"
    ):
        plan(tmp_path / "index.parquet")


def test_fits_are_kept_for_the_same_quarticities_alone(file: Path, tmp_path: Path) -> None:
    """A quarticity of one row is part of the key of every task that may read it, and of no other."""
    place = 560
    changed = pl.when(pl.int_range(pl.len()) == place).then(pl.col("RQ") * 2).otherwise("RQ")
    other = tmp_path / "other" / file.name  # the name of a file is that of its symbol
    other.parent.mkdir()
    measures().with_columns(RQ=changed).write_parquet(other)
    first, second = plan(file), plan(other)
    time = measures()["date"][place]
    for one, again in zip(first.tasks, second.tasks, strict=True):
        assert (one.key != again.key) == (one.fold.test.end.date() > time)
    assert len({one.fold.test.end.date() > time for one in first.tasks}) == 2


def test_a_model_that_reads_the_next_quarticity_is_noticed(file: Path, open_tables: None) -> None:
    @model("peeks", scale="variance")
    class ReadsTheNextQuarticity(Mean):
        def predict(self, windows: Windows) -> Floats:
            assert windows.quarticities is not None
            rows = np.minimum(windows.ends + 1, len(windows.quarticities) - 1)
            return np.asarray(1.0 + windows.quarticities[rows])

    with pytest.raises(LeakError, match=r"model peeks, fold \d: expected forecasts that depend on their own windows"):
        walk_in_memory(plan(file, models=["peeks"]))


def test_a_check_of_the_file_shows_its_columns(tmp_path: Path) -> None:
    measures().drop("note").write_parquet(tmp_path / "index.parquet")
    found = inspect_bars(tmp_path / "index.parquet")
    assert not found.problems
    assert [*found.series[0].ranges] == ["rv", "rq"]
    assert found.series[0].zero_volume is None
    assert any("rv from" in line for line in found.lines())


def test_a_column_beside_prices_is_read_too(tmp_path: Path) -> None:
    bars = load_bars("synthetic:n=900,signal=0.1").with_columns(RV=(pl.col("high") / pl.col("low")).log().pow(2))
    bars.write_parquet(tmp_path / "bars.parquet")
    made = plan(tmp_path / "bars.parquet", target={"kind": "log_variance.RV"})
    assert made.dataset.bars["rv"].equals(bars["RV"], check_names=False)
    assert made.features["bar_return"].null_count() == 1
    assert load_bars(tmp_path / "bars.parquet").equals(bars.drop("RV"))
