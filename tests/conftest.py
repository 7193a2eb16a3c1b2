"""Settings of every test run, and tables that plugins may add to."""

from __future__ import annotations

import gc
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.support.selection import PROFILES

if TYPE_CHECKING:
    from backtest.reports import RunResult

CHROMIUM = shutil.which("chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

# no deadline: a busy machine or the first import of a large library is not a failure
for profile, count in PROFILES.items():
    settings.register_profile(profile, deadline=None, max_examples=count)
settings.load_profile("quick")

if "PYTEST_XDIST_WORKER" in os.environ:
    # one thread for each worker, before any library that has threads is imported: hence no such import above
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1"))


def pytest_configure(config: pytest.Config) -> None:
    """Give the session a folder for made-up runs, which workers share; let them and all commands keep bytecode.

    Without it each of the workers and of some fifty commands compiles the package and its tests again.
    """
    if not hasattr(config, "workerinput"):
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["BEATZERO_TEST_CACHE"] = mkdtemp(prefix="beatzero-tests-")
    os.environ.pop("BACKTEST_HOME", None)
    os.environ["XDG_DATA_HOME"] = os.devnull  # no folder: what is made for several tests is not remembered


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove it at the end of the session."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop("BEATZERO_TEST_CACHE"), ignore_errors=True)


LONG = (
    *("reports/test_browser.py", "app/test_browser.py", "comparison/test_compare.py", "walk/test_engine.py"),
    *("walk/test_store.py", "walk/test_executors.py", "api/test_walk_forward.py", "api/test_tutorial.py"),
)
"""Files that take longest: workers begin with them, so that none is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first."""
    items.sort(key=lambda item: f"{item.path.parent.name}/{item.path.name}" not in LONG)


def pytest_collection_finish() -> None:
    """Search for garbage less often, and leave all that is loaded by now out of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.fixture(autouse=True)
def own_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test, and the processes that it starts, a folder of the user's data in which nothing was tried yet."""
    folder = Path(os.environ["BEATZERO_TEST_CACHE"]) / "data" / secrets.token_hex(8)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser for the tests of one file; they are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield running
        running.close()


@pytest.fixture
def open_tables() -> Iterator[None]:
    """Let plugins and examples add to the tables for the time of a test."""
    from backtest.data.losses import LOSSES
    from backtest.data.targets import TARGETS
    from backtest.features import EXTERNAL, FEATURES
    from backtest.models import MODELS

    tables: tuple[dict[str, Any], ...] = (FEATURES, EXTERNAL, MODELS, LOSSES, TARGETS)
    before = [dict(table) for table in tables]
    yield
    for table, entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)


@pytest.fixture(scope="session")
def usual_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a made-up run, for tests that only read it."""
    from tests.support.fake_run import Plan, make  # the report's libraries load for the tests that need them

    return make(tmp_path_factory.mktemp("usual"), Plan(folds=3, test=84))


@pytest.fixture(scope="session")
def usual(usual_run: Path) -> RunResult:
    """What the report reads from it."""
    from backtest.reports import read

    return read(usual_run)


@pytest.fixture(scope="session")
def small_home() -> Path:
    """A home folder with one finished run, `runs/small`, over its file `bars.parquet`; for tests that only read it."""
    from backtest.data.reading.synthetic import make_bars
    from tests.support.run_cache import folder_once
    from tests.support.small_run import small, walk

    def fill(folder: Path) -> None:
        make_bars(900, signal=0.1).write_parquet(folder / "bars.parquet")
        walk(folder / "runs" / "small", plan=small(data={"source": str(folder / "bars.parquet")}))

    return folder_once("small_home", fill)


@pytest.fixture(scope="session")
def hostile_runs() -> list[Path]:
    """Folders of runs, with their reports, in which every string is hostile: see `poison.rotations`."""
    from tests.support.poison import report, rotations
    from tests.support.run_cache import folder_once

    folder = folder_once("hostile", lambda folder: [report(run) for run in rotations(folder)])
    return sorted(folder.glob("turn_*"))


@pytest.fixture(scope="session")
def harmless_run() -> Path:
    """Folder of the same run, with its report, in which every string is harmless words."""
    from tests.support.fake_run import make
    from tests.support.payloads import HARMLESS
    from tests.support.poison import PLAN, poison, report
    from tests.support.run_cache import folder_once

    return folder_once("harmless", lambda folder: report(poison(make(folder, PLAN), HARMLESS))) / "run"
