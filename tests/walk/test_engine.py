"""The walk: whole, repeatable to the last bit, and impossible to spoil by stopping it anywhere."""

from __future__ import annotations

import errno
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

from backtest.data import run_files
from backtest.data.errors import ConfigError, LeakError, RunError
from backtest.data.reading import synthetic
from backtest.data.result_tables import SCORES, TESTS
from backtest.data.schema import FITS, FOLDS, FORECASTS, check
from backtest.models import MODELS, Forecaster, Model
from backtest.models.baselines import Mean
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Floats, Windows, panel
from backtest.walk.environment import source_files
from backtest.walk.store import CHECKPOINTS
from backtest.walk.tables import fold_table
from backtest.walk.tasks import CODE, code_digest, learning_windows, plan_tasks
from tests.support.selection import quick_or_slow
from tests.support.small_run import Silent, results, small, walk

ROOT = Path(__file__).parents[2]


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
    bars = small().dataset.bars.sort("time").with_columns(y_bars=pl.col("close").log().diff().shift(-1))
    joined = pl.read_parquet(finished / "forecasts.parquet").join(bars.select("time", "y_bars"), on="time")
    np.testing.assert_allclose(joined["y"], joined["y_bars"], rtol=1e-12, atol=1e-14)
    assert (joined["target_time"] - joined["time"]).unique().dt.total_hours().to_list() == [2]


def test_rows_without_a_forecast_are_counted(finished: Path) -> None:
    folds = pl.read_parquet(finished / "folds.parquet")
    assert folds["n_lost"].to_list() == [0, 0, 0, 1]
    assert folds["n_test"].to_list() == [110, 110, 110, 67]


@pytest.mark.parametrize("executor", ["serial", "loky"])
def test_the_same_walk_gives_the_same_bytes(finished: Path, tmp_path: Path, executor: str) -> None:
    walk(tmp_path, plan=small(executor=executor, jobs=2))
    ours, theirs = results(tmp_path), results(finished)
    ours.pop("config.toml"), theirs.pop("config.toml")
    assert ours == theirs


@pytest.mark.parametrize("after", quick_or_slow([1, 7, 20], ["7"]))
def test_a_stopped_walk_goes_on_and_gives_the_same_bytes(finished: Path, tmp_path: Path, after: int) -> None:
    with pytest.raises(RunError, match=f"stopped: {after} of 35 fits are done and kept; rerun the same command"):
        walk(tmp_path, Silent(stop_after=after))
    with pytest.raises(RunError, match="expected a finished run"):
        run_files.read_manifest(tmp_path)
    watcher = Silent()
    walk(tmp_path, watcher)
    assert watcher.done == after
    assert results(tmp_path) == results(finished)


def test_a_finished_walk_is_not_done_again(finished: Path, tmp_path: Path) -> None:
    again, watcher = copy(finished, tmp_path), Silent()
    before = run_files.read_manifest(again)
    outcome = walk(again, watcher)
    assert not watcher.fresh
    assert outcome.reused == outcome.tasks
    after = run_files.read_manifest(again)
    assert {key: after[key] for key in ("seconds", "started", "files")} == {
        key: before[key] for key in ("seconds", "started", "files")
    }


