"""What a leak audit found, in codes and numbers: its levels, every leak and its smallest counterexample.

The file `audit.json` of a run holds it; `backtest.reports.wording.audit` makes the sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from backtest.data.json_io import JsonRecord

Depth = Literal["quick", "full"]
State = Literal["passed", "leak", "not run"]
Numbers = dict[str, int | float]

LevelCode = Literal["causality", "warm_up", "availability", "fold_isolation", "placebo"]

LeakCode = Literal[
    "reads_later_bars",  # a feature changes when later bars change
    "nondeterministic",  # other values from the same bars
    "ignores_bars",  # the same values from other bars: a cache, perhaps
    "exceeds_lookback",  # depends on more than `lookback` earlier bars
    "known_before_close",  # `count` rows claim to be known before their bar has closed
    "stamped_early",  # `count` values of a series claim to be known before the end of their period
    "read_before_publication",  # reads the series `names[0]` before `known_at`
    "label_known_early",  # a label depends on bars that close after its `target_time`
    "label_not_known",  # `count` labels are learned before they are known
    "window_too_long",  # `count` windows end after their origin
    "walk_reads_later_bars",  # a forecast of a whole walk changes when later bars change
    "fold_not_isolated",  # a refit on other later rows differs
    "nondeterministic_fit",  # a refit on the same rows differs
    "depends_on_other_fits",  # a refit after the other folds differs
    "forecasts_ignore_rows",  # the same forecasts when every bar is replaced
    "fit_ignores_rows",  # the same weights when every bar is replaced, others in other folds
    "refused",  # the walk itself found that a forecast depends on later rows, see `error`
    "skill_on_placebo",  # `skill` with `p_value` on the placebo `names[0]`
]

NoteCode = Literal[
    "full_only",  # the level is part of the full audit alone
    "nothing_left",  # every feature leaks
    "newest_bars",  # features were checked on `bars` of `total` bars
    "sampled_bars",  # features `names` were checked at `bars` of `total` bars
    "unstable",  # the last digits of `names` differ between computations
    "rounding",  # the last digits of `names` depend on the number of later bars
    "reads_other_data",  # `names` read by time what is not among the bars
    "not_computed",  # `subject`, if any, failed in a trial with `error`
    "windows_not_traced",  # the fit rescales its rows, so that windows cannot be followed
    "fit_rounding",  # two fits of `subject` on the same rows differ in state or last digits
]

Perturbation = Literal["noise", "huge", "tiny", "nan", "removed", "targets_negated", "targets_shuffled"]
"""What later values were replaced with; `removed`: nothing."""

Recomputed = Literal[
    "same_bars", "other_bars", "other_times", "earlier_end", "later_start", "true_rows", "noise_everywhere", "grid"
]
Replaced = Literal["series_noise", "series_removed", "shuffled_targets", "random_walk"]
Trial = Perturbation | Recomputed | Replaced
"""What a feature, a fit or a walk was recomputed on."""

SubjectKind = Literal["feature", "forecast", "features", "labels", "series", "fold", "model"]

AUDIT = "audit.json"
"""Name of the file in a run folder."""


FEATURE_LEAKS: dict[LeakCode, tuple[str, str]] = {
    "reads_later_bars": (
        "reads the future",
        (
            "use only the bar itself and earlier ones: shift(n) with n >= 0, windows that end at the bar, "
            "forward fills, statistics of the past"
        ),
    ),
    "walk_reads_later_bars": (
        "changes when later bars are replaced",
        "fit scalers and choose features, epochs and seeds on rows before the forecast only, again in each fold",
    ),
    "nondeterministic": (
        "differs when it is computed twice from the same bars",
        "make it reproducible to the bit: seed random numbers, and sort before adding up",
    ),
    "ignores_bars": (
        "does not change with the bars that it is given",
        "compute it from the bars that it is given; the key of a cache must include the data",
    ),
    "exceeds_lookback": (
        "depends on bars before its look-back of {lookback}",
        (
            "declare the whole look-back; for a feature that never forgets, such as an EWMA, declare a tolerance too; "
            "a feature that changes with the length of history, such as a mean since the first bar, has no look-back"
        ),
    ),
    "stamped_early": (
        "has {count} stamped before the end of the period they cover",
        "`known_at` is when a value was published, `time` the end of the period that it covers",
    ),
    "read_before_publication": (
        "reads external series {names} before it was published",
        "join it backward on `known_at`, as `@external` does, not on the time that it is about",
    ),
}
"""What each leak that is found in a function of bars does, to be read after its subject, and what to do about it.

