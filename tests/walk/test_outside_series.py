"""Tests of walks with outside series that settings name: which value a bar knew, what a file changes, what is told."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.data.errors import ConfigError
from backtest.data.json_io import from_json
from backtest.data.reading.bars import load_bars
from backtest.data.reading.synthetic import START
from backtest.data.records.manifest import DataCard
from backtest.features.catalog import resolve
from backtest.features.pipeline import build as build_features
from backtest.reports.sections.method import of_series
from backtest.walk.config_file import LoadedConfig, all_settings, build, load, parse
from backtest.walk.manifest import data_card
from backtest.walk.plan import WalkPlan, plan_walk
from backtest.walk.sources import outside_series
from tests.support.places import needs_shared, shared
from tests.support.selection import examples
from tests.support.small_run import small

HOUR = timedelta(hours=1)
FUNDING = {"delay": "1m", "max_age": "9h"}
READS = {"models": ["ridge"], "features": ["log_return", "series.funding.rate", "zscore_24.funding.rate"]}


def rates(n: int = 113, seed: int = 0, jitter: bool = True) -> pl.DataFrame:
    """A rate every eight hours from the first bar on, stamped up to 47 ms late."""
    rng = np.random.default_rng(seed)
    late = rng.integers(0, 48, n) if jitter else np.zeros(n, dtype=int)
    times = [START + timedelta(hours=8 * place, milliseconds=int(one)) for place, one in enumerate(late)]
    return pl.DataFrame({"time": times, "rate": rng.normal(size=n)})


def planned(folder: Path, frame: pl.DataFrame, **settings: Any) -> WalkPlan:
    """A small walk that reads a funding rate from a file."""
    file = folder / "rates.parquet"
    frame.write_parquet(file)
    return small(**{**READS, "series": {"funding": {"file": str(file), **FUNDING}}, **settings})


def test_a_rate_counts_from_the_first_close_after_it_was_known_until_it_is_too_old(tmp_path: Path) -> None:
    frame = rates()
    lost = frame.filter(pl.int_range(pl.len()) != 5)  # the sixth rate was never published
    read = planned(tmp_path, lost).features["series.funding.rate"].to_list()
    rate = frame["rate"].to_list()
    assert read[:9] == [rate[0]] * 8 + [rate[1]], "bar 7 closes at 08:00, a minute before the second rate is known"
    assert read[32:48] == [rate[4]] * 9 + [None] * 7, "nine hours after 32:01, at the close of 42:00, it is too old"
    assert read[48] == rate[6]


def test_what_the_file_holds_tells_tasks_and_trials_apart_and_its_place_does_not(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    first, same = planned(tmp_path, rates()), planned(tmp_path / "elsewhere", rates())
    other = planned(tmp_path, rates(seed=1))
    later = planned(tmp_path, rates().with_columns(pl.when(pl.int_range(pl.len()) < 112).then("rate").otherwise(9.0)))
    keys = [[task.key for task in plan.tasks] for plan in (first, same, other, later)]
    assert keys[0] == keys[1]
    assert not {*keys[0]} & {*keys[2]}
    shared_keys = {*keys[0]} & {*keys[3]}
    assert 0 < len(shared_keys) < len(keys[0]), "a change at the end leaves the earlier folds as they are"
    assert first.trial == same.trial
    assert first.dataset.external_sums == same.dataset.external_sums != other.dataset.external_sums
    assert len({first.trial, other.trial, later.trial}) == 3
    assert first.config.digest != small(**{**READS, "features": ["log_return"]}).config.digest


def test_the_data_card_tells_what_a_series_is_and_how_late_it_was_known(tmp_path: Path) -> None:
    gone = rates().with_columns(rate=pl.when(pl.int_range(pl.len()) != 50).then("rate"), basis=pl.lit(1.0))
    made = planned(tmp_path, gone.slice(2), features=["log_return", "series.funding.rate"])
    read = from_json(DataCard, json.dumps(data_card(made)), name="manifest", remedy="")
    (card,) = read.series
    assert (card.name, card.source, card.columns) == ("funding", "rates.parquet", ("rate", "basis"))
    assert (card.rows, card.missing, card.sha256) == (111, 1, made.dataset.external_sums["funding"])
    assert (card.median_lag_seconds, card.longest_lag_seconds) == (60.0, 60.0)
    assert (card.bars_before, card.bars_without) == (16, 16 + 8)
    text = of_series(card, read.bars).replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith("rate and basis of rates.parquet, 111 rows from 2020-01-01 to 2020-02-07; 1 value missing; ")
    assert "known 1 min after their time at the median, 1 min at most; " in text
    assert "at the close of 24 of 900 bars a value is missing, 16 of them before its first" in text


def test_a_level_of_a_series_in_a_file_is_forecast(tmp_path: Path) -> None:
    hourly = pl.DataFrame({"time": [START + HOUR * place for place in range(950)], "x": np.arange(950.0)})
    hourly.write_parquet(tmp_path / "x.parquet")
    tree = {"series": {"mine": {"file": str(tmp_path / "x.parquet"), "delay": "0s"}}, "features": ["change_1.mine.x"]}
    made = small(**tree, models=["zero"], target={"kind": "series.mine.x"})
    assert made.features["y_series.mine.x_1"].drop_nulls().unique().to_list() == [1.0]


PUBLISHED = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.floats(-1, 1)), min_size=1, max_size=30)


@given(PUBLISHED, st.integers(0, 40))
@examples(60)
def test_a_later_vintage_never_moves_an_earlier_input(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, float]], close: int
) -> None:
    """Figures published up to a close, and the same with every later revision: the inputs up to it are the same."""
    about = {(time, time + late): value for time, late, value in rows}
    vintages = pl.DataFrame(
        [(START + HOUR * time, START + HOUR * at, value) for (time, at), value in about.items()],
        {"date": pl.Datetime("us", "UTC"), "realtime_start": pl.Datetime("us", "UTC"), "value": pl.Float64},
        orient="row",
    )
    folder, bars = tmp_path_factory.mktemp("vintages"), load_bars("synthetic:n=60")

    def inputs(frame: pl.DataFrame) -> pl.DataFrame:
        """FEATURES of bars that close up to then, from the vintages of a file."""
        frame.write_parquet(folder / "cpi.parquet")
        tree = {
            "series": {
                "cpi": {"file": "cpi.parquet", "time": "date", "known_at": "realtime_start", "columns": ["value"]}
            }
        }
        read = outside_series(build(tree, where="x"), folder, HOUR)["cpi"]()
        made = build_features(bars, ["series.cpi.value", "change_3.cpi.value"], kind=None, external={"cpi": read})
        return made.filter(pl.col("known_at") <= START + HOUR * close).drop("target_time")

    earlier = vintages.filter(pl.col("realtime_start") <= START + HOUR * close)
    assert inputs(vintages).equals(inputs(earlier))


def test_a_file_is_looked_up_beside_the_settings_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    rates(3).write_parquet("both.parquet")
    rates(2).write_parquet(tmp_path / "both.parquet")
    rates(4).write_parquet("here.parquet")
    lines = [f'[series.{name}]\nfile = "{name}.parquet"\ndelay = "1m"\n' for name in ("both", "here")]
    (tmp_path / "my.toml").write_text("".join(lines), "utf-8")
    loaded = load(str(tmp_path / "my.toml"), settings=["series.both.columns=rate", "series.here.max_age=9h"])
    sources = outside_series(loaded.config, loaded.config_dir, HOUR)
    assert {name: read().height for name, read in sources.items()} == {"both": 2, "here": 4}
    assert loaded.config.series["both"].columns == ("rate",)
    assert build(loaded.config.model_dump(by_alias=True), where="x") == loaded.config
    assert "series.NAME.file" in all_settings()


def test_every_recipe_of_the_page_is_settings_that_resolve() -> None:
    page = (Path(__file__).parents[2] / "docs" / "outside.md").read_text("utf-8")
    recipes = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    configs = [build(parse(text, where="x"), where="x") for text in recipes]
    assert len(configs) == 9
    for config in configs:
        read = {name for one in resolve(config.features) for name in one.outside}
        assert read == {*config.series, *config.context.symbols}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (
            {"file": "x"},
            r"series\.cpi: must be told when a value was known \(got neither known_at nor delay\): name the",
        ),
        ({"delay": "1m"}, r"series\.cpi\.file: expected a value \(got none\)"),
        (
            {"file": "x", "delay": "soon"},
            r"series\.cpi\.delay: must be a length of time, such as 1m or 9h \(got 'soon'\)",
        ),
        ({"file": "x", "delay": "1m", "max_age": "0s"}, r"series\.cpi\.max_age: must be a length of time"),
        (
            {"file": "x", "known": "y", "delay": "1m"},
            r"series\.cpi\.known: unknown setting: did you mean series\.cpi\.known_at\?",
        ),
        ({"file": "x", "delay": "1m", "columns": []}, r"series\.cpi\.columns: expected a list of at least 1"),
    ],
)
def test_settings_of_a_series_that_cannot_be_used_are_refused(tree: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"x: {message}"):
        build({"series": {"cpi": tree}}, where="x")


def test_a_name_with_a_dot_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"x: series\.us\.cpi: must be a name of letters, digits and .*'us\.cpi'"):
        build({"series": {"us.cpi": {"file": "x", "delay": "1m"}}}, where="x")


@needs_shared
def test_real_funding_is_known_a_minute_after_it_was_stamped() -> None:
    tree: dict[str, Any] = {
        "data": {"source": str(shared("data", "btcusdt_spot_1h_klines12_2022_2024.parquet"))},
        "series": {
            "funding": {
                "file": str(shared("data", "btcusdt_perp_funding_8h.parquet")),
                "time": "raw_ts",
                "columns": ["funding_rate"],
                **FUNDING,
            },
            "flow": {
                "file": str(shared("data", "btcusdt_spot_1h_klines12_2022_2024.parquet")),
                "delay": "1h",
                "columns": ["taker_buy_base", "volume"],
            },
        },
        "features": ["log_return", "series.funding.funding_rate", "series.flow.taker_buy_base"],
        "models": ["ridge"],
        "folds": {"first_train": 15_000, "validation": 2_000, "test": 4_000},
    }
    made = plan_walk(LoadedConfig(build(tree, where="x"), None)).features
    funding = pl.read_parquet(shared("data", "btcusdt_perp_funding_8h.parquet"))
    late = made.select(time=pl.col("time").dt.offset_by("-0m"), read="series.funding.funding_rate").join(
        funding.select(time=pl.col("ts").cast(made.schema["time"]), paid="funding_rate"), on="time"
    )
    assert late.height > 2_700
    assert late["read"].equals(late["paid"], check_names=False), "the bar that opens at the payment closes after it"
    assert (
        made["series.flow.taker_buy_base"].to_list()
        == pl.read_parquet(tree["data"]["source"])["taker_buy_base"].to_list()
    )
