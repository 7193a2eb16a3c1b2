"""`backtest ledger` shows what was tried, `backtest ledger forget` deletes it when that is confirmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from backtest.data.reading.synthetic import make_bars
from backtest.verdict.coincidence import bar_rows
from backtest.verdict.ledger import LEDGER, Trial, enter, read, user_ledger
from tests.support.command import call
from tests.support.fake_run import Plan, make


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs on some bars, and one on others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for number in range(2):
        make(tmp_path / "runs", Plan(seed=number), f"run {number}")
    make(tmp_path / "runs", Plan(outcomes=1), "elsewhere")
    return tmp_path / "runs"


def test_what_was_tried_is_shown(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "ledger") == 0
    shown = capsys.readouterr().out
    assert "3 trials" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert call(monkeypatch, "ledger", "--run", str(runs / "run 0")) == 0
    shown = capsys.readouterr().out
    assert "2 trials" in shown
    assert "elsewhere" not in shown


def test_trials_on_bars_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bars = make_bars(600, seed=3)
    bars.write_parquet(tmp_path / "bars.parquet")
    rows = bar_rows(bars.slice(200).with_columns(symbol=pl.lit("x")), timedelta(hours=1))
    enter(tmp_path, Trial("c", "d", "2026-01-02T00:00:00", "mine", {"lstm@1": 0.01}, {}, {}, rows=rows), None)
    for source, count in ((tmp_path / "bars.parquet", "1 trial"), ("synthetic:n=700,seed=9", "0 trials")):
        assert call(monkeypatch, "ledger", "--data", str(source)) == 0
        assert count in capsys.readouterr().out
    assert call(monkeypatch, "ledger", "--data", "x", "--run", "y") == 2


def test_forgetting_asks_first_and_is_recorded(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    about = ("ledger", "forget", "--run", str(runs / "run 0"))
    monkeypatch.setattr("typer.confirm", refuse)
    assert call(monkeypatch, *about) == 1
    assert "2 trials would be deleted" in capsys.readouterr().out
    assert len(read(runs / LEDGER).trials) == 3
    assert call(monkeypatch, *about, "--yes") == 0
    for path in (runs / LEDGER, user_ledger()):
        found = read(path)
        assert [trial.run for trial in found.trials] == ["elsewhere"]
        assert [line.forgotten for line in found.forgotten] == [2]
    assert call(monkeypatch, *about, "--yes") == 0
    assert "nothing to forget" in capsys.readouterr().out
    assert call(monkeypatch, "ledger") == 0
    assert "2 trials forgotten" in capsys.readouterr().out


def test_only_trials_with_most_of_their_rows_on_the_bars_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("typer.confirm", refuse)
    bars = make_bars(1_000, seed=3, interval="1h")
    bars.head(400).write_parquet(tmp_path / "bars.parquet")
    blank = Trial("", "d", "2026-01-02T00:00:00", "", {"lstm@1": 0.01, "lstm@1:weighted": 0.1, "gru@5": 0.3}, {}, {})
    for name, last in (("within", 300), ("mostly", 600), ("hardly", 1_000)):
        rows = bar_rows(bars.slice(100, last - 100), timedelta(hours=1))
        enter(tmp_path / "runs", replace(blank, config=name, run=name, rows=rows), None)
    monkeypatch.chdir(tmp_path)
    about = ("ledger", "forget", "--data", "bars.parquet")
    assert call(monkeypatch, "ledger", "--data", "bars.parquet") == 0
    assert "3 trials" in capsys.readouterr().out
    assert call(monkeypatch, *about) == 1
    asked = capsys.readouterr().out
    assert call(monkeypatch, *about, "--yes") == 0
    told = capsys.readouterr().out
    for shown in (asked, told):
        listed = [line.split() for line in shown.splitlines() if line.startswith("2026-01-02")]
        assert listed == [
            [*f"2026-01-02 {name} gru, lstm".split(), rows] for name, rows in (("within", "200"), ("mostly", "500"))
        ]
        assert "1 trial kept" in shown
    for path in (tmp_path / "runs" / LEDGER, user_ledger()):
        assert [trial.run for trial in read(path).trials] == ["hardly"]
        assert sum(line.forgotten for line in read(path).forgotten) == 2


def test_a_choice_before_the_word_forget_deletes_nothing(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "ledger", "--run", str(runs / "elsewhere"), "forget", "--yes") == 2
    assert "expected after the word forget" in capsys.readouterr().err
    assert len(read(runs / LEDGER).trials) == 3


def refuse(*_: object, **__: object) -> None:
    """Answer no."""
    raise SystemExit(1)
