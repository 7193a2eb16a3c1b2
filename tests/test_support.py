"""The tests' own tools: which cases are slow, how many examples are tried, and what is computed once for a session."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings

from tests.support.run_cache import VARIABLE, tables_once
from tests.support.selection import PROFILES, examples, quick_or_slow


def test_cases_that_are_not_named_are_slow_and_none_is_lost() -> None:
    chosen = quick_or_slow(["a", "b", "c"], ["b"])
    assert [parameter.values for parameter in chosen] == [("a",), ("b",), ("c",)]
    assert [[mark.name for mark in parameter.marks] for parameter in chosen] == [["slow"], [], ["slow"]]


def test_a_quick_case_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="expected names of cases, got \\['d'\\]"):
        quick_or_slow(["a"], ["a", "d"])


def test_a_quick_session_tries_a_share_of_the_examples() -> None:
    now = settings().max_examples
    assert now in PROFILES.values()
    assert examples(40).max_examples == 40 * now // 100
    assert examples(1).max_examples == 5


def test_tables_are_computed_once_for_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    calls = []

    def compute() -> dict[str, pl.DataFrame]:
        calls.append("called")
        return {"a.parquet": pl.DataFrame({"x": [1.0, None]}), "b.parquet": pl.DataFrame({"y": ["z"]})}

    first, second = tables_once("key", compute), tables_once("key", compute)
    assert len(calls) == 1
    assert first.keys() == second.keys() == {"a.parquet", "b.parquet"}
    assert all(first[name].equals(second[name]) and first[name].equals(compute()[name]) for name in first)
    tables_once("other", compute)
    assert len(calls) == 4


def test_tables_are_computed_each_time_outside_of_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    assert tables_once("key", lambda: {"a": pl.DataFrame({"x": [1]})})["a"]["x"].to_list() == [1]
    assert tables_once("key", lambda: {"a": pl.DataFrame({"x": [2]})})["a"]["x"].to_list() == [2]
