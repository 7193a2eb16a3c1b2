"""The trial ledger: everything that was run on the same test rows, for the adjustment of p-values.

It stands beside the run folders, and a second time in the user's data folder: a run that is written elsewhere, or a
folder of runs that was deleted, is remembered there. Both are read together, and both are written.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from backtest.data.losses import WEIGHTED
from backtest.data.names import Status
from backtest.data.run_files import user_folder, write_bytes
from backtest.verdict.coincidence import Rows, share
from backtest.verdict.kept_losses import FOLDER, keep_losses

LEDGER = "ledger.jsonl"
"""Name of the file, beside the run folders and in the user's data folder."""

SESSION: list[Trial] = []
"""The runs that this process made from Python, saved or not, in the order in which they were made."""

COINCIDING = 0.1
"""Share of the smaller's test rows from which on a trial counts for another."""

SAME_NUMBER = 1e-9
"""Difference up to which two p-values are the same."""

Name = Annotated[str, Field(pattern=f"@[0-9]{{1,9}}(:{WEIGHTED})?$")]
Probability = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Trial:
    """One finished run or comparison, a line of the ledger.

    `config` is the hash of the settings that make another strategy of it, `data` the SHA-256 of the bars, `finished`
    an ISO time, `run` the folder's name, `status` that of its verdict. `p_values` and `p_worse` are the primary test's
    one-sided raw p-values for better and for worse than the rival, `sharpes` the Sharpe ratios per bar of the
    strategies, all by the `name_of` a key. What is undefined is left out. `question` is what was asked
    (`Question.code`), `alpha` and `multiplicity` how it was to be judged, `rows` the test rows, `losses` the SHA-256 of
    the file with the loss differences. Lines of older versions lack the last six; their bars are known by `data` alone.
    """

    config: str
    data: str
    finished: str
    run: str
    p_values: dict[Name, Probability]
    p_worse: dict[Name, Probability]
    sharpes: dict[Name, Number]
    status: Status | None = None
    question: str | None = None
    alpha: Probability | None = None
    multiplicity: str | None = None
    rows: Rows = field(default_factory=dict)
    losses: Digest | None = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A line that says how many trials on the same rows were deleted, and when; on all rows where `data` is empty."""

    forgotten: Annotated[int, Field(ge=1)]
    finished: str
    data: str = ""
    rows: Rows = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The trials in the order in which they were written, and the number of lines that cannot be read.

    `folders` are those that may have the files of their loss differences.
    """

    trials: tuple[Trial, ...] = ()
    unreadable: int = 0
    forgotten: tuple[Forgotten, ...] = ()
    folders: tuple[Path, ...] = field(default=(), compare=False)


_TRIAL, _FORGOTTEN = TypeAdapter(Trial), TypeAdapter(Forgotten)


def user_ledger() -> Path:
    """Path of the ledger in the user's data folder."""
    return user_folder() / LEDGER


def user_ledger_problem() -> str | None:
    """Why the ledger in the user's data folder cannot be written; None where it can."""
    try:
        with _locked(user_ledger()):
            return None
    except OSError as error:
        return f"{error.filename or user_ledger()} cannot be written ({error.strerror})"


def append(path: Path, entry: Trial | Forgotten) -> None:
    """Add a line to the ledger, waiting for other processes that write it; the bytes of all other lines stay.

    A crash at any instant leaves the ledger without the line or with all of it. Raises OSError where the file cannot be
    written, ValueError for a number that is not finite.
    """
    with _locked(path):
        before = path.read_bytes() if path.exists() else b""
        write_bytes(path, before + (b"" if before.endswith(b"\n") or not before else b"\n") + _line(entry))


def enter(folder: Path, trial: Trial, losses: bytes | None) -> None:
    """Enter a trial into the ledger in `folder` and into that of the user, with its file of loss differences.

    Raises OSError where the first cannot be written; that the other cannot is no error: see `user_ledger_problem`.
    """
    _enter(folder / LEDGER, trial, losses)
    with suppress(OSError):
        if folder.resolve() != user_ledger().parent.resolve():
            _enter(user_ledger(), trial, losses)


def read(path: Path) -> Ledger:
    """Read the ledger; one that does not exist is empty.

    A line that is not a trial, as a full disk or another program may leave it, is no error. It is counted, because it
    stands for at least one trial, of unknown data and outcome.
    """
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    found = [_parse(line) for line in lines if line.strip()]
    trials = tuple(entry for entry in found if isinstance(entry, Trial))
    forgotten = tuple(entry for entry in found if isinstance(entry, Forgotten))
    return Ledger(trials, found.count(None), forgotten, (path.parent.resolve(),))


def known_in(folder: Path) -> Ledger:
    """Return what the ledger in `folder` and that of the user know."""
    return with_users(read(folder / LEDGER))


def with_users(known: Ledger) -> Ledger:
    """Return what is known, and what the user's ledger knows besides; one that cannot be read knows nothing."""
    if user_ledger().parent.resolve() in known.folders:
        return known
    try:
        return joined(known, read(user_ledger()))
    except OSError:
        return known


