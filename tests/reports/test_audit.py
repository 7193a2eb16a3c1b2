"""Tests of the words for a counterexample: times as a reader expects them, and nothing that is not known."""

from __future__ import annotations

import pytest

from backtest.data.records.audit import Counterexample
from backtest.reports.wording.audit import counterexample_words

HOURS = {"time": "2024-01-05T13:00:00+00:00", "reads": "2024-01-05T14:00:00+00:00", "ahead": 1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (HOURS, "x at 2024-01-05 13:00 reads the bar of 2024-01-05 14:00, 1 bar ahead (with noise there, the value"),
        (HOURS | {"symbol": "BTC"}, "x of BTC at 2024-01-05 13:00 reads the bar of"),
        (
            HOURS | {"time": "2024-01-05T00:00:00Z", "reads": "2024-01-06T00:00:00Z", "ahead": 24},
            "x at 2024-01-05 00:00 reads the bar of 2024-01-06 00:00, 24 bars ahead (",
        ),
        (
            {"time": "2024-01-05T00:00:00Z", "reads": "2024-01-10T00:00:00Z", "ahead": 3},
            "x at 2024-01-05 reads the bar of 2024-01-10, 3 bars ahead (",
        ),
        (
            {"time": "2024-01-05T00:00:00Z", "reads": "2024-01-02T00:00:00Z", "ahead": -3, "poison": "nothing up to"},
            "x at 2024-01-05 reads the bar of 2024-01-02, 3 bars back (with nothing up to there, the value changes)",
        ),
        (HOURS | {"ahead": None}, "x at 2024-01-05 13:00 reads what stands at 2024-01-05 14:00 (with noise there,"),
        (
            HOURS | {"reads": None, "ahead": None, "poison": "known at 5, used at 4"},
            "x at 2024-01-05 13:00: known at 5,",
        ),
        ({"time": "2024-01-05T00:00:00+00:00", "poison": "known at 5"}, "x at 2024-01-05: known at 5"),
        (HOURS | {"time": "some day"}, "x at some day reads the bar of 2024-01-05 14:00"),
        (HOURS | {"time": "2024-01-05T13:00:00"}, "x at 2024-01-05 13:00 reads the bar of 2024-01-05 14:00"),
    ],
)
def test_a_counterexample_in_words(changes: dict[str, str | int | None], words: str) -> None:
    empty = {"column": "x", "symbol": "", "time": "", "reads": None, "ahead": None, "poison": "noise"}
    assert counterexample_words(Counterexample(**{**empty, **changes})).startswith(words)  # type: ignore[arg-type]
