"""The trial ledger: what was tried on the same data before, so that the best of many tries is known as that."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from backtest.significance.sharpe import Sharpe, deflated
from data.runs import write_bytes

LEDGER = "ledger.jsonl"
"""Name of the file, in the folder of all runs."""

Key = Annotated[str, Field(pattern="@[0-9]{1,9}$")]
Probability = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Trial:
    """One finished run, a line of the ledger.

    `config` is the hash of the settings that make another strategy of it, `data` the SHA-256 of the bars, `finished`
    an ISO time, `run` the folder's name, `sentence` the headline. `p_values` and `p_worse` are the primary test's
    one-sided raw p-values for better and for worse than zero, by "model@horizon"; `sharpes` the Sharpe ratios per bar
    of the strategies. What is undefined is left out.
    """

    config: str
    data: str
    finished: str
    run: str
    sentence: str
    p_values: dict[Key, Probability]
    p_worse: dict[Key, Probability]
    sharpes: dict[str, Number]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The trials in the order in which they were written, and the number of lines that nobody can read any more."""

    trials: tuple[Trial, ...] = ()
    unreadable: int = 0


_TRIAL = TypeAdapter(Trial)


def append(path: Path, trial: Trial) -> None:
    """Add a line to the ledger, waiting for other processes that do; all other lines stay as they are, to the byte.

    A crash at any instant leaves the ledger without the line or with all of it. Raises OSError where the file cannot be
    written, ValueError for a number that is not finite.
    """
    line = json.dumps(asdict(trial), sort_keys=True, allow_nan=False).encode() + b"\n"
    with _alone(path):
        for unfinished in path.parent.glob(f".{path.name}.*.tmp"):
            unfinished.unlink()
        before = path.read_bytes() if path.exists() else b""
        write_bytes(path, before + (b"" if before.endswith(b"\n") or not before else b"\n") + line)


def read(path: Path) -> Ledger:
    """Read the ledger; one that does not exist is empty.

    A line that is no trial, as a full disk or another program may leave it, stops nobody: it is counted, for it stands
    for at least one trial, of unknown data and outcome.
    """
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    found = [_parse(line) for line in lines if line.strip()]
    return Ledger(tuple(trial for trial in found if trial), found.count(None))


def others(ledger: Ledger, *, data: str, config: str) -> list[Trial]:
    """The latest trial of each other configuration on the same data."""
    latest = {trial.config: trial for trial in ledger.trials if trial.data == data}
    return [trial for tried, trial in latest.items() if tried != config]


def counted(ledger: Ledger, *, data: str, config: str) -> int:
    """How many configurations were tried on the data, this one included, and every unreadable line for one more."""
    return 1 + len(others(ledger, data=data, config=config)) + ledger.unreadable


def deflate(sharpe: Sharpe, own: Mapping[str, float], others: Sequence[Trial], *, unreadable: int = 0) -> float:
    """Probability that a strategy's true Sharpe ratio is above what the best of all that were tried shows by luck.

    The trials are the strategies of this run, whose Sharpe ratios per bar are `own`, and of all other configurations
    on the data; the same model in two configurations is two trials, an unreadable line is one. Trials that resemble
    each other count in full, which is cautious. With one ratio there is no luck of the best: the benchmark is 0.
    Raises UndefinedTest as `deflated`.

    Source: Bailey and Lopez de Prado (2014), Journal of Portfolio Management 40 (5), 94-107.
    """
    ratios = np.array([*own.values(), *(ratio for trial in others for ratio in trial.sharpes.values())])
    variance = float(ratios.var(ddof=1)) if ratios.size > 1 else 0.0
    return deflated(sharpe, max(ratios.size, 1) + unreadable, variance)


def _parse(line: bytes) -> Trial | None:
    """The trial in a line, if there is one."""
    try:
        return _TRIAL.validate_json(line)
    except ValidationError:
        return None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process writes this file; the lock goes with the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
