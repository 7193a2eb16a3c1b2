"""The command line: what it prints, where it writes, and its exit status."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from backtest.data.names import label
from backtest.data.reading import synthetic
from backtest.data.records.audit import AUDIT, Audit, Leak, Subject
from backtest.data.records.verdict import Verdict
from backtest.data.run_files import FORMAT, MANIFEST
from backtest.reports.wording.evidence import sentences
from backtest.walk.config_file import build
from tests.support.command import call
from tests.support.fake_run import Plan, make
from tests.support.small_run import TREE, small

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A TOML file of the small run."""
    file = tmp_path / "small.toml"
    file.write_text(small().config.to_toml())
    return file


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished small run, made by the command."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "small.toml").write_text(small().config.to_toml())
    with pytest.MonkeyPatch.context() as patch:
        assert call(patch, "run", str(folder / "small.toml"), "--out", str(folder / "run")) == 0
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be changed at will."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def verdict(run: Path) -> str:
    """The sentences of the run's verdict."""
    return " ".join(sentences(Verdict.from_json((run / "verdict.json").read_text())))


def test_a_run_prints_verdict_table_and_report_and_resumes_with_the_same_command(
    run: Path, settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = (run / "report.html").read_bytes()
    assert call(monkeypatch, "run", str(settings), "--out", str(run)) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "28 fits in 4 folds and 7 final fits on all bars (used by `backtest forecast`)" in output
    assert "35 done before" in output
    assert verdict(run) in output
    assert all(f" {label} " in output for label in ("zero", "naive", "mean", "AR", "ridge", "LSTM"))
    assert output.endswith(f"report: {run / 'report.html'} (and report.md)")
    assert (run / "report.html").read_bytes() == first


def test_a_run_on_variances_resumes_though_its_lags_follow_from_the_bars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path))
    about = {"models": ["har"], "target": {"kind": "log_variance"}, "net": {"window": 24}, "features": ["log_return"]}
    settings = tmp_path / "small.toml"
    settings.write_text(build({**TREE, **about, "folds": {**TREE["folds"], "test": 190}}, where="x").to_toml())
    for _ in range(2):
        assert call(monkeypatch, "run", str(settings), "--audit", "off") == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "holds a run with other settings" not in output
    assert "done before" in output


