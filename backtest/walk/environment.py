"""What a run was computed with: versions of the libraries, the processor, the memory."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import psutil

LIBRARIES = ("torch", "polars", "numpy", "scipy", "scikit-learn", "statsmodels", "arch")


def versions() -> dict[str, str]:
    """Versions of this program, of Python and of the libraries that results depend on."""
    return {"beatzero": _version("beatzero"), "python": platform.python_version()} | {
        name: _version(name) for name in LIBRARIES
    }


def hardware(device: str) -> dict[str, str | int | float]:
    """Processor, cores that this process may use, memory in GiB, and the device of the networks."""
    return {
        "cpu": _processor(),
        "cores": cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "device": device,
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def source_files(*names: str) -> tuple[Path, ...]:
    """Source files of the modules `names`, and of everything in those that are packages, sorted, each once.

    Modules are named as they are imported, so moving one is noticed. Raises ModuleNotFoundError for an unknown one.
    """
    found: set[Path] = set()
    for name in names:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"no module named {name!r}", name=name)
        file = Path(spec.origin).resolve()
        found |= set(file.parent.rglob("*.py")) if spec.submodule_search_locations else {file}
    return tuple(sorted(found))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
