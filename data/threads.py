"""Arithmetic on one thread: the last digits of a BLAS or LAPACK depend on how many threads it has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold every library of this process to one thread while the context lasts."""
    with _libraries(len(sys.modules)).limit(limits=1):
        yield


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """The libraries that have threads; to look for them takes 5 ms, so it is done again only after further imports."""
    return ThreadpoolController()