def test_a_run_that_goes_on_in_spite_of_a_leak_has_status_4(
    run: Path, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = Audit.from_json((run / AUDIT).read_text())
    level = replace(audit.levels[0], leaks=(Leak("reads_later_bars", Subject("feature", "log_return")),))
    (run / AUDIT).write_text(replace(audit, levels=(level, *audit.levels[1:])).to_json())
    assert call(monkeypatch, "run", str(settings), "--out", str(run), "--audit", "off") == 4
    assert Verdict.from_json((run / "verdict.json").read_text()).status == "leak suspected"
    assert "Leak suspected" in (run / "report.md").read_text()


def test_report_rewrites_the_same_bytes_from_the_folder(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = (run / "report.html").read_bytes()
    (run / "report.html").unlink()
    assert call(monkeypatch, "report", str(run)) == 0
    assert (run / "report.html").read_bytes() == first


def test_report_updates_the_verdict_after_more_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = make(tmp_path)
    make(tmp_path, Plan(seed=1), "second")
    capsys.readouterr()
    assert call(monkeypatch, "report", str(first)) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "verdict updated: " in output
    assert "configurations tried on these bars: 2, up from 1" in output
    assert call(monkeypatch, "report", str(first)) == 0
    assert "verdict updated" not in capsys.readouterr().out


def test_report_shows_every_fold_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make(tmp_path, Plan(folds=3, test=84))
    for arguments, shown in ((["--folds"], True), ([], False)):
        capsys.readouterr()
        assert call(monkeypatch, "report", str(run), *arguments) == 0
        output = capsys.readouterr().out
        assert ("GRU against naive" in output) == shown
        assert "report: " in output


def test_verify_has_status_4_if_a_file_was_changed(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "verify", str(run)) == 0
    with (run / "scores.parquet").open("ab") as file:
        file.write(b"0")
    assert call(monkeypatch, "verify", str(run)) == 4
    assert "scores.parquet: changed since the run was finished" in capsys.readouterr().out


def test_a_damaged_table_is_refused_with_status_3(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (run / "scores.parquet").open("ab") as file:
        file.write(b"0")
    assert call(monkeypatch, "report", str(run)) == 3
    assert "damaged: its SHA-256 is" in capsys.readouterr().err.replace("\n", " ")


def test_a_forecast_ends_with_the_verdict(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "forecast", str(run)) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert all(f" {label(model)} " in output for model in TREE["models"])
    assert output.endswith(verdict(run))


def test_list_names_entries_of_every_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "list") == 0
    output = capsys.readouterr().out
    assert "One number for a group" not in output, "each metric says what it is"
    for word in ("default", "sp500", "volume_norm", "lstm", "skill_zero", "diebold_mariano", "loky"):
        assert word in output


def test_data_check_has_status_2_for_bad_bars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bars = synthetic.make_bars(200)
    bars.write_csv(tmp_path / "good.csv")
    assert call(monkeypatch, "data", "check", str(tmp_path / "good.csv")) == 0
    bars.with_columns(low=bars["low"] * -1).write_csv(tmp_path / "bad.csv")
    assert call(monkeypatch, "data", "check", str(tmp_path / "bad.csv")) == 2
    assert "low" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["run", "quik"], 2, "did you mean quick?"),
        (["run", "quick", "--set", "train.epohcs=1"], 2, "did you mean train.epochs?"),
        (["run", "quick", "--data", "nowhere.csv"], 2, "nowhere.csv"),
        (["run", "quick", "--set", "models=['gpt']"], 2, "models: unknown gpt"),
        (["run", "quick", "--set", "folds.first_train=9000"], 2, "folds: expected 9503 bars"),
        (
            ["run", "quick", "--set", "data.interval=1d"],
            2,
            "data.interval: expected bars of 1d (got 1h in synthetic)",
        ),
        (["run", "quick", "--set", "net.window=2000", "--set", "folds.first_train=1000"], 2, "no whole window"),
        (["report", "nowhere"], 3, "nowhere: expected a finished run"),
        (["verify", "nowhere"], 3, "nowhere: expected a finished run"),
        (["run", "quick", "--jobs", "0"], 2, "--jobs"),
    ],
)
def test_a_mistake_is_one_plain_message_and_its_status(
    arguments: list[str],
    status: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BACKTEST_HOME", str(tmp_path))
    assert call(monkeypatch, *arguments) == status
    error = capsys.readouterr().err
    assert message in " ".join(error.split())
    assert "Traceback" not in error
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_ctrl_c_has_status_3_and_says_how_to_resume(settings: Path, tmp_path: Path) -> None:
    settings.write_text(settings.read_text().replace('"serial"', '"loky"').replace("epochs = 2", "epochs = 60"))
    settings.write_text(settings.read_text().replace("patience = 4", "patience = 60"))
    command = [sys.executable, "-m", "backtest", "run", str(settings), "--out", str(tmp_path / "run"), "--jobs", "2"]
    process = subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    while process.poll() is None and not list(tmp_path.glob("run/checkpoints/lstm*")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 3, error.decode()
    assert "rerun the same command to finish the others" in " ".join(error.decode().split())
    assert "Traceback" not in error.decode()


@pytest.mark.parametrize("command", ["report", "verify", "forecast", "compare"])
def test_a_run_of_an_older_format_is_refused_in_one_message(
    command: str, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = shutil.copytree(finished, tmp_path / "old")
    manifest = json.loads((old / MANIFEST).read_text())
    (old / MANIFEST).write_text(json.dumps(manifest | {"format": 2}))
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    others = [str(finished)] if command == "compare" else []
    assert call(monkeypatch, command, str(old), *others) in (2, 3)
    told = " ".join("".join(capsys.readouterr()).split())
    assert f"written by another version of beatzero (expected run format {FORMAT}, got 2)" in told
    assert "run `backtest run` again into this folder" in told
    assert "Traceback" not in told
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before


def test_running_again_into_a_folder_of_an_older_format_reuses_its_fits(
    run: Path, settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((run / MANIFEST).read_text())
    (run / MANIFEST).write_text(json.dumps(manifest | {"format": 2}))
    assert call(monkeypatch, "run", str(settings), "--out", str(run)) == 0
    assert "35 done before" in " ".join(capsys.readouterr().out.split())
    assert json.loads((run / MANIFEST).read_text())["format"] == FORMAT
