"""The level of availability covers every series that settings name: each is planted with a lie, and each is caught."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from backtest.audit.audited_walk import AuditedWalk
from backtest.audit.availability import SeriesReads, check_publication, check_stamps
from backtest.audit.features import Effort, check_features
from backtest.audit.levels import audit_walk
from backtest.audit.recompute import Series
from backtest.data.records.audit import Leak
from tests.support.outside_series import CASES, settings_of
from tests.support.planting import walk
from tests.support.selection import quick_or_slow


def found(planted: AuditedWalk) -> list[Leak]:
    """What the level finds of the series of a walk."""
    computation = planted.computation(planted.bars)
    reads = SeriesReads(
        computation, planted.external, lambda series: planted.table(planted.bars, series), planted.interval
    )
    return [*check_stamps(planted.external), *check_publication(reads, 6).leaks.values()]


@pytest.mark.parametrize("name", quick_or_slow(CASES, ["funding", "vix"]))
def test_a_series_that_is_read_at_its_time_is_caught(name: str, tmp_path: Path) -> None:
    clean = walk(tmp_path, **settings_of(tmp_path, name))
    column = f"series.{name}.{CASES[name][1]}"
    assert found(clean) == []

    def at_its_time(bars: pl.DataFrame, series: Series) -> pl.DataFrame:
        """FEATURES as if every value were known at the instant that it is about, its milliseconds left out."""
        return clean.features(bars, {name: series[name].with_columns(known_at=pl.col("time").dt.truncate("1m"))})

    table = at_its_time(clean.bars, clean.external)
    early = replace(clean, plan=replace(clean.plan, features=table, rows=clean.rows(table)), features=at_its_time)
    (leak,) = found(early)
    assert (leak.code, leak.subject.name, leak.names) == ("read_before_publication", column, (name,))


@pytest.mark.parametrize("name", quick_or_slow(CASES, ["funding", "vix"]))
def test_a_file_that_claims_to_have_known_a_value_before_its_time_is_caught(name: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, name)
    clean = walk(tmp_path, **settings).external[name]
    lying = clean.with_columns(said=pl.col("time").dt.offset_by("-5h")).drop("known_at", "expires", strict=False)
    lying.write_parquet(tmp_path / "lying.parquet")
    told = {**settings["series"][name], "file": str(tmp_path / "lying.parquet"), "time": "time", "known_at": "said"}
    planted = walk(tmp_path, **{**settings, "series": {name: {**told, "delay": "0s", "columns": [CASES[name][1]]}}})
    leaks = [leak for leak in found(planted) if leak.code == "stamped_early"]
    assert [(leak.subject.name, leak.numbers["count"]) for leak in leaks] == [(name, clean.height)]


@pytest.mark.slow
def test_a_walk_with_every_kind_of_series_passes_all_levels(tmp_path: Path) -> None:
    audited = audit_walk(walk(tmp_path, **settings_of(tmp_path, *CASES)), "full")
    assert audited.leaks == ()
    assert [level.state for level in audited.levels] == ["passed"] * 5
    assert audited.levels[2].checked["series"] == len(CASES)


def test_a_series_that_expires_is_no_file_that_was_not_declared(tmp_path: Path) -> None:
    clean = walk(tmp_path, **settings_of(tmp_path, "funding"))
    search = check_features(clean.computation(clean.bars), {}, Effort(cuts=2, grids=0))
    assert (search.conclusive, search.notes) == (True, [])
