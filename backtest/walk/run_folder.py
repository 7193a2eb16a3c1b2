"""Which folder a run gets: its name's own, unless that holds something else."""

from __future__ import annotations

from pathlib import Path

from backtest.data.errors import ConfigError
from backtest.data.records.audit import AUDIT
from backtest.data.run_files import SETTINGS, runs_folder
from backtest.walk.config import Config, build, parse, read_text


def folder_of(config: Config, out: Path | None) -> Path:
    """Return `out`, or `runs/<name>`, or `runs/<name>-<digest>` where the former holds something else.

    ConfigError where `out` does: nothing is overwritten.
    """
    if out is not None:
        refuse_other(out, config)
        return out
    plain = runs_folder() / config.name
    return plain if _free(plain, config) else plain.with_name(f"{config.name}-{config.digest[:8]}")


def refuse_other(folder: Path, config: Config) -> None:
    """Raise ConfigError where a folder holds a run of other settings, or files that are no run's."""
    if not _free(folder, config):
        held = "a run with other settings" if (folder / SETTINGS).exists() else "files that are no run's"
        raise ConfigError(f"--out: {folder} holds {held}: choose another folder")


def _free(folder: Path, config: Config) -> bool:
    """Whether a folder holds nothing yet, an audit and hidden files aside, or a run of the same settings."""
    settings = folder / SETTINGS
    if folder.exists() and not folder.is_dir():
        return False
    if not settings.exists():
        entries = folder.iterdir() if folder.exists() else ()
        return all(entry.name.startswith(".") or entry.name == AUDIT for entry in entries)
    try:
        return build(parse(read_text(settings), where=str(settings)), where=str(settings)).digest == config.digest
    except ConfigError:
        return False
