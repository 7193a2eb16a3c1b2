"""Executors: results of every call, workers that may grow, and a plain word if one dies."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import pytest

from backtest.data.errors import RunError
from backtest.models import MODELS, FitLog, Forecaster, Model
from backtest.models.baselines import Mean
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.windows import Windows
from backtest.walk.engine import walk_in_memory
from backtest.walk.executors import EXECUTORS, run_loky
from tests.support.small_run import small

HELD: list[bytes] = []


def grow(megabytes: int) -> int:
    """Take memory and keep it, as the import of torch does; return the process."""
    time.sleep(0.6)
    HELD.append(b"x" * (megabytes << 20))
    return os.getpid()


def interrupt_is_ignored() -> bool:
    return signal.getsignal(signal.SIGINT) == signal.SIG_IGN


@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_call_is_made_once(executor: str) -> None:
    assert sorted(EXECUTORS[executor]([partial(divmod, number, 3) for number in range(9)], 2)) == [
        divmod(number, 3) for number in range(9)
    ]


@pytest.mark.filterwarnings("error")
def test_a_worker_that_grows_goes_on() -> None:
    """Loky ends a worker that has grown by 300 MB since its first call, and warns, unless it is told not to look."""
    sizes = [1, 1, 350, 350, 1, 1, 1, 1]
    assert len(set(run_loky([partial(grow, size) for size in sizes], 2))) == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_workers_leave_ctrl_c_to_the_parent(jobs: int) -> None:
    before, path = signal.getsignal(signal.SIGINT), os.environ.get("PYTHONSAFEPATH")
    assert set(run_loky([interrupt_is_ignored] * 2, jobs)) == {jobs > 1}
    assert signal.getsignal(signal.SIGINT) == before
    assert os.environ.get("PYTHONSAFEPATH") == path


def test_a_worker_that_dies_is_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = os.getpid()

    class Deadly(Mean):
        def fit(self, train: Windows, validation: Windows) -> FitLog:
            if os.getpid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().fit(train, validation)

    def deadly(net: NetSettings, train: TrainSettings, seed: int) -> Forecaster:
        return Deadly()

    deadly.__module__ = Deadly.__module__ = "__main__"  # as if typed in: a worker gets it by value
    monkeypatch.setitem(MODELS, "deadly", Model("deadly", deadly, seeded=False, baseline=False, doc=""))
    with pytest.raises(RunError, match=r"^a worker process died, perhaps out of memory: .* \d+ of 12 fits were done$"):
        walk_in_memory(small(models=["deadly"], executor="loky", jobs=2))
