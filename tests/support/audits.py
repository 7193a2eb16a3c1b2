"""Audits of made-up runs, for tests of what shows them."""

from __future__ import annotations

from typing import get_args

from backtest.data.records.audit import Audit, Counterexample, Depth, Leak, Level, LevelCode, Note, Subject

COUNTEREXAMPLE = Counterexample("my_feature", "", "2020-02-01T13:00:00+00:00", "2020-02-01T14:00:00+00:00", 1, "noise")
LEAKS = (
    Leak("reads_later_bars", Subject("feature", "my_feature"), COUNTEREXAMPLE),
    Leak("exceeds_lookback", Subject("feature", "other"), numbers={"lookback": 3}),
)
CODES: tuple[LevelCode, ...] = get_args(LevelCode)
CHECKED: dict[LevelCode, dict[str, int]] = {
    "causality": {"features": 2, "bars": 1_240, "trials": 181},
    "warm_up": {"features": 2, "bars": 1_240, "trials": 22},
    "availability": {"rows": 1_240, "series": 0, "instants": 24, "folds": 3},
    "fold_isolation": {"models": 7, "folds": 3, "fits": 52},
    "placebo": {"models": 7, "placebos": 2, "fits": 30},
}


def passed(depth: Depth = "full") -> Audit:
    """Return an audit that found nothing; a quick one leaves the placebo out."""
    return Audit(depth, "0" * 64, tuple(level(number, depth=depth) for number in range(1, 6)))


def leaky(*leaks: Leak) -> Audit:
    """Return a full audit whose first level found these leaks, the usual two without any."""
    return Audit("full", "0" * 64, (level(1, leaks or LEAKS), *map(level, range(2, 6))))


def level(number: int, leaks: tuple[Leak, ...] = (), depth: Depth = "full") -> Level:
    """Return one level with what it found; level 4 has a note."""
    code = CODES[number - 1]
    if depth == "quick" and code == "placebo":
        return Level(number, code, {}, notes=(Note("full_only"),), done=False)
    notes = (Note("fit_rounding", Subject("model", "gru", 0)),) if number == 4 else ()
    return Level(number, code, CHECKED[code], leaks, notes)
