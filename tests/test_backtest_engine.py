"""The walk: whole, repeatable to the last bit, and impossible to spoil by stopping it anywhere."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from backtest.prepare import fold_table
from backtest.tasks import plan
from backtest.work import CHECKPOINTS
from data import runs
from data.errors import RunError
from data.schema import FITS, FOLDS, FORECASTS, SCORES, TESTS, check
from models import MODELS, Forecaster, Model
from models.baselines import Mean
from models.settings import NetSettings, TrainSettings
from models.windows import Floats, Windows, panel
from tests.small_run import Silent, results, small, walk

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run that went through undisturbed; not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    walk(folder)
    return folder


def copy(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to / "copy")
    return to / "copy"


def test_every_table_keeps_to_its_schema(finished: Path) -> None:
    for name, schema in [
        ("folds", FOLDS),
        ("forecasts", FORECASTS),
        ("fits", FITS),
        ("scores", SCORES),
        ("tests", TESTS),
    ]:
        assert check(pl.read_parquet(finished / f"{name}.parquet"), schema).height


def test_every_model_forecasts_every_row_once(finished: Path) -> None:
    forecasts = pl.read_parquet(finished / "forecasts.parquet")
    expected = pl.read_parquet(finished / "folds.parquet")["n_test"].sum()
    counts = forecasts.group_by("model", "seed").agg(
        pl.len(), unique=pl.struct("symbol", "time").n_unique(), null=pl.col("y").null_count()
    )
    assert counts.height == 5 + 3
    assert counts["len"].unique().to_list() == counts["unique"].unique().to_list() == [expected]
    assert counts["null"].sum() == 0


def test_the_models_forecast_is_the_mean_over_its_seeds(finished: Path) -> None:
    lstm = pl.read_parquet(finished / "forecasts.parquet").filter(model="lstm")
    wide = lstm.with_columns(pl.col("seed").fill_null(-1)).pivot("seed", index="time", values="y_hat")
    np.testing.assert_array_equal(wide["-1"], (wide["0"] + wide["1"]) / 2)
    assert (wide["0"] != wide["1"]).all()


def test_the_truth_is_the_log_return_of_the_next_bar(finished: Path) -> None:
    bars = small().bars.sort("time").with_columns(y_bars=pl.col("close").log().diff().shift(-1))
    joined = pl.read_parquet(finished / "forecasts.parquet").join(bars.select("time", "y_bars"), on="time")
    np.testing.assert_allclose(joined["y"], joined["y_bars"], rtol=1e-12, atol=1e-14)
    assert (joined["target_time"] - joined["time"]).unique().dt.total_hours().to_list() == [2]


def test_rows_without_a_forecast_are_counted(finished: Path) -> None:
    folds = pl.read_parquet(finished / "folds.parquet")
    assert folds["n_lost"].to_list() == [0, 0, 0, 1]
    assert folds["n_test"].to_list() == [110, 110, 110, 67]


@pytest.mark.parametrize("executor", ["serial", "loky"])
def test_the_same_walk_gives_the_same_bytes(finished: Path, tmp_path: Path, executor: str) -> None:
    walk(tmp_path, prepared=small(executor=executor, jobs=2))
    ours, theirs = results(tmp_path), results(finished)
    ours.pop("config.toml"), theirs.pop("config.toml")
    assert ours == theirs


@pytest.mark.parametrize("after", [1, 7, 20])
def test_a_stopped_walk_goes_on_and_gives_the_same_bytes(finished: Path, tmp_path: Path, after: int) -> None:
    with pytest.raises(RunError, match=f"stopped: {after} of 35 fits are done and kept"):
        walk(tmp_path, Silent(stop_after=after))
    with pytest.raises(RunError, match="expected a finished run"):
        runs.read_manifest(tmp_path)
    watcher = Silent()
    walk(tmp_path, watcher)
    assert watcher.done == after
    assert results(tmp_path) == results(finished)


def test_a_finished_walk_is_not_done_again(finished: Path, tmp_path: Path) -> None:
    again, watcher = copy(finished, tmp_path), Silent()
    before = runs.read_manifest(again)
    outcome = walk(again, watcher)
    assert not watcher.fresh
    assert outcome.reused == outcome.tasks
    after = runs.read_manifest(again)
    assert {key: after[key] for key in ("seconds", "started", "files")} == {
        key: before[key] for key in ("seconds", "started", "files")
    }


def test_a_killed_process_leaves_a_folder_that_goes_on(finished: Path, tmp_path: Path) -> None:
    settings = tmp_path / "small.toml"
    text = (finished / "config.toml").read_text().replace('executor = "serial"', 'executor = "loky"')
    settings.write_text(text.replace("epochs = 2", "epochs = 40").replace("patience = 4", "patience = 40"))
    command = [sys.executable, "-m", "backtest", "run", str(settings), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    checkpoints = tmp_path / "run" / CHECKPOINTS
    while process.poll() is None and len(list(checkpoints.glob("lstm-*"))) < 2:
        time.sleep(0.01)
    process.kill()  # the workers live on for a while, and write into the folder that is taken up again
    process.wait()
    kept = {path.name for path in checkpoints.iterdir() if not path.name.startswith(".")}
    train = {"epochs": 40, "patience": 40}
    watcher = Silent()
    walk(tmp_path / "run", watcher, small(train=train))
    assert watcher.done >= len(kept) >= 2
    assert watcher.fresh
    walk(tmp_path / "whole", prepared=small(train=train))
    assert results(tmp_path / "run") == results(tmp_path / "whole")
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("file", ["state.safetensors", "forecasts.parquet", "fit.json"])
def test_a_damaged_checkpoint_is_computed_again(finished: Path, tmp_path: Path, file: str) -> None:
    again, watcher = copy(finished, tmp_path), Silent()
    path = next((again / CHECKPOINTS).glob("lstm-0001-0-*")) / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    walk(again, watcher)
    assert [record.model for record in watcher.fresh] == ["lstm"]
    assert results(again) == results(finished)


def test_verify_finds_a_flipped_bit_in_any_file(finished: Path, tmp_path: Path) -> None:
    again = copy(finished, tmp_path)
    assert runs.verify(again) == []
    names = list(runs.read_manifest(again)["files"])
    for name in names:
        content = bytearray((again / name).read_bytes())
        content[len(content) // 2] ^= 1
        (again / name).write_bytes(content)
        assert runs.verify(again) == [f"{name}: changed since the run was finished"]
        content[len(content) // 2] ^= 1
        (again / name).write_bytes(content)
    (again / names[0]).unlink()
    assert runs.verify(again) == [f"{names[0]}: missing"]


def test_changed_settings_reuse_nothing(finished: Path, tmp_path: Path) -> None:
    again, watcher = copy(finished, tmp_path), Silent()
    walk(again, watcher, small(train={"epochs": 1}))
    assert watcher.done == 0
    names = {path.name for path in (again / CHECKPOINTS).iterdir()}
    assert len(names) == len(watcher.fresh), "checkpoints of other settings are removed"


def test_more_bars_leave_the_tasks_of_complete_folds_as_they_are() -> None:
    short, long = small(), small(data={"source": "synthetic:n=1200,signal=0.1"})
    np.testing.assert_array_equal(short.bars["close"], long.bars["close"][:900])
    complete = {task.key for task in short.tasks if task.fold.index < 3}
    assert complete <= {task.key for task in long.tasks}
    assert len(complete) == 3 * 7


def test_a_target_that_became_known_is_forecast_too(tmp_path: Path) -> None:
    """The data end with a test span, whose last bar gets its target, and so its forecast, only with one more bar."""
    ends_with_fold = 400 + 1 + 100 + 1 + 110
    walk(tmp_path, prepared=small(data={"source": f"synthetic:n={ends_with_fold}"}))
    assert pl.read_parquet(tmp_path / "folds.parquet")["n_test"].to_list() == [109]
    (tmp_path / "config.toml").unlink()
    walk(tmp_path, prepared=small(data={"source": f"synthetic:n={ends_with_fold + 1}"}))
    assert pl.read_parquet(tmp_path / "folds.parquet")["n_test"].to_list() == [110, 0]
    assert pl.read_parquet(tmp_path / "forecasts.parquet").filter(model="ar").height == 110


def test_the_forecasts_of_a_fold_depend_on_nothing_after_it(finished: Path, tmp_path: Path) -> None:
    """Poison every row behind the second fold's test span, and the targets inside it; the keys notice nothing."""
    prepared = small()
    fold = prepared.folds[1]
    behind = pl.col("time") >= fold.test.start
    poisoned = prepared.features.with_columns(
        pl.when(behind).then(1e3).otherwise("y_log_return_1").alias("y_log_return_1"),
        *(
            pl.when(pl.col("time") >= fold.test.end).then(1e3).otherwise(name).alias(name)
            for name in (*prepared.names, "bar_return")
        ),
    )
    rows = panel(poisoned, prepared.names, 1)
    keys = {task.key for task in plan(prepared.config, rows, prepared.folds[:2])}
    assert keys == {task.key for task in prepared.tasks if task.fold.index < 2}


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    with runs.locked(tmp_path), pytest.raises(RunError, match="in use by another process"):
        walk(tmp_path)


