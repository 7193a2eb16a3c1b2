"""The trial ledger: every configuration that was run on the same data, for the adjustment of p-values."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from backtest.data.losses import WEIGHTED
from backtest.data.names import Status
from backtest.data.run_files import write_bytes
from backtest.verdict.family import Key

LEDGER = "ledger.jsonl"
"""Name of the file, beside the run folders."""

SESSION: list[Trial] = []
"""The runs that this process made from Python, saved or not, in the order in which they were made."""

Name = Annotated[str, Field(pattern=f"@[0-9]{{1,9}}(:{WEIGHTED})?$")]
Probability = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Trial:
    """One finished run, a line of the ledger.

    `config` is the hash of the settings that make another strategy of it, `data` the SHA-256 of the bars, `finished`
    an ISO time, `run` the folder's name, `status` that of its verdict (None in lines of older versions, which had a
    sentence instead). `p_values` and `p_worse` are the primary test's one-sided raw p-values for better and for worse
    than the rival, `sharpes` the Sharpe ratios per bar of the strategies, all by the `name_of` a key. What is undefined
    is left out. `question` is what was asked (`Question.code`); None in older lines.
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


@dataclass(frozen=True, slots=True)
class Ledger:
    """The trials in the order in which they were written, and the number of lines that cannot be read."""

    trials: tuple[Trial, ...] = ()
    unreadable: int = 0


_TRIAL = TypeAdapter(Trial)


def append(path: Path, trial: Trial) -> None:
    """Add a line to the ledger, waiting for other processes that write it; the bytes of all other lines stay.

    A crash at any instant leaves the ledger without the line or with all of it. Raises OSError where the file cannot be
    written, ValueError for a number that is not finite.
    """
    line = json.dumps(asdict(trial), sort_keys=True, allow_nan=False).encode() + b"\n"
    with _locked(path):
        for unfinished in path.parent.glob(f".{path.name}.*.tmp"):
            unfinished.unlink()
        before = path.read_bytes() if path.exists() else b""
        write_bytes(path, before + (b"" if before.endswith(b"\n") or not before else b"\n") + line)


def read(path: Path) -> Ledger:
    """Read the ledger; one that does not exist is empty.

    A line that is not a trial, as a full disk or another program may leave it, is no error. It is counted, because it
    stands for at least one trial, of unknown data and outcome.
    """
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    found = [_parse(line) for line in lines if line.strip()]
    return Ledger(tuple(trial for trial in found if trial), found.count(None))


def others(ledger: Ledger, *, data: str, config: str) -> list[Trial]:
    """The latest trial of each other configuration on the same data."""
    latest = {trial.config: trial for trial in ledger.trials if trial.data == data}
    return [trial for tried, trial in latest.items() if tried != config]


def counted(ledger: Ledger, *, data: str, config: str) -> int:
    """How many configurations were tried on the data, this one included; an unreadable line counts as one."""
    return 1 + len(others(ledger, data=data, config=config)) + ledger.unreadable


def name_of(key: Key) -> str:
    """Return a key as "model@horizon", or "model@horizon:weighted" for the test on weighted errors."""
    return f"{key.model}@{key.horizon}{f':{key.loss}' if key.loss else ''}"


def key_of(name: str) -> Key:
    """Return the key of a `name_of`."""
    model, _, rest = name.rpartition("@")
    horizon, _, loss = rest.partition(":")
    return Key(model, int(horizon), loss)


def _parse(line: bytes) -> Trial | None:
    """The trial in a line, if there is one."""
    try:
        return _TRIAL.validate_json(line)
    except ValidationError:
        return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock on this file; it is released when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
