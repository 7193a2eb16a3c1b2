"""Where finished tasks keep their files: checkpoints in a run folder, or memory. Whole or not at all, and checked."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from backtest.data.errors import RunError
from backtest.data.run_files import json_bytes, sha256, sync_folder, write_bytes
from backtest.models.forecaster import Epoch, FitLog, Tuning
from backtest.walk.tasks import Task

CHECKPOINTS = "checkpoints"
FORECASTS = "forecasts.parquet"
STATE = "state.safetensors"
RECORD = "fit.json"
SECONDS = "seconds.txt"
"""How long the fit took; not in the record, so that the same task leaves the same bytes."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a finished task reports: its fit log, its training windows times epochs, and the SHA-256 of its files."""

    key: str
    model: str
    seed: int | None
    fold: int
    log: FitLog
    windows: int
    files: dict[str, str]

    def to_json(self) -> bytes:
        """Return the record as JSON with its own checksum, `seal`."""
        tree = asdict(self)
        return json_bytes({**tree, "seal": sha256(json_bytes(tree))})

    @classmethod
    def read(cls, content: bytes) -> Record:
        """Read the record from its JSON; KeyError, TypeError or ValueError if it is damaged or something else."""
        tree = json.loads(content)
        if tree.pop("seal") != sha256(json_bytes(tree)):
            raise ValueError("its checksum is wrong")
        log = tree.pop("log")
        epochs = tuple(Epoch(**epoch) for epoch in log.pop("epochs"))
        tuning = log.pop("tuning", None)
        return cls(log=FitLog(epochs=epochs, tuning=tuning and Tuning(**tuning), **log), **tree)


class Store(Protocol):
    """Keeps the files of finished tasks. `shared`: whether other processes see what one of them keeps."""

    shared: ClassVar[bool]

    def find(self, task: Task) -> Record | None:
        """Return the record of a task that is finished and undamaged; None if it has to be computed."""

    def keep(self, task: Task, files: Mapping[str, bytes]) -> None:
        """Keep the files of a finished task, all or none."""

    def read(self, folder: str, name: str) -> bytes:
        """Return one file of a finished task; RunError if it is damaged."""

    def seconds(self, task: Task) -> float:
        """Return how long the fit of a finished task took."""


class MemoryStore:
    """Keeps files in this process. A copy in another process starts empty: what it keeps has to be sent back."""

    shared: ClassVar[bool] = False

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}

    def __reduce__(self) -> tuple[type[MemoryStore], tuple[()]]:
        """Pickle as an empty store."""
        return MemoryStore, ()

    def find(self, task: Task) -> Record | None:
        """Return the record of a finished task, None if it has to be computed."""
        files = self.files.get(task.folder)
        return Record.read(files[RECORD]) if files else None

    def keep(self, task: Task, files: Mapping[str, bytes]) -> None:
        """Keep the files of a finished task."""
        self.files[task.folder] = dict(files)

    def read(self, folder: str, name: str) -> bytes:
        """Return one file of a finished task."""
        return self.files[folder][name]

    def seconds(self, task: Task) -> float:
        """Return how long the fit of a finished task took."""
        return float(self.files[task.folder][SECONDS])


@dataclass(frozen=True, slots=True)
class RunFolderStore:
    """Keeps a folder for each task under `checkpoints/` of the folder `run`."""

    run: Path
    shared: ClassVar[bool] = True

    def find(self, task: Task) -> Record | None:
        """Return the record of a task that is finished and undamaged; None if it has to be computed."""
        folder = self.run / CHECKPOINTS / task.folder
        try:
            record = Record.read((folder / RECORD).read_bytes())
            whole = all(sha256((folder / name).read_bytes()) == digest for name, digest in record.files.items())
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return record if whole and record.key == task.key else None

    def keep(self, task: Task, files: Mapping[str, bytes]) -> None:
        """Write files into a folder that gets its name only when all of them are safe on disk."""
        checkpoints = self.run / CHECKPOINTS
        final, unfinished = checkpoints / task.folder, checkpoints / f".{task.folder}.{os.getpid()}"
        for name, content in files.items():
            write_bytes(unfinished / name, content)
        if final.exists():  # damaged, or it would not have been computed again
            shutil.rmtree(final)
        try:
            unfinished.rename(final)
        except OSError:
            if not (final / RECORD).exists():
                raise
            shutil.rmtree(unfinished)  # a worker that outlived its parent was faster; the bytes are the same
        sync_folder(checkpoints)

    def read(self, folder: str, name: str) -> bytes:
        """Return one file of a finished task; RunError if its record says otherwise."""
        path = self.run / CHECKPOINTS / folder
        content = (path / name).read_bytes()
        if sha256(content) != Record.read((path / RECORD).read_bytes()).files[name]:
            raise RunError(f"{path / name}: damaged: delete {path} and run `backtest run` again")
        return content

    def seconds(self, task: Task) -> float:
        """Return how long the fit of a finished task took."""
        return float((self.run / CHECKPOINTS / task.folder / SECONDS).read_text())