`assert_causal` and the report say the same; what only the audit of a run finds stands in `reports.wording.audit`.
"""

PERTURBATION_WORDS: dict[Trial, str] = {
    "noise": "noise",
    "huge": "huge values",
    "tiny": "tiny values",
    "nan": "NaN",
    "removed": "nothing",
    "targets_negated": "targets of the opposite sign",
    "targets_shuffled": "shuffled targets",
}
"""What later values were replaced with, in words."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What leaks: its kind, its name, and the number of its fold where it is of one."""

    kind: SubjectKind
    name: str = ""
    fold: int | None = None


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The smallest proof of a leak: a value that depends on something that was not known when it was used.

    `column` of the bar of `symbol` that opens at `time` (UTC, ISO 8601) reads the bar or value at `reads`, `ahead` bars
    later; None where the leak is not of one bar. `perturbation` was put there. For leaks of timing, `known_at` is when
    the value is known, or claims to be, and `limit` the instant that this contradicts: a close, a cut or first use.
    """

    column: str
    symbol: str
    time: str
    reads: str | None = None
    ahead: int | None = None
    perturbation: Perturbation | None = None
    known_at: str | None = None
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Leak:
    """One leak: what kind, of what, the numbers, names and error that `LeakCode` lists, and a counterexample.

    A leak of fits counts `moved` of `forecasts`, the `largest` difference, and has the fitted arrays that differ as
    `names`.
    """

    code: LeakCode
    subject: Subject
    counterexample: Counterexample | None = None
    numbers: Numbers = field(default_factory=dict, hash=False)
    names: tuple[str, ...] = ()
    error: str = ""

    @property
    def of_one_model(self) -> bool:
        """Whether it concerns the model alone that is its subject: see `Suspects`."""
        return self.subject.kind == "model" and self.code != "skill_on_placebo"


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader must know of a level that passed: what could not be checked, and why; see `NoteCode`."""

    code: NoteCode
    subject: Subject | None = None
    trial: Trial | None = None
    numbers: Numbers = field(default_factory=dict, hash=False)
    names: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of an audit: its number, what was `checked` as counts (such as `features`, `fits`), and the result.

    A level that was not `done` found nothing and proves nothing.
    """

    number: int
    code: LevelCode
    checked: dict[str, int] = field(hash=False)
    leaks: tuple[Leak, ...] = ()
    notes: tuple[Note, ...] = ()
    done: bool = True

    @property
    def state(self) -> State:
        """The result in a word."""
        return "leak" if self.leaks else "passed" if self.done else "not run"


@dataclass(frozen=True, slots=True)
class Suspects:
    """Whom the leaks of an audit concern: all models, where they are `shared`, and those `models` that leak themselves.

    A leak of a feature, a label, a series or a fold is shared, because all models are given the same rows. So is skill
    on a placebo: how forecasts and outcomes are matched concerns all of them, whichever model shows it.
    """

    shared: bool = False
    models: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is a leak."""
        return self.shared or bool(self.models)


NO_LEAK = Suspects()


@dataclass(frozen=True, slots=True)
class Audit(JsonRecord):
    """What `audit.json` holds: the depth, the SHA-256 of all that was audited, and the levels, 1 to 5."""

    depth: Depth
    key: str
    levels: tuple[Level, ...]

    file: ClassVar[str] = AUDIT
    remedy: ClassVar[str] = "audit the run again"

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """Every leak, those of the first level first."""
        return tuple(leak for level in self.levels for leak in level.leaks)

    @property
    def passed(self) -> bool:
        """Whether no level found a leak."""
        return not self.leaks

    @property
    def suspects(self) -> Suspects:
        """Whom the leaks concern."""
        own = frozenset(leak.subject.name for leak in self.leaks if leak.of_one_model)
        return Suspects(not all(leak.of_one_model for leak in self.leaks), own)

    @property
    def done(self) -> tuple[int, ...]:
        """The numbers of the levels that were run."""
        return tuple(level.number for level in self.levels if level.state != "not run")
