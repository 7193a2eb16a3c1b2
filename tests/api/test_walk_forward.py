"""`bt.walk_forward` is `backtest run` from Python: the same settings, results and errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import backtest as bt
from backtest.arguments import Settings
from backtest.data.run_files import read_manifest, verify
from backtest.features import FEATURES
from backtest.verdict.ledger import SESSION
from backtest.walk.config_file import load
from tests.api.walks import SETTINGS, SOURCE, walk
from tests.support.command import call

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run() -> bt.Run:
    return walk()


def test_a_frame_gives_the_same_forecasts_as_the_source_to_the_bit(run: bt.Run) -> None:
    bars = bt.load_bars(SOURCE)
    own = bars.rename({"time": "Date", "close": "Close", "open": "OPEN"}).drop("symbol")
    assert_frame_equal(walk(bars).forecasts, run.forecasts, check_exact=True)
    renamed = walk(own, data={"symbol": bars["symbol"][0]})
    assert_frame_equal(renamed.forecasts, run.forecasts, check_exact=True)


def test_a_pandas_frame_with_its_own_index_gives_the_same_forecasts(run: bt.Run) -> None:
    bars = bt.load_bars(SOURCE)
    columns = {name: bars[name].to_numpy() for name in bars.columns if name not in ("time", "symbol")}
    frame = pd.DataFrame(columns, index=pd.DatetimeIndex(bars["time"].to_numpy(), tz="UTC", name="time"))
    assert_frame_equal(walk(frame, data={"symbol": bars["symbol"][0]}).forecasts, run.forecasts, check_exact=True)


@pytest.mark.slow
def test_the_run_is_that_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: bt.Run) -> None:
    settings = tmp_path / "small.toml"
    settings.write_text(run.config)
    assert call(monkeypatch, "run", str(settings), "--set", "executor=serial", "--out", str(tmp_path / "a" / "x")) == 0
    SESSION.clear()  # the command line is a process of its own, in which nothing else was tried
    bt.walk_forward(config=settings, executor="serial", save=tmp_path / "b" / "x", progress=False)
    command, python = (read_manifest(tmp_path / side / "x")["files"] for side in "ab")
    assert python == command
    unsaved = walk()
    for name in ("forecasts", "scores", "tests", "folds", "fits", "strategies"):
        assert_frame_equal(unsaved.table(name), bt.open_run(tmp_path / "a" / "x").table(name), check_exact=True)


def test_nothing_is_written_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BACKTEST_HOME", raising=False)
    held = walk()
    bt.compare(held, walk(name="other", net={"window": 9}))
    assert list(tmp_path.iterdir()) == []


WATCHED = """
import os, sys, tempfile

tempfile.gettempdir()  # tries which folder can be written
CACHES = os.environ["MPLCONFIGDIR"], os.environ["TORCHINDUCTOR_CACHE_DIR"]  # of matplotlib and torch, not ours
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.copytree",
           "tempfile.mkdtemp", "tempfile.mkstemp"}
written = []

def watch(event, arguments):
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if (writes or event in CHANGES) and not str(arguments[0]).startswith((os.devnull, *CACHES)):
        written.append((event, str(arguments[0])))

sys.addaudithook(watch)

import backtest as bt
from tests.api.walks import SETTINGS, SOURCE

settings = {**SETTINGS, "models": ["ridge", "lstm"], "seeds": 1, "train": {"epochs": 1}}
settings["folds"] = {"first_train": 300, "validation": 60, "test": 180}
run = bt.walk_forward(SOURCE, progress=False, **settings)
other = bt.walk_forward(SOURCE, audit="off", progress=False, **settings | {"net": {"window": 9}})
assert "torch._dynamo" not in sys.modules  # torch's compiler: seconds in each process, and nothing here is compiled
assert run.folder is None and run.audit.passed and run.table("fits")["fold"].max() == run.verdict.folds
assert other.verdict.configurations == 2
assert bt.audit(SOURCE, depth="quick", progress=False, **settings).passed
assert bt.compare(run, other).pairs.height
assert str(run) and run._repr_html_()
assert not written, written
assert [list(os.scandir(os.environ[name])) for name in ("TMPDIR", "HOME", "BACKTEST_HOME")] == [[], [], []]
assert os.listdir() == []
run.save("run")
assert written
"""


def test_only_a_saved_run_touches_the_disk(tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("TMPDIR", "HOME", "BACKTEST_HOME", "working")}
    for place in places.values():
        place.mkdir()
    environment = os.environ | {name: str(place) for name, place in places.items()}
    caches = {name: str(tmp_path / name) for name in ("MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR")}
    environment |= {**caches, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", WATCHED], cwd=places["working"], env=environment, check=True)  # noqa: S603
    left = sorted(str(path.relative_to(tmp_path)) for place in places.values() for path in place.iterdir())
    entered = [".ledger.jsonl.lock", "ledger", "ledger.jsonl"]
    assert left == [*(f"BACKTEST_HOME/{name}" for name in entered), *(f"working/{name}" for name in [*entered, "run"])]


def test_a_run_saved_from_memory_has_the_checksums_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = {**SETTINGS, "models": ["ridge", "lstm"], "seeds": 2, "train": {"epochs": 1}}
    run = bt.walk_forward("synthetic:n=700,seed=13", progress=False, **settings)
    folder = run.save(tmp_path / "python" / "run")
    config, out = str(folder / "config.toml"), tmp_path / "command" / "run"
    assert call(monkeypatch, "run", config, "--set", "executor=serial", "--out", str(out)) == 0
    python, command = (read_manifest(each) for each in (folder, out))
    assert python["files"] == command["files"]
    assert {name for name in command["files"] if name.startswith("checkpoints/lstm-0004-")}
    assert "audit.json" in command["files"]
    assert python.keys() == command.keys()
    assert verify(folder) == []


def test_a_saved_walk_is_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bt.walk_forward(SOURCE, audit="off", save=tmp_path / "run", **SETTINGS)
    capsys.readouterr()
    bt.walk_forward(SOURCE, audit="off", save=tmp_path / "run", **SETTINGS)
    assert "done before" in capsys.readouterr().err


def test_settings_change_those_of_a_preset() -> None:
    small = bt.walk_forward(
        SOURCE,
        preset="quick",
        models=["ridge"],
        folds={"first_train": 300, "validation": 90},
        executor="serial",
        audit="off",
        progress=False,
    )
    config = load("quick").config
    assert small.name == "quick"
    assert f"test = {config.folds.test}" in small.config
    assert f"hidden = {config.net.hidden}" in small.config
    assert "first_train = 300" in small.config


def test_folds_replace_those_of_the_base_and_a_dict_changes_them() -> None:
    base = {"config": "quick", "models": ["ridge"], "executor": "serial", "audit": "off", "progress": False}
    whole = bt.walk_forward(SOURCE, folds=bt.Folds(first_train=300), **base)  # type: ignore[arg-type]
    assert "validation = 250" in whole.config
    with pytest.raises(bt.DataError, match="first_train 300, validation 500"):
        bt.walk_forward(SOURCE, folds={"first_train": 300}, **base)  # type: ignore[arg-type]


def test_progress_is_silent_on_request(capfd: pytest.CaptureFixture[str]) -> None:
    walk()
    assert capfd.readouterr() == ("", "")


def test_progress_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    bt.walk_forward(SOURCE, audit="off", **SETTINGS)
    shown = capfd.readouterr()
    assert "fits" in shown.err
    assert shown.out == ""


def test_what_was_tried_in_the_session_counts(run: bt.Run) -> None:
    first = walk(net={"window": 11}).verdict.configurations
    second = walk(net={"window": 12}).verdict.configurations
    assert second == first + 1


CELL = """
import backtest as bt
import polars as pl