def test_folds_without_a_refit_use_the_last_fit(tmp_path: Path) -> None:
    prepared = small(folds={"refit_every": 2})
    walk(tmp_path, prepared=prepared)
    fits = pl.read_parquet(tmp_path / "fits.parquet")
    assert sorted(fits["fold"].unique().to_list()) == [0, 2, 4]
    assert fold_table(prepared)["fit_fold"].to_list() == [0, 0, 2, 2]
    forecasts = pl.read_parquet(tmp_path / "forecasts.parquet").filter(model="mean")
    assert forecasts.group_by("fold").agg(pl.col("y_hat").n_unique()).sort("fold")["y_hat"].to_list() == [1] * 4
    assert forecasts["y_hat"].n_unique() == 2


def test_a_warm_start_follows_the_fold_before_whatever_the_executor(tmp_path: Path, finished: Path) -> None:
    for executor in ("serial", "loky"):
        walk(tmp_path / executor, prepared=small(executor=executor, jobs=2, train={"start": "warm"}))
    serial, loky = (pl.read_parquet(tmp_path / name / "forecasts.parquet") for name in ("serial", "loky"))
    assert serial.equals(loky)
    cold = pl.read_parquet(finished / "forecasts.parquet").filter(model="lstm", seed=0)
    warm = serial.filter(model="lstm", seed=0)
    same = (cold["y_hat"] == warm["y_hat"]).to_frame().with_columns(cold["fold"])
    assert same.group_by("fold").agg(pl.col("y_hat").all()).sort("fold")["y_hat"].to_list() == [True] + [False] * 3