def joined(one: Ledger, other: Ledger) -> Ledger:
    """Return what two ledgers know, in the order of time; what was entered into both counts once."""
    entered = {(trial.config, trial.finished, trial.run) for trial in one.trials}
    trials = [trial for trial in other.trials if (trial.config, trial.finished, trial.run) not in entered]
    return Ledger(
        tuple(sorted((*one.trials, *trials), key=lambda trial: trial.finished)),
        one.unreadable + other.unreadable,
        (*one.forgotten, *(line for line in other.forgotten if line not in one.forgotten)),
        (*one.folders, *other.folders),
    )


def coincide(one: Trial | Forgotten, other: Trial | Forgotten) -> bool:
    """Whether two trials are on the same data: COINCIDING of their test rows, or the same bars where none are known."""
    shared = share(one.rows, other.rows)
    return one.data == other.data if shared is None else shared >= COINCIDING


def repeats(one: Trial, other: Trial) -> bool:
    """Whether two trials have the same settings and p-values to the last digit: then their data are the same too.

    P-values of 0 and 1 alone, which a test on other data may give as well, are no sign of it.
    """
    told = any(0 < p_value < 1 for p_value in one.p_values.values())
    return told and (one.config, one.p_values, one.p_worse) == (other.config, other.p_values, other.p_worse)


def on_same_data(ledger: Ledger, own: Trial) -> Ledger:
    """Return what a ledger knows of the data of one trial, by its own test rows and by those of its repetitions."""
    known_as = [own]
    for trial in ledger.trials:
        if repeats(trial, own) and all((trial.data, trial.rows) != (each.data, each.rows) for each in known_as):
            known_as.append(trial)
    return replace(
        ledger,
        trials=tuple(trial for trial in ledger.trials if any(coincide(trial, each) for each in known_as)),
        forgotten=tuple(
            line for line in ledger.forgotten if not line.data or any(coincide(line, each) for each in known_as)
        ),
    )


def same(one: Trial, other: Trial) -> bool:
    """Whether two trials have the same settings and the same numbers."""
    return one.config == other.config and all(
        mine.keys() == others.keys() and all(abs(mine[name] - others[name]) <= SAME_NUMBER for name in mine)
        for mine, others in ((one.p_values, other.p_values), (one.p_worse, other.p_worse))
    )


def line_of(ledger: Ledger, own: Trial) -> Trial | None:
    """Return the latest line that is a trial itself; of `own` no more than settings, bars and p-values is needed."""
    return next((trial for trial in reversed(ledger.trials) if trial.data == own.data and same(trial, own)), None)


def others(ledger: Ledger, own: Trial) -> list[Trial]:
    """The different other trials on the same data, the latest of those that are the same."""
    return distinct([trial for trial in on_same_data(ledger, own).trials if not same(trial, own)])


def distinct(trials: Sequence[Trial]) -> list[Trial]:
    """Return the latest of those trials that are the same."""
    found, of_settings = list[Trial](), dict[str, list[Trial]]()
    for trial in reversed(trials):
        alike = of_settings.setdefault(trial.config, [])
        if not any(same(trial, one) for one in alike):
            alike.append(trial)
            found.append(trial)
    return found[::-1]


def counted(ledger: Ledger, own: Trial) -> int:
    """How many trials were made on the test rows of one, itself included; an unreadable line counts as one."""
    return 1 + len(others(ledger, own)) + ledger.unreadable


def forget(path: Path, trials: Sequence[Trial], lines: Sequence[Forgotten], *, unreadable: bool) -> None:
    """Delete trials from a ledger, with the files that no other trial has, and enter what was forgotten.

    Lines that cannot be read go too where `unreadable` is set. Raises OSError where the file cannot be written.
    """
    if not path.exists():
        return
    with _locked(path):
        kept, needed = list[bytes](), set[str | None]([None])
        for line in filter(bytes.strip, path.read_bytes().split(b"\n")):
            entry = _parse(line)
            if entry in trials or (unreadable and entry is None):
                continue
            kept.append(line + b"\n")
            needed.add(entry.losses if isinstance(entry, Trial) else None)
        write_bytes(path, b"".join([*kept, *map(_line, lines)]))
        for digest in {trial.losses for trial in trials} - needed:
            (path.parent / FOLDER / f"{digest}.parquet").unlink(missing_ok=True)


def _enter(path: Path, trial: Trial, losses: bytes | None) -> None:
    """Keep the losses, then enter the trial: no line names a file that is not there yet."""
    if losses:
        keep_losses(path.parent, losses)
    append(path, trial)


def _line(entry: Trial | Forgotten) -> bytes:
    """An entry as a line."""
    return json.dumps(asdict(entry), sort_keys=True, allow_nan=False).encode() + b"\n"


def _parse(line: bytes) -> Trial | Forgotten | None:
    """The entry in a line, if there is one."""
    with suppress(ValidationError):
        return _TRIAL.validate_json(line)
    with suppress(ValidationError):
        return _FORGOTTEN.validate_json(line)
    return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock on this file, and sweep away what a killed process left; it is released when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for unfinished in path.parent.glob(f".{path.name}.*.tmp"):
            unfinished.unlink()
        yield
