"""Import a user's own modules, so that the features they define join the table."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from backtest.data.errors import ConfigError

LOADED: dict[str, tuple[Path, ...]] = {}
"""Files of each plugin: its own, and those of the modules in the same folder that it imported first."""


def load(modules: Sequence[str], config_dir: Path | None = None, working: Path | None = None) -> tuple[Path, ...]:
    """Import `modules` from `config_dir`, the folder of the settings file, or else from the working directory.

    `working` is that directory where it is not this process's own. Returns the files of their code.

    A module that was loaded before is not run again. Raises ConfigError for a module that is not there, that fails,
    or whose name another module has.
    """
    folders = [folder.resolve() for folder in (config_dir, working or Path.cwd()) if folder]
    for module in modules:
        folder, file = _find(module, folders)
        if module not in sys.modules and module not in sys.stdlib_module_names:
            _run(module, folder, file)
            continue
        origin = getattr(sys.modules.get(module), "__file__", None) or "of Python's own"
        if Path(origin).resolve() != file:
            raise ConfigError(f"plugins: {module} is the name of another module, {origin}: rename {file}")
    return tuple(sorted({file for module in modules for file in LOADED.get(module, ())}))


def _find(module: str, folders: Sequence[Path]) -> tuple[Path, Path]:
    """Return the first folder that holds `module`, and the module's file."""
    for folder in folders:
        path = folder.joinpath(*module.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return folder, file
    places = " nor in ".join(str(folder) for folder in dict.fromkeys(folders))
    raise ConfigError(f"plugins: no module {module} in {places}: write its name without .py, as an import would")


def _run(module: str, folder: Path, file: Path) -> None:
    """Import `module`; any exception becomes a ConfigError that names the line."""
    before, path = set(sys.modules), sys.path.copy()
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        importlib.import_module(module)
        files = (getattr(sys.modules[name], "__file__", None) for name in set(sys.modules) - before)
        LOADED[module] = tuple(sorted(Path(name) for name in files if name and Path(name).is_relative_to(folder)))
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
        line = error.lineno if isinstance(error, SyntaxError) and not lines else lines[-1] if lines else None
        place = f"{file}, line {line}" if line else str(file)
        raise ConfigError(f"plugins: {module} cannot be imported: {type(error).__name__}: {error} ({place})") from error
    finally:
        sys.path[:] = path
