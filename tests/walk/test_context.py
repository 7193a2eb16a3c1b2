"""Tests of walks that read other assets: where their bars are, what one that starts later costs, what is audited."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.availability import SeriesReads, check_publication
from backtest.audit.recompute import Series
from backtest.data.errors import ConfigError
from backtest.walk.config_file import LoadedConfig, build
from backtest.walk.manifest import data_card
from backtest.walk.plan import WalkPlan, plan_walk
from tests.support.odd_bars import plain
from tests.support.small_run import TREE, small

FEATURES = [
    "log_return",
    {"name": "log_return", "of": "ETHUSDT"},
    {"name": "rolling_beta", "window": 12, "of": "SOLUSDT"},
]
SOL = plain(900, "SOLUSDT", seed=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Bars of three assets in three files, one of which starts later."""
    plain(900, "BTCUSDT").write_parquet(tmp_path / "btc.parquet")
    plain(900, "ETHUSDT", seed=1).write_csv(tmp_path / "eth.csv")
    SOL[150:].drop("symbol").write_parquet(tmp_path / "solusdt_1h.parquet")
    return tmp_path


def planned(folder: Path, **settings: Any) -> WalkPlan:
    """A small walk of the first with the two others as its context."""
    context = {"symbols": ["ETHUSDT", "SOLUSDT"], "sources": ["eth.csv", "solusdt_1h.parquet"]}
    tree = {**TREE, "models": ["ridge"], "features": FEATURES, "data": {"source": "btc.parquet"}, "context": context}
    return plan_walk(LoadedConfig(build({**tree, **settings}, where="x"), folder))


def test_an_asset_that_starts_later_costs_rows_which_are_counted(folder: Path) -> None:
    made = planned(folder)
    beta = made.features["rolling_beta_12_of_SOLUSDT"]
    assert beta.is_null().arg_true().to_list() == [*range(150 + 12)]
    card = data_card(made)
    assert card["rows_lost"] == 150 + 12 + 1
    eth, sol = card["series"]
    assert (eth["name"], eth["source"], eth["bars_without"]) == ("ETHUSDT", "eth.csv, solusdt_1h.parquet", 0)
    assert (sol["name"], sol["rows"], sol["bars_without"], sol["bars_before"]) == ("SOLUSDT", 750, 150, 150)
    assert (sol["median_lag_seconds"], sol["longest_lag_seconds"]) == (0.0, 0.0)


def test_other_bars_of_another_asset_are_other_tasks_and_another_trial(folder: Path) -> None:
    first = planned(folder)
    SOL[150:].with_columns(pl.col("open", "high", "low", "close") * 2).drop("symbol").write_parquet(
        folder / "solusdt_1h.parquet"
    )
    assert [task.key for task in planned(folder).tasks] == [task.key for task in first.tasks], "returns are the same"
    assert planned(folder).trial != first.trial
    plain(900, "SOLUSDT", seed=3)[150:].write_parquet(folder / "solusdt_1h.parquet")
    assert not {task.key for task in planned(folder).tasks} & {task.key for task in first.tasks}
    assert small(models=["ridge"]).config.digest == small(models=["ridge"], context={}).config.digest


def test_without_sources_the_assets_are_those_of_the_bars(folder: Path) -> None:
    pl.concat([plain(900, "BTC/USDT"), plain(900, "ETH/USDT", seed=1)]).write_parquet(folder / "both.parquet")
    settings = {"data": {"source": "both.parquet", "symbol": "BTC/USDT"}, "context": {"symbols": ["ETHUSDT"]}}
    made = planned(folder, **settings, features=FEATURES[:2])
    assert made.features["log_return_of_ETHUSDT"].null_count() == 1
    assert made.dataset.symbols == ["BTC/USDT"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"symbols": ["XRPUSDT"], "sources": ["eth.csv"]},
            r"expected bars of XRPUSDT \(got bars of ETHUSDT\): correct",
        ),
        (
            {"symbols": ["SLOW"], "sources": ["slow.csv"]},
            r"expected bars of 1h, as in data\.source \(got SLOW every 2h\)",
        ),
        ({"sources": ["eth.csv"]}, r"context\.sources: must come with context\.symbols"),
        ({"symbols": ["BRK.B"]}, r"context\.symbols: must be names of letters, .* \(got BRK\.B\)"),
        ({"symbols": ["A", "A"]}, r"context\.symbols: must name each asset once \(got A, A\)"),
    ],
)
def test_a_context_that_cannot_be_used_is_refused(folder: Path, settings: dict[str, Any], message: str) -> None:
    plain(300, "SLOW", interval="2h").write_csv(folder / "slow.csv")
    features = [{"name": "log_return", "of": name} for name in settings.get("symbols", ["A"])]
    with pytest.raises(ConfigError, match=message):
        planned(folder, context=settings, features=features)


def test_one_instrument_and_several_cannot_both_be_chosen() -> None:
    with pytest.raises(ConfigError, match=r"data\.symbol: must be left out beside data\.symbols \(got A\)"):
        build({"data": {"symbol": "A", "symbols": ["A", "B"]}}, where="x")
    assert build({"data": {"symbols": ["A", "B"]}}, where="x").data.chosen == ("A", "B")


def test_a_series_may_not_have_the_name_of_an_asset() -> None:
    tree = {"series": {"ETH": {"file": "x", "delay": "1m"}}, "context": {"symbols": ["ETH"]}}
    with pytest.raises(ConfigError, match=r"series: must have other names than context\.symbols \(got ETH in both\)"):
        build(tree, where="x")


def test_bars_of_another_asset_that_are_read_at_their_open_are_caught(folder: Path) -> None:
    clean = AuditedWalk.of(planned(folder, features=FEATURES[:2]))

    def at_the_open(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
        """FEATURES as if the bars of other assets were known at their opens."""
        early = pl.col("known_at", "expires").dt.offset_by("-1h")
        return clean.features(bars, {name: frame.with_columns(early) for name, frame in series.items()})

    table = at_the_open(clean.bars, clean.external)
    planted = replace(clean, plan=replace(clean.plan, features=table, rows=clean.rows(table)), features=at_the_open)
    assert leaking_of(clean) == set()
    assert leaking_of(planted) == {"log_return_of_ETHUSDT"}


def leaking_of(walk: AuditedWalk) -> set[str]:
    """Columns of a walk that read series before they were known."""
    computation = walk.computation(walk.bars)
    reads = SeriesReads(computation, walk.external, lambda series: walk.table(walk.bars, series), walk.interval)
    return {*check_publication(reads, 2).leaks}