@bt.feature(lookback=BARS, name="of_the_session")
def change():
    return pl.col("close").log().diff(BARS)
"""


def test_a_changed_cell_is_another_trial() -> None:
    bars = "synthetic:n=700,seed=12"
    found = []
    try:
        for number in (1, 1, 2):
            exec(CELL.replace("BARS", str(number)), {"__name__": "__main__"})  # noqa: S102 -- as a notebook does
            found.append(walk(bars, features=["log_return", "of_the_session"]).verdict.configurations)
    finally:
        del FEATURES["of_the_session"]
    assert found == [1, 1, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"modles": ["ridge"]}, "modles: unknown setting: did you mean models"),
        ({"folds": {"tst": 9}}, r'folds\.tst: unknown setting: did you mean folds=\{"test": \.\.\.\}\?'),
        ({"hidden": 9}, r'hidden: unknown setting: did you mean net=\{"hidden": \.\.\.\}\?'),
        ({"horizons": [1, 5]}, r'horizons: unknown setting: did you mean target=\{"horizons": \.\.\.\}\?'),
        ({"target": "price"}, r"target\.kind"),
        ({"net": {"window": 0}}, r"net\.window"),
        ({"models": ["rigde"]}, "rigde"),
        ({"features": ["nothing_7"]}, "nothing_7"),
        ({"config": "qick"}, "did you mean quick"),
        ({"config": "quick", "preset": "quick"}, "config"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_is_refused_in_the_words_of_the_command_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(bt.ConfigError, match=message):
        walk(**settings)


def test_an_unknown_size_of_folds_is_refused_at_once() -> None:
    with pytest.raises(bt.ConfigError, match=r"Folds: folds\.tst: unknown setting: did you mean folds\.test\?"):
        bt.Folds(tst=3)  # type: ignore[call-arg]


def test_bars_that_cannot_be_trusted_are_refused() -> None:
    broken = bt.load_bars(SOURCE).with_columns(close=-pl.col("close"))
    with pytest.raises(bt.DataError, match="close"):
        walk(broken)


def test_something_else_than_bars_is_refused() -> None:
    with pytest.raises(bt.DataError, match="DataFrame"):
        walk([1, 2, 3])  # type: ignore[arg-type]


def test_a_leak_is_an_error_with_its_counterexample(tmp_path: Path) -> None:
    @bt.feature(lookback=0, name="leak_of_the_next_close")
    def leak() -> pl.Expr:
        return pl.col("close").log().diff().shift(-1)

    settings: Settings = {**SETTINGS, "features": ["log_return", "leak_of_the_next_close"]}
    try:
        with pytest.raises(bt.LeakError, match=r'leak_of_the_next_close(.|\n)*audit="off"'):
            bt.walk_forward(SOURCE, save=tmp_path / "x", progress=False, **settings)
        assert {file.name for file in (tmp_path / "x").iterdir()} == {".lock", "audit.json"}
        found = bt.audit(SOURCE, depth="quick", progress=False, **settings)
        assert not found.passed
        assert repr(found) == "<AuditResult: quick audit, 1 leak>"
        assert "leak_of_the_next_close" in str(found)
        unaudited = bt.walk_forward(SOURCE, audit="off", progress=False, **settings)
        assert unaudited.audit is None
        assert unaudited.verdict.status != "leak suspected"
    finally:
        del FEATURES["leak_of_the_next_close"]
