"""How much of a long list of cases `make test` takes; `make test-all` takes everything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

import pytest
from _pytest.mark.structures import ParameterSet
from hypothesis import settings

T = TypeVar("T")

PROFILES = {"quick": 25, "thorough": 100}
"""Hypothesis profiles of `make test` and `make test-all`, with the examples of a test that does not say how many."""


def quick_or_slow(cases: Iterable[T], quick: Collection[str], name_of: Callable[[T], str] = str) -> list[ParameterSet]:
    """Return one parameter for each case, named by `name_of`; those that `quick` does not name are marked slow.

    Raises ValueError if `quick` names a case that is not there.
    """
    cases = list(cases)
    unknown = set(quick) - {name_of(case) for case in cases}
    if unknown:
        raise ValueError(f"expected names of cases, got {sorted(unknown)}")
    return [
        pytest.param(case, id=name_of(case), marks=() if name_of(case) in quick else pytest.mark.slow) for case in cases
    ]


def examples(thorough: int) -> settings:
    """Return Hypothesis settings with so many examples in `make test-all`, and fewer in `make test`."""
    now = settings().max_examples
    return settings(max_examples=max(5, thorough * now // PROFILES["thorough"]))
