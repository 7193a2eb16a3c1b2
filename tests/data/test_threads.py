"""Arithmetic on one thread: every library is held to it, also one that is loaded later, and let go afterwards."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy  # noqa: F401  its BLAS has threads
import pytest
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from backtest.data import threads
from backtest.data.threads import one_thread


def counts() -> set[int]:
    """Threads of the libraries of this process."""
    return {library["num_threads"] for library in threadpool_info()}


def test_every_library_has_one_thread_while_the_context_lasts() -> None:
    with threadpool_limits(2):
        before = counts()
        with one_thread():
            assert counts() == {1}
        assert counts() == before != {1}


def test_libraries_are_looked_for_again_after_an_import_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[ThreadpoolController] = []

    def look() -> ThreadpoolController:
        looked.append(ThreadpoolController())
        return looked[-1]

    monkeypatch.setattr(threads, "ThreadpoolController", look)
    threads._libraries.cache_clear()
    for _ in range(3):
        with one_thread():
            pass
    assert len(looked) == 1
    monkeypatch.setitem(sys.modules, "loaded_later", ModuleType("loaded_later"))
    with one_thread():
        pass
    assert len(looked) == 2