@pytest.mark.slow
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
    walk(tmp_path / "whole", plan=small(train=train))
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
    assert run_files.verify(again) == []
    names = list(run_files.read_manifest(again)["files"])
    for name in names:
        content = bytearray((again / name).read_bytes())
        content[len(content) // 2] ^= 1
        (again / name).write_bytes(content)
        assert run_files.verify(again) == [f"{name}: changed since the run was finished"]
        content[len(content) // 2] ^= 1
        (again / name).write_bytes(content)
    (again / names[0]).unlink()
    assert run_files.verify(again) == [f"{names[0]}: missing"]


def test_another_code_reuses_nothing_and_removes_what_the_old_one_left(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again, watcher = copy(finished, tmp_path), Silent()
    (again / CHECKPOINTS / "note.txt").write_text("not ours")
    (again / CHECKPOINTS / "my_weights").mkdir()
    monkeypatch.setattr("backtest.walk.tasks.LIBRARIES", ("numpy", "polars", "torch"))
    walk(again, watcher, small())
    assert watcher.done == 0
    assert results(again) != results(finished)
    names = {path.name for path in (again / CHECKPOINTS).iterdir()}
    assert len(names) == len(watcher.fresh) + 2, "old checkpoints are removed, strangers are not"


def test_a_module_that_is_named_in_the_key_and_vanishes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backtest.walk.tasks.CODE", (*CODE, "backtest.walk.gone"))
    with pytest.raises(ModuleNotFoundError, match=r"no module named 'backtest\.walk\.gone'"):
        code_digest(MODELS["mean"], ())


def test_a_key_depends_on_every_module_that_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {path.name for path in source_files(*CODE)}
    assert {"baselines.py", "recurrent.py", "training.py", "scaling.py", "fitting.py", "store.py", "tasks.py"} <= whole
    assert not {"engine.py", "executors.py", "manifest.py", "config.py"} & whole, "how a walk is run changes no result"
    before = code_digest(MODELS["mean"], ())
    (tmp_path / "changed.py").write_text("")
    monkeypatch.setattr("backtest.walk.tasks.source_files", lambda *names: (tmp_path / "changed.py",))
    monkeypatch.setattr("backtest.walk.tasks.CODE", (*CODE, "backtest.walk.engine"))
    assert code_digest(MODELS["mean"], ()) != before


def test_other_settings_never_take_the_folder(finished: Path, tmp_path: Path) -> None:
    again = copy(finished, tmp_path)
    with pytest.raises(ConfigError, match="holds a run with other settings"):
        walk(again, plan=small(train={"epochs": 1}))
    (again / "config.toml").unlink()
    with pytest.raises(ConfigError, match="holds files that do not belong to a run"):
        walk(again)
    assert (again / "manifest.json").exists()


@pytest.mark.parametrize("name", quick_or_slow(["[a]", "a*", "a?b"], ["[a]"]))
def test_a_folder_with_an_odd_name_is_read_as_itself(finished: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(finished, tmp_path / "a")
    shutil.copytree(finished, tmp_path / name)
    walk(tmp_path / name)
    assert results(tmp_path / name) == results(finished)


def test_the_symbol_is_part_of_the_key() -> None:
    keys = [{task.key for task in small(data={"source": f"synthetic:n=900,symbol={name}"}).tasks} for name in "AB"]
    assert not keys[0] & keys[1]


def test_more_bars_leave_the_tasks_of_complete_folds_as_they_are() -> None:
    short, long = small(), small(data={"source": "synthetic:n=1200,signal=0.1"})
    np.testing.assert_array_equal(short.dataset.bars["close"], long.dataset.bars["close"][:900])
    complete = {task.key for task in short.tasks if task.fold.index < 3}
    assert complete <= {task.key for task in long.tasks}
    assert len(complete) == 3 * 7


def test_a_target_that_became_known_is_forecast_too(tmp_path: Path) -> None:
    """The data end with a test span, whose last bar gets its target, and so its forecast, only with one more bar."""
    ends_with_fold = 400 + 1 + 100 + 1 + 110
    source = tmp_path / "bars.parquet"
    synthetic.make_bars(ends_with_fold).write_parquet(source)
    walk(tmp_path / "run", plan=small(data={"source": str(source)}))
    assert pl.read_parquet(tmp_path / "run" / "folds.parquet")["n_test"].to_list() == [109]
    synthetic.make_bars(ends_with_fold + 1).write_parquet(source)
    walk(tmp_path / "run", plan=small(data={"source": str(source)}))
    assert pl.read_parquet(tmp_path / "run" / "folds.parquet")["n_test"].to_list() == [110, 0]
    assert pl.read_parquet(tmp_path / "run" / "forecasts.parquet").filter(model="ar").height == 110


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_fit_sees_nothing_behind_its_validation_span(tmp_path: Path, horizon: int) -> None:
    """Poison all features from the test span on, and all targets known later; refit for real; the weights agree."""
    plan = small(target={"horizon": horizon}, models=["ar", "ridge", "lstm", "gru"], seeds=1)
    fold = plan.folds[1]
    later = pl.col("time") >= fold.test.start
    late = (pl.col("target_time") > fold.test.start) | pl.col("target_time").is_null()
    y = f"y_log_return_{horizon}"
    poisoned = plan.features.with_columns(
        pl.when(late).then(1e3).otherwise(y).alias(y),
        *(pl.when(later).then(1e3).otherwise(name).alias(name) for name in (*plan.names, "bar_return")),
    )
    states = []
    for frame in (plan.features, poisoned):
        rows = panel(frame, plan.names, (horizon,))
        train, validation = learning_windows(rows, fold, plan.config.net.window)
        fits = []
        for name in ("ar", "ridge", "lstm", "gru"):
            forecaster = MODELS[name].make(plan.config.net, plan.config.train, 0)
            forecaster.fit(train, validation)
            fits.append(forecaster.state())
        states.append(fits)
    for clean, other in zip(*states, strict=True):
        assert all(np.array_equal(clean[name], other[name]) for name in clean)


def test_the_keys_of_a_fold_depend_on_no_target_of_its_test_span() -> None:
    plan = small()
    start = plan.folds[1].test.start
    target = pl.when(pl.col("time") >= start).then(1e3).otherwise("y_log_return_1")
    rows = panel(plan.features.with_columns(y_log_return_1=target), plan.names)
    assert {task.key for task in plan_tasks(plan.config, rows, plan.folds[:2])} == {
        task.key for task in plan.tasks if task.fold.index < 2
    }


def test_a_model_that_looks_ahead_is_a_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cheat(Mean):
        def predict(self, windows: Windows) -> Floats:
            return windows.returns[np.minimum(windows.ends + 1, len(windows.returns) - 1)]

    def cheat(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
        return Cheat()

    monkeypatch.setitem(MODELS, "cheat", Model("cheat", cheat, seeded=False, baseline=False, doc=""))
    with pytest.raises(LeakError, match=r"model cheat, fold \d: expected forecasts that depend on their own windows"):
        walk(tmp_path, plan=small(models=["cheat"]))


@pytest.mark.parametrize("place", [0, -2])
def test_a_model_that_looks_ahead_at_a_border_of_the_test_span_is_a_leak(
    place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first forecast reads the second row, or the last but one the last: no other forecast is wrong."""

    class Slips(Mean):
        def predict(self, windows: Windows) -> Floats:
            forecasts = windows.returns[windows.ends].copy()
            if len(windows) > 2:
                forecasts[place] = windows.returns[windows.ends[place] + 1]
            return forecasts

    def slips(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
        return Slips()

    monkeypatch.setitem(MODELS, "slips", Model("slips", slips, seeded=False, baseline=False, doc=""))
    with pytest.raises(LeakError, match=r"model slips, fold \d: expected forecasts that depend on their own windows"):
        walk(tmp_path, plan=small(models=["slips"]))


def test_a_model_that_raises_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Mean):
        def predict(self, windows: Windows) -> Floats:
            raise ZeroDivisionError("by hand")

    def broken(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
        return Broken()

    monkeypatch.setitem(MODELS, "broken", Model("broken", broken, seeded=False, baseline=False, doc=""))
    with pytest.raises(
        RunError, match=r"model broken, fold \d, seed None: ZeroDivisionError: by hand .*: fix it and rerun"
    ):
        walk(tmp_path, plan=small(models=["broken"]))


def test_a_folder_that_cannot_be_written_is_named_with_the_systems_reason(tmp_path: Path) -> None:
    def full(*given: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "checkpoints"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backtest.walk.store.write_bytes", full)
        message = r"checkpoints: cannot write \(No space left on device\): check space and permissions, then rerun"
        with pytest.raises(RunError, match=message):
            walk(tmp_path / "run")


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    with run_files.locked(tmp_path), pytest.raises(RunError, match="in use by another process"):
        walk(tmp_path)


def test_folds_without_a_refit_use_the_last_fit(tmp_path: Path) -> None:
    plan = small(folds={"refit_every": 2})
    walk(tmp_path, plan=plan)
    fits = pl.read_parquet(tmp_path / "fits.parquet")
    assert sorted(fits["fold"].unique().to_list()) == [0, 2, 4]
    assert fold_table(plan)["fit_fold"].to_list() == [0, 0, 2, 2]
    forecasts = pl.read_parquet(tmp_path / "forecasts.parquet").filter(model="mean")
    assert forecasts.group_by("fold").agg(pl.col("y_hat").n_unique()).sort("fold")["y_hat"].to_list() == [1] * 4
    assert forecasts["y_hat"].n_unique() == 2


def test_a_warm_start_follows_the_fold_before_whatever_the_executor(tmp_path: Path, finished: Path) -> None:
    for executor in ("serial", "loky"):
        walk(tmp_path / executor, plan=small(executor=executor, jobs=2, train={"start": "warm"}))
    serial, loky = (pl.read_parquet(tmp_path / name / "forecasts.parquet") for name in ("serial", "loky"))
    assert serial.equals(loky)
    cold = pl.read_parquet(finished / "forecasts.parquet").filter(model="lstm", seed=0)
    warm = serial.filter(model="lstm", seed=0)
    same = (cold["y_hat"] == warm["y_hat"]).to_frame().with_columns(cold["fold"])
    assert same.group_by("fold").agg(pl.col("y_hat").all()).sort("fold")["y_hat"].to_list() == [True] + [False] * 3


@pytest.mark.parametrize("window", [pytest.param("expanding", marks=pytest.mark.slow), "rolling"])
def test_longer_horizons_and_rolling_windows_run_through(tmp_path: Path, window: str) -> None:
    outcome = walk(tmp_path, plan=small(target={"horizon": 3}, folds={"window": window}, models=["ridge", "gru"]))
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
        walk(tmp_path, plan=small(models=["mean", "diverged"]))
    monkeypatch.setattr(Diverged, "predict", Mean.predict)
    watcher = Silent()
    walk(tmp_path, watcher, small(models=["mean", "diverged"]))
    assert watcher.done, "what was done before the failure is kept"
