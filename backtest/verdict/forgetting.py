"""Which trials are deleted where those on some data are to be forgotten, and what is entered in their place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from backtest.verdict.coincidence import share_within
from backtest.verdict.ledger import Forgotten, Trial, distinct, repeats

MOSTLY = 0.5
"""Share of a trial's own test rows from which on it can be forgotten with others."""


def mostly_within(trial: Trial, own: Trial) -> bool:
    """Whether `own` has at least half of a trial's test rows, or the same bars where none are known."""
    within = share_within(trial.rows, own.rows)
    return repeats(trial, own) or (trial.data == own.data if within is None else within >= MOSTLY)


def forgotten_lines(trials: Sequence[Trial], unreadable: int = 0) -> list[Forgotten]:
    """Return what is to be entered where these trials are deleted, and so many lines that cannot be read."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    groups = list[list[Trial]]()
    for trial in distinct(trials):
        alike = (group for group in groups if (group[0].data, group[0].rows) == (trial.data, trial.rows))
        found = next(alike, None)
        if found is None:
            groups.append(found := [])
        found.append(trial)
    lines = [Forgotten(len(group), now, group[0].data, group[0].rows) for group in groups]
    return lines + ([Forgotten(unreadable, now)] if unreadable else [])
