"""Audits of made-up runs, for tests of what shows them."""

from __future__ import annotations

from backtest.data.records.audit import Audit, Counterexample, Depth, Leak, Level

COUNTEREXAMPLE = Counterexample("my_feature", "", "2020-02-01T13:00:00+00:00", "2020-02-01T14:00:00+00:00", 1, "noise")
LEAKS = (
    Leak("feature my_feature", "reads bars that come later", "shift it by at least one bar", COUNTEREXAMPLE),
    Leak("feature other", "changes with the length of history", "declare a longer look-back"),
)
NAMES = ("causality of features", "warm-up", "time of knowledge", "check_fold_isolation of the fold", "placebo")


def passed(depth: Depth = "full") -> Audit:
    """Return an audit that found nothing; a quick one leaves the placebo out."""
    return Audit(depth, "0" * 64, tuple(level(number, depth=depth) for number in range(1, 6)))


def leaky(*leaks: Leak) -> Audit:
    """Return a full audit whose first level found these leaks, the usual two without any."""
    return Audit("full", "0" * 64, (level(1, leaks or LEAKS), *map(level, range(2, 6))))


def level(number: int, leaks: tuple[Leak, ...] = (), depth: Depth = "full") -> Level:
    """Return one level with what it found."""
    notes = ("the first fold alone",) if number == 4 else ()
    return Level(number, NAMES[number - 1], f"{number} things", leaks, notes, done=(depth, number) != ("quick", 5))
