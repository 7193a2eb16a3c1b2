"""Run folders: where they are, how files are written atomically, and how damage is found."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from backtest.data.errors import RunError
from backtest.data.schema import Schema, check

MANIFEST, SETTINGS, VERDICT = "manifest.json", "config.toml", "verdict.json"
FORMAT = 5
"""Of run folders: a reader refuses those of another one."""

LOCK = ".lock"

UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, RuntimeError, ValueError)
"""What polars raises for bytes that are no table; a panic is no Exception."""


def home() -> Path:
    """Folder under which `runs/` and `datasets/` are made: BACKTEST_HOME, or the working directory."""
    return Path(os.environ.get("BACKTEST_HOME") or ".")


def runs_folder() -> Path:
    """Folder of all runs."""
    return home() / "runs"


def user_folder() -> Path:
    """Folder of what concerns all runs of a user: BACKTEST_HOME, or the platform's folder for the data of programs."""
    if own := os.environ.get("BACKTEST_HOME"):
        return Path(own)
    usual = "~/Library/Application Support" if sys.platform == "darwin" else "~/.local/share"
    return Path(os.environ.get("XDG_DATA_HOME") or usual).expanduser() / "beatzero"


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a crash at any instant leaves the old one or the new one, whole.

    Until then it has a name that nobody can guess, or a link of that name could lead the content elsewhere.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, atomically, with sorted keys, refusing NaN."""
    write_bytes(path, json_bytes(content))


def json_bytes(content: Any) -> bytes:
    """JSON with sorted keys and a final line break; ValueError for NaN and infinity."""
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode()


def table_bytes(frame: pl.DataFrame) -> bytes:
    """Parquet bytes of a frame; the same frame gives the same bytes however it was put together."""
    buffer = io.BytesIO()
    frame.rechunk().write_parquet(buffer, compression="zstd", compression_level=3, row_group_size=1 << 20)
    return buffer.getvalue()


def write_table(path: Path, frame: pl.DataFrame, schema: Schema) -> None:
    """Write a table as Parquet, atomically, after checking it against its schema."""
    write_bytes(path, table_bytes(check(frame, schema)))


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_manifest(run: Path) -> dict[str, Any]:
    """Read the manifest of a finished run; RunError where there is none, it cannot be read, or has another FORMAT."""
    path = run / MANIFEST
    if not path.is_file():
        raise RunError(f"{run}: expected a finished run (found no {MANIFEST}): rerun the command that started it")
    try:
        manifest = json.loads(path.read_bytes())
        if not all(isinstance(expected, str) for expected in manifest["files"].values()):
            raise ValueError("a checksum that is not text")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as broken:
        raise RunError(f"{path}: expected the manifest of a run (got {broken}): run `backtest run` again") from broken
    if manifest.get("format") != FORMAT:
        raise RunError(
            f"{path}: written by another version of beatzero (expected run format {FORMAT}, got "
            f"{manifest.get('format')}): open it with that version, or run `backtest run` again into this folder"
        )
    return dict(manifest)


def read_bytes(run: Path, name: str, manifest: dict[str, Any]) -> bytes:
    """Content of one file of a run, its SHA-256 checked before anything parses it; RunError where it is damaged."""
    expected = manifest["files"].get(name)
    path = run / name
    if expected is None or not path.is_file():
        raise RunError(f"{path}: the run has no such file: run `backtest run` again, it writes what is missing")
    content = path.read_bytes()
    if sha256(content) != expected:
        raise RunError(
            f"{path}: damaged: its SHA-256 is {sha256(content)[:12]}..., the manifest says {expected[:12]}...; "
            "delete the file and run `backtest run` again"
        )
    return content


def read_table(run: Path, name: str, schema: Schema, manifest: dict[str, Any]) -> pl.DataFrame:
    """One table of a run, checked against the manifest and against its schema; RunError where it is no table."""
    content = read_bytes(run, name, manifest)
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except UNREADABLE as broken:
        reason = str(broken).partition("\n")[0]
        raise RunError(
            f"{run / name}: expected a Parquet file (got {reason}): delete the file and run `backtest run` again"
        ) from broken
    return check(frame, schema)


def verify(run: Path) -> list[str]:
    """Every difference between a finished run and its manifest; empty if there is none."""
    manifest = read_manifest(run)
    problems = []
    for name, expected in manifest["files"].items():
        path = run / name
        if not path.is_file():
            problems.append(f"{name}: missing")
        elif sha256(path.read_bytes()) != expected:
            problems.append(f"{name}: changed since the run was finished")
    return problems


def file_sums(run: Path, names: list[str]) -> dict[str, str]:
    """SHA-256 of the named files of a run, by name."""
    return {name: sha256((run / name).read_bytes()) for name in sorted(names)}


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a run folder for one process; RunError where another holds it. The lock goes with the process."""
    run.mkdir(parents=True, exist_ok=True)
    with (run / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            raise RunError(f"{run}: in use by another process: wait for it, or choose another --out") from busy
        yield
