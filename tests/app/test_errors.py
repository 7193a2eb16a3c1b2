"""What the app cannot show gets the message of the command line; no text of a run is markup."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from backtest.data.reading import synthetic
from backtest.data.reading.bars import inspect_bars
from backtest.data.result_tables import COVERAGE
from backtest.data.run_files import FORMAT, MANIFEST, read_manifest, write_json
from tests.support.app_page import APP, choose, figures, open_page, upload, words
from tests.support.audits import leaky
from tests.support.command import call
from tests.support.fake_run import Plan, make
from tests.support.poison import poison
from tests.support.small_run import small, walk

pytestmark = pytest.mark.integration

HEAD = "time,open,high,low,close,volume\n"
BROKEN = f"{HEAD}2024-01-01,1,2,0.5,-1,3\n2024-01-02,1,2,0.5,1,3\n".encode()


def test_without_a_run_the_page_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, tmp_path)
    assert [header.value for header in page.main.header] == ["No finished run yet"]
    assert page.code[0].value == "backtest run quick"


FILES = {
    "broken.csv": BROKEN,
    "nothing.csv": b"",
    "picture.parquet": b"PAR1 and no more",
    "archive.zip": b"PK\x03\x04 cut short",
    "packed.csv.gz": b"\x1f\x8b cut short",
    "![x](http:x) <b> $1$ :tada:.csv": BROKEN,
}


def test_a_broken_file_shows_the_error_of_the_command_line(
    page: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        upload(page, name, content)
        assert not any((tmp_path / "temporary").iterdir()), "nothing is kept"
        Path(name).write_bytes(content)
        [problem, *others] = inspect_bars(name).problems
        assert not others
        assert problem.message.startswith(name)
        assert problem.message in [text.value for text in page.text]
        assert "Next close" not in figures(page)
        assert page.main.text[1].value, "the verdict stays"


def test_bars_of_another_series_are_refused_as_by_the_command_line(
    page: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    synthetic.make_bars(900, symbol="OTHER").write_csv(tmp_path / "other.csv")
    upload(page, "other.csv", (tmp_path / "other.csv").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, "forecast", str(home / "runs" / "small"), "--data", "other.csv") == 2
    told = " ".join(capsys.readouterr().err.split()).removeprefix("error ").replace("--data:", "Bars:")
    assert told.startswith("Bars: ")
    assert "expected bars of SYNTH every 1h" in told
    assert told in [" ".join(text.value.split()) for text in page.text]


def test_a_path_that_does_not_exist_is_named(page: Any) -> None:
    choose(page, "Bars", "Another file")
    page.text_input[0].set_value("nowhere/bars.csv").run()
    assert "nowhere/bars.csv: expected a file, a folder, a glob" in words(page)
    assert "in fold 3:" in words(page), "what needs no bars is shown all the same"


def test_a_damaged_file_of_a_run_is_named(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = shutil.copytree(home / "runs" / "small", tmp_path / "damaged")
    with (run / "scores.parquet").open("ab") as file:
        file.write(b"0")
    page = open_page(monkeypatch, home, str(run))
    assert f"{run}/scores.parquet: damaged: its SHA-256 is" in words(page)
    assert not figures(page)
    choose(page, "Run", home / "runs" / "small")
    assert "Next close" in figures(page), "another run can be picked"


def test_a_run_without_intervals_shows_how_to_get_them(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shutil.copytree(home / "runs" / "small", tmp_path / "old")
    manifest = read_manifest(run)
    del manifest["files"][COVERAGE.file]
    write_json(run / MANIFEST, manifest)
    page = open_page(monkeypatch, home, str(run))
    assert f"{run}/coverage.parquet: the run has no such file: run `backtest run` again" in words(page)


def test_a_run_of_an_older_format_is_refused_in_one_message(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shutil.copytree(home / "runs" / "small", tmp_path / "old")
    write_json(run / MANIFEST, read_manifest(run) | {"format": 2})
    page = open_page(monkeypatch, home, str(run))
    assert f"written by another version of beatzero (expected run format {FORMAT}, got 2)" in words(page)
    assert not figures(page)


def test_a_folder_without_a_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(monkeypatch, tmp_path, str(tmp_path / "nothing"))
    assert f"{tmp_path}/nothing: expected a finished run (found no manifest.json)" in words(page)


@pytest.mark.usefixtures("open_tables")
def test_a_plugin_runs_only_if_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "apps_own_plugin.py").write_text(
        "import polars as pl\nfrom backtest.features import feature\n\n"
        "@feature(lookback=3)\ndef steepness() -> pl.Expr:\n    return pl.col('close').log().diff(3)\n"
    )
    monkeypatch.chdir(tmp_path)
    changes: dict[str, Any] = {"plugins": ["apps_own_plugin"], "features": ["steepness"], "models": ["mean", "ridge"]}
    walk(tmp_path / "runs" / "small", plan=small(**changes))
    page = open_page(monkeypatch, tmp_path)
    assert "This run uses the plugin apps_own_plugin, which is code: if you trust it, stop the app" in words(page)
    assert "and run: backtest app RUN --plugins apps_own_plugin" in words(page)
    assert "Next close" not in figures(page)
    page = open_page(monkeypatch, tmp_path, "", "apps_own_plugin")
    assert "Next close" in figures(page)


def test_no_text_of_a_run_is_read_as_markdown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = make(tmp_path / "runs", Plan(folds=3, test=84, symbols=("A", "B"), audit=leaky()), name="clean")
    before = marked(open_page(monkeypatch, tmp_path, str(clean)))
    hostile = poison(shutil.copytree(clean, tmp_path / "runs" / "hostile"))
    page = open_page(monkeypatch, tmp_path, str(hostile))
    assert "<img src=x onerror=alert(7)>" in words(page)
    new = marked(page) - before
    assert all(text.startswith((":red-badge[", "Skill vs zero")) for text in new), new


def marked(page: Any) -> set[str]:
    """Every text that Streamlit reads as Markdown."""
    bodies = {one.value for kind in ("markdown", "caption", "header", "subheader", "title") for one in page.get(kind)}
    labels = {one.label for kind in ("metric", "tab", "selectbox", "radio", "button_group") for one in page.get(kind)}
    return bodies | labels | {option for one in page.get("button_group") for option in one.options}


def test_the_app_calls_nothing_that_renders_html() -> None:
    for path in APP.glob("*.py"):
        source = path.read_text("utf-8")
        for way in ("unsafe_allow", "st.html", "components", "iframe", "st.write", "st.table", "help="):
            assert way not in source, f"{path.name}: {way}"
