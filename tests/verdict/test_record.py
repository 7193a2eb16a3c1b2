"""A run knows what else was tried on its bars, when it is made and when it is judged again."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from backtest.data.errors import RunError
from backtest.data.records.verdict import Verdict
from backtest.data.result_tables import RUN_TABLES
from backtest.data.run_files import VERDICT, locked, read_manifest, verify, write_bytes
from backtest.verdict import ledger
from backtest.verdict.record import judge_again
from tests.support.fake_run import Plan, make


def verdict_of(run: Path) -> Verdict:
    """The verdict in a run's folder."""
    return Verdict.from_json((run / VERDICT).read_text())


def trials(folder: Path) -> tuple[ledger.Trial, ...]:
    """What the ledger in a folder of runs holds."""
    return ledger.read(folder / ledger.LEDGER).trials


def test_every_table_is_written_and_the_run_is_entered(tmp_path: Path) -> None:
    run = make(tmp_path)
    assert {VERDICT, *(table.file for table in RUN_TABLES)} <= set(read_manifest(run)["files"])
    (trial,) = trials(tmp_path)
    tests = pl.read_parquet(run / "tests.parquet").filter(
        pl.col("fold").is_null(), test="diebold_mariano", loss="squared", baseline="zero", alternative="less"
    )
    known = dict(tests.filter(~pl.col("model").is_in(["zero", "naive"])).select("model", "p_value").iter_rows())
    assert trial.p_values == {f"{model}@1": p_value for model, p_value in known.items()}
    assert trial.status == verdict_of(run).status
    assert set(trial.sharpes) == {f"{model}@1" for model in ("mean", "ar", "ridge", "lstm", "gru")}


def test_a_second_configuration_on_the_same_bars_is_told_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make(tmp_path, Plan(seed=1)), make(tmp_path, Plan(seed=2, name="other"), "other")
    assert (verdict_of(first).configurations, verdict_of(second).configurations) == (1, 2)
    repeated = 2  # `mean` and `ar` forecast the same in both
    assert verdict_of(second).comparisons == 2 * verdict_of(first).comparisons - repeated
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another user"))
    alone = verdict_of(make(tmp_path / "elsewhere", Plan(seed=2, name="other")))
    for one, other in zip(verdict_of(second).candidates, alone.candidates, strict=True):
        assert (one.p_adjusted or 0) >= (other.p_adjusted or 0)


def test_the_same_configuration_again_and_other_bars_are_no_other_trial(tmp_path: Path) -> None:
    before = (make(tmp_path) / VERDICT).read_bytes()
    make(tmp_path, Plan(source="other bars", outcomes=1), "other")
    assert (make(tmp_path, name="again") / VERDICT).read_bytes() == before
    assert len(trials(tmp_path)) == 3


def test_judging_again_tells_an_old_run_of_what_was_tried_since(tmp_path: Path) -> None:
    run = make(tmp_path, Plan(seed=1))
    alone = verdict_of(run)
    for number in range(3):
        make(tmp_path, Plan(seed=10 + number, name=f"try {number}"), f"try {number}")
    judge_again(run)
    again = verdict_of(run)
    assert (alone.configurations, again.configurations, again.comparisons) == (1, 4, 4 * alone.comparisons - 6)
    assert [one.model for one in again.candidates] == [one.model for one in alone.candidates]
    assert again.candidates[0].skill == alone.candidates[0].skill
    deflated = [
        (new.deflated_sharpe, old.deflated_sharpe) for new, old in zip(again.candidates, alone.candidates, strict=True)
    ]
    assert all(new != old for new, old in deflated)
    assert verify(run) == []


def test_judging_again_changes_nothing_where_nothing_was_tried(tmp_path: Path) -> None:
    run = make(tmp_path)
    before = {path: path.read_bytes() for path in run.iterdir() if path.is_file()}
    judge_again(run)
    assert {path: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


def test_a_line_that_nobody_can_read_counts_as_a_trial(tmp_path: Path) -> None:
    run = make(tmp_path)
    with (tmp_path / ledger.LEDGER).open("a") as file:
        file.write('{"config": "torn')
    judge_again(run)
    assert (verdict_of(run).configurations, verdict_of(run).comparisons) == (2, 6)


def test_a_damaged_run_is_not_judged_again(tmp_path: Path) -> None:
    run = make(tmp_path)
    make(tmp_path, Plan(seed=2, name="other"), "other")
    (run / "scores.parquet").write_bytes(b"?")
    with pytest.raises(RunError, match=r"scores\.parquet: damaged"):
        judge_again(run)


def test_a_run_in_use_is_not_judged_again(tmp_path: Path) -> None:
    run = make(tmp_path)
    make(tmp_path, Plan(seed=2, name="other"), "other")
    with locked(run), pytest.raises(RunError, match="in use by another process"):
        judge_again(run)


def test_a_run_away_from_both_ledgers_keeps_what_it_knew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, Plan(seed=1, name="other"), "other")
    run = make(tmp_path)
    moved = tmp_path / "elsewhere" / "run"
    shutil.copytree(run, moved)
    judge_again(moved)
    assert verdict_of(moved).configurations == 2
    with monkeypatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path / "another user"))
        make(tmp_path / "elsewhere", Plan(seed=9, name="third"), "third")
        judge_again(moved)
        assert verdict_of(moved).configurations == 2
    make(tmp_path / "nowhere", Plan(seed=10, name="fourth"), "fourth")
    judge_again(moved)
    assert verdict_of(moved).configurations == 4


def test_a_crash_while_judging_again_leaves_a_run_that_is_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(tmp_path)
    make(tmp_path, Plan(seed=2, name="other"), "other")

    def crash(path: Path, content: bytes) -> None:
        write_bytes(path, content[: len(content) // 2])
        raise OSError("no space left")

    monkeypatch.setattr("backtest.verdict.record.write_bytes", crash)
    with pytest.raises(OSError, match="no space left"):
        judge_again(run)
    with pytest.raises(RunError, match="expected a finished run"):
        read_manifest(run)
