"""What the commands print fits into 80 columns, and a path stays on one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from backtest import reports
from backtest.cli import terminal
from tests.support.audits import leaky
from tests.support.fake_run import Plan, make


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setattr(terminal.console, "_width", 80)


def longest(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.mark.usefixtures("narrow")
def test_verdict_and_table_of_a_run_fit_into_80_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make(tmp_path, Plan(folds=3, test=84, networks=("lstm", "gru")))
    capsys.readouterr()
    terminal.show_result(reports.read(run))
    shown = capsys.readouterr().out
    assert "Skill vs" in shown
    assert "GRU" in shown
    assert longest(shown) <= 80


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("horizons", [(1,), (1, 5)], ids=str)
def test_every_fold_fits_into_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], horizons: tuple[int, ...]
) -> None:
    run = make(tmp_path, Plan(folds=3, test=84, networks=("lstm", "gru"), horizons=horizons))
    capsys.readouterr()
    terminal.show_folds(reports.read(run))
    shown = capsys.readouterr().out
    assert longest(shown) <= 80
    for model in ("LSTM", "GRU"):
        for reference in ("zero", "naive"):
            assert shown.count(f"{model} against {reference}") == len(horizons)
    assert shown.count("of 3 folds") == len(horizons)


@pytest.mark.usefixtures("narrow")
def test_an_audit_fits_into_80_columns_and_indents_what_belongs_to_a_leak(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_audit(leaky())
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    starts = [place for place, line in enumerate(lines) if line.startswith("leak: ")]
    assert len(starts) == len(leaky().leaks)
    for start in starts:
        proof = lines[start + 1 : lines.index("", start)]
        assert proof
        assert all(line.startswith("  ") for line in proof)
    assert lines[-1].startswith(str(len(starts)))


@pytest.mark.usefixtures("narrow")
def test_a_sentence_breaks_between_words_but_not_between_a_number_and_its_unit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal.tell(f"{'x' * 77} 12 % of all runs in /a/{'path-of-one-word/' * 6}run\n\n  indented {'word ' * 20}")
    first, second, path, blank, *indented = capsys.readouterr().out.splitlines()
    assert first == "x" * 77
    assert second == "12 % of all runs in"
    assert path.endswith("/run")
    assert blank == ""
    assert len(indented) == 2
    assert all(line.startswith("  ") for line in indented)


@pytest.mark.usefixtures("narrow")
def test_a_path_is_printed_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_report(Path(f"/a/{'folder with spaces/' * 6}report.html"))
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("/report.html (and report.md)")
