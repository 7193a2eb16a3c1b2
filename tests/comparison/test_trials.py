"""A comparison is a trial of its own, with the tests that its runs had not made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from backtest.comparison.compare import compare, compare_runs
from backtest.comparison.runs import read_runs
from backtest.data.records.verdict import Verdict
from backtest.verdict.ledger import LEDGER, read, same, user_ledger
from tests.support.compared_runs import FEW, forecasts_of, rewrite, two

pytestmark = pytest.mark.integration


def test_a_comparison_is_a_trial_and_the_same_again_is_none(tmp_path: Path) -> None:
    runs = two(tmp_path / "runs", FEW, replace(FEW, signal=0.2))
    places = [compare_runs(runs, tmp_path / "found" / f"compared {number}") for number in range(2)]
    verdict, repeated = (Verdict.from_json((place / "verdict.json").read_text()) for place in places)
    assert (verdict.configurations, repeated.configurations) == (2, 2)
    for path in (tmp_path / "found" / LEDGER, user_ledger()):
        first, again = read(path).trials
        assert first.question == verdict.question.code
        assert (first.status, first.alpha) == (verdict.status, verdict.alpha)
        assert same(first, again)
    other = compare_runs(two(tmp_path / "others", FEW, replace(FEW, signal=0.3)), tmp_path / "other")
    assert Verdict.from_json((other / "verdict.json").read_text()).configurations == 3


@pytest.mark.slow
def test_a_comparison_enters_only_tests_that_its_runs_had_not_made(tmp_path: Path) -> None:
    plan = replace(FEW, folds=5)
    runs = read_runs(two(tmp_path, plan, replace(plan, signal=0.2)))
    assert compare(runs).trial.p_values == {}
    late = rewrite(runs_at(tmp_path)[0], forecasts_of(runs_at(tmp_path)[0]).filter(pl.col("fold") > 0))
    found = compare(read_runs((late, runs_at(tmp_path)[1]))).trial
    assert set(found.p_values) >= {"cold:lstm@1", "warm:lstm@1"}
    assert found.losses is not None


def runs_at(folder: Path) -> tuple[Path, ...]:
    """The folders that `two` wrote."""
    return tuple(folder / name for name in ("cold", "warm"))