@pytest.mark.parametrize("window", ["expanding", "rolling"])
def test_longer_horizons_and_rolling_windows_run_through(tmp_path: Path, window: str) -> None:
    outcome = walk(tmp_path, prepared=small(target={"horizon": 3}, folds={"window": window}, models=["ridge", "gru"]))
    assert outcome.verdict.forecasts == pl.read_parquet(tmp_path / "folds.parquet")["n_test"].sum()
    naive = pl.read_parquet(tmp_path / "forecasts.parquet").filter(model="naive").sort("time")
    np.testing.assert_allclose(naive["y_hat"][3:], naive["y"][:-3], rtol=1e-9)


def test_a_forecast_that_is_not_finite_stops_the_walk_and_says_whose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Diverged(Mean):
        def predict(self, windows: Windows) -> Floats:
            return super().predict(windows) * np.nan

    def diverged(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
        return Diverged()

    monkeypatch.setitem(MODELS, "diverged", Model("diverged", diverged, seeded=False, baseline=False, doc=""))
    with pytest.raises(RunError, match=r"model diverged, fold \d: expected \d+ finite forecasts .*learning_rate"):
        walk(tmp_path, prepared=small(models=["mean", "diverged"]))
    watcher = Silent()
    walk(tmp_path, watcher, small(models=["mean", "zero"]))
    assert watcher.done, "what was done before the failure is kept"
