"""Stores: the walk in memory is the walk in a run folder, and models of a notebook reach the workers."""

from __future__ import annotations

import linecache
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backtest.data.errors import RunError
from backtest.data.schema import FITS, FOLDS, FORECASTS, check
from backtest.walk.engine import walk_in_memory
from backtest.walk.store import MemoryStore, RunFolderStore, Store
from backtest.walk.tasks import definitions_of, source_file
from tests.support.small_run import Silent, small, walk

ROOT = Path(__file__).parents[2]

NOTEBOOK = '''
import warnings
warnings.simplefilter("error")
import hashlib
import numpy as np
from pathlib import Path
from pydantic import field_validator
from backtest.models import FitLog, MODELS, ModelSettings, model
from backtest.walk.engine import Unwatched, walk_forward, walk_in_memory
from backtest.walk.tasks import code_digest
from tests.support.small_run import results, small

SHRINK = 0.5

class Median:
    def fit(self, train, validation):
        self.value = np.float64(self.share * SHRINK * np.median(train.y))
        return FitLog()

    def predict(self, windows):
        return np.full(len(windows), self.value)

    def state(self):
        return {"value": np.array(self.value)}

    def restore(self, state):
        self.value = np.float64(state["value"])

class MedianSettings(ModelSettings):
    share: float = 1.0

    @field_validator("share")
    @classmethod
    def _is_a_share(cls, share):
        return min(share, 9.0)

@model("median", settings=MedianSettings)
def median(net, train, seed, settings):
    """Median of the training targets."""
    found = Median()
    found.share = settings.share
    return found

print(code_digest(MODELS["median"], ()))
'''

WALKS = """
def plan(executor):
    return small(models=["median", "ridge"], model={"median": {"share": 0.5}}, executor=executor, jobs=2, seeds=1)

tables = {executor: walk_in_memory(plan(executor)) for executor in ("serial", "loky")}
assert tables["serial"].forecasts.equals(tables["loky"].forecasts)
assert tables["serial"].fits.equals(tables["loky"].fits)
assert set(tables["loky"].forecasts["model"]) == {"zero", "naive", "median", "ridge"}
folder = Path(FOLDER)
walk_forward(plan("loky"), folder / "loky", Unwatched(), command="notebook")
walk_forward(plan("serial"), folder / "serial", Unwatched(), command="notebook")
assert results(folder / "loky") == results(folder / "serial")
"""


def in_notebook(cells: str) -> str:
    """Run the cells of a notebook, whose `__main__` has no file, and return what they print."""
    done = subprocess.run(
        [sys.executable, "-"], input=cells, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder of the walks of a notebook, and the digest of its model's code."""
    folder = tmp_path_factory.mktemp("notebook")
    return folder, in_notebook(f"{NOTEBOOK}\nFOLDER = {str(folder)!r}\n{WALKS}").strip()


def test_a_model_typed_into_a_notebook_runs_in_worker_processes(walked: tuple[Path, str]) -> None:
    assert (walked[0] / "loky" / "manifest.json").is_file()


def test_the_code_of_a_model_typed_into_a_notebook_is_in_its_key(walked: tuple[Path, str]) -> None:
    """Another notebook gives the same digest, wherever the model stands in it, and another one after each change."""
    changes = {"SHRINK = 0.5": "SHRINK = 0.25", "np.median": "np.mean", "np.full": "0 * np.full", "9.0": "8.0"}
    changed = [NOTEBOOK.replace(*change) for change in changes.items()]
    first, *others, last = in_notebook("\n".join([NOTEBOOK, *changed, NOTEBOOK])).split()
    assert first == last == walked[1]
    assert len({first, *others}) == 5


@pytest.mark.parametrize("source_known", [True, False])
def test_definitions_cover_all_that_a_typed_in_factory_uses(
    source_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def typed(code: str) -> list[str]:
        file = f"<cell {len(code)} {source_known}>"
        if source_known:
            lines = code.splitlines(keepends=True)
            monkeypatch.setitem(linecache.cache, file, (len(code), None, lines, file))
        scope: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(code, file, "exec"), scope)  # noqa: S102 - as a notebook runs a cell
        assert source_file(scope["make"]) is None
        return sorted(definitions_of(scope["make"]))

    code = "def twice(x):\n    return 2 * x\nclass Net:\n    size = 3\n    def fit(self):\n        return twice(1)\n"
    code += "def make(net, train, seed):\n    return Net()\n"
    assert typed(code) == typed(code)
    for old, new in (("2 * x", "3 * x"), ("size = 3", "size = 4"), ("twice(1)", "twice(2)"), ("Net()", "Net")):
        assert typed(code) != typed(code.replace(old, new)), new


WARM = {"train": {"start": "warm"}, "folds": {"refit_every": 2}, "models": ["gru"]}


@pytest.mark.parametrize(
    ("settings", "executor"),
    [
        pytest.param({}, "serial", id="cold-serial"),
        pytest.param({}, "loky", id="cold-loky"),
        pytest.param(WARM, "serial", id="warm-serial"),
        pytest.param(WARM, "loky", id="warm-loky", marks=pytest.mark.slow),
    ],
)
def test_the_walk_in_memory_is_that_of_a_run_folder_to_the_bit(
    tmp_path: Path, settings: dict[str, Any], executor: str
) -> None:
    walk(tmp_path / "run", plan=small(**settings))
    watcher = Silent()
    tables = walk_in_memory(small(**settings, executor=executor, jobs=2), watcher)
    for schema, table in ((FORECASTS, tables.forecasts), (FOLDS, tables.folds)):
        assert_frame_equal(check(table, schema), pl.read_parquet(tmp_path / "run" / schema.file), check_exact=True)
    fits = pl.read_parquet(tmp_path / "run" / FITS.file)
    assert_frame_equal(check(tables.fits, FITS), fits.filter(pl.col("fold") < fits["fold"].max()), check_exact=True)
    assert watcher.ended
    assert {record.key for record in watcher.fresh} == {
        task.key for task in small(**settings).tasks if task.folder in tables.store.files
    }


@pytest.mark.parametrize("name", ["memory", "run folder"])
def test_a_store_gives_back_what_it_keeps(tmp_path: Path, name: str) -> None:
    kept, plan = walk_in_memory(small(models=["mean"])).store, small(models=["mean"])
    first, other = plan.tasks[0], plan.tasks[1]
    store: Store = MemoryStore() if name == "memory" else RunFolderStore(tmp_path)
    assert store.find(first) is None
    store.keep(first, kept.files[first.folder])
    record = store.find(first)
    assert record is not None
    assert (record.key, record.model, record.fold) == (first.key, first.model, first.fold.index)
    assert store.find(other) is None
    assert {file: store.read(first.folder, file) for file in record.files} == {
        file: kept.files[first.folder][file] for file in record.files
    }


def test_a_walk_in_memory_that_is_stopped_says_how_far_it_came() -> None:
    with pytest.raises(RunError, match=r"^stopped: 3 of 28 fits were done$"):
        walk_in_memory(small(), Silent(stop_after=3))
