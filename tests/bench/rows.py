"""A measured row of the table, and how two ways of doing a thing are timed against each other."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured: a promise, the value, and the bound it is held against."""

    what: str
    value: float | None
    unit: str
    bound: float
    at_least: bool
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the promise holds: yes, no, or not measured."""
        if self.value is None:
            return "not measured"
        return "yes" if (self.value >= self.bound if self.at_least else self.value <= self.bound) else "NO"


def seconds(call: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def ratio(slow: Callable[[], float], fast: Callable[[], float], *, pairs: int = 5) -> float:
    """Median of slow / fast over pairs that run in turn, so that a machine whose speed drifts is fair to both."""
    slow(), fast()
    return statistics.median(slow() / fast() for _ in range(pairs))
