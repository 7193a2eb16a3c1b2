"""What an audit found: its levels, and every leak with its smallest counterexample; `audit.json` holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from backtest.data.json_io import from_json, to_json

Depth = Literal["quick", "full"]
State = Literal["passed", "leak", "not run"]

AUDIT = "audit.json"
"""Name of the file in a run folder."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The smallest proof of a leak: a value that changes with something that was not known when it was used.

    `column` of the bar of `symbol` that opens at `time` (UTC, ISO 8601) reads what stands at `reads`, `ahead` bars
    later; None where the leak is not of one bar. `poison` says in words what was put there.
    """

    column: str
    symbol: str
    time: str
    reads: str | None
    ahead: int | None
    poison: str


@dataclass(frozen=True, slots=True)
class Leak:
    """One leak: what it is of (`feature x`, `model ridge, fold 3`), what was seen, and what to do about it."""

    subject: str
    seen: str
    remedy: str
    counterexample: Counterexample | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """One level of an audit: its number and name, what was `checked` in words, and what came of it.

    `notes` say what a reader must know of a level that passed: what could not be checked, and why. A level that was
    not `done` found nothing and proves nothing.
    """

    number: int
    name: str
    checked: str
    leaks: tuple[Leak, ...] = ()
    notes: tuple[str, ...] = ()
    done: bool = True

    @property
    def state(self) -> State:
        """What came of it, in a word."""
        return "leak" if self.leaks else "passed" if self.done else "not run"


@dataclass(frozen=True, slots=True)
class Audit:
    """What `audit.json` holds: how deep the audit went, the SHA-256 of what it was of, and its levels, 1 to 5."""

    depth: Depth
    key: str
    levels: tuple[Level, ...]

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """Every leak, those of the first level first."""
        return tuple(leak for level in self.levels for leak in level.leaks)

    @property
    def passed(self) -> bool:
        """Whether no level found a leak."""
        return not self.leaks

    @property
    def done(self) -> tuple[int, ...]:
        """The numbers of the levels that were run."""
        return tuple(level.number for level in self.levels if level.state != "not run")

    @property
    def reason(self) -> str:
        """Why no number of the run can be believed, in a clause; empty if nothing was found."""
        if self.passed:
            return ""
        first, others = self.leaks[0], len(self.leaks) - 1
        more = f" (and {others} more)" if others else ""
        return f"the audit found that {first.subject} {first.seen}{more}"

    def to_json(self) -> str:
        """The audit as JSON text, the same for the same audit to the byte."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote; raises RunError for anything else."""
        return from_json(cls, text, name=AUDIT, remedy="audit the run again")
