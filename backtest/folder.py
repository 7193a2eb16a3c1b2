"""Which folder a run gets: its name's own, unless that holds the run of other settings."""

from __future__ import annotations

from pathlib import Path

from backtest.config import Config, build, parse
from data.errors import ConfigError
from data.runs import runs_folder


def folder_of(config: Config, out: Path | None) -> Path:
    """Return `out`, or `runs/<name>`, or `runs/<name>-<digest>` where the former holds other settings.

    ConfigError where `out` holds other settings: nothing is overwritten.
    """
    if out is not None:
        if not _free(out, config):
            raise ConfigError(
                f"--out: {out} holds a run with other settings: choose another folder, or remove that one"
            )
        return out
    plain = runs_folder() / config.name
    return plain if _free(plain, config) else plain.with_name(f"{config.name}-{config.digest[:8]}")


def _free(folder: Path, config: Config) -> bool:
    """Whether a folder holds no run yet, or one of the same settings."""
    settings = folder / "config.toml"
    if not settings.exists():
        return True
    try:
        return (
            build(parse(settings.read_text("utf-8"), where=str(settings)), where=str(settings)).digest == config.digest
        )
    except ConfigError:
        return False
