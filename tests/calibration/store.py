"""Measurements kept as they are made, so that a calibration that was stopped goes on where it was."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

from backtest.data.run_files import json_bytes, sha256, write_bytes
from backtest.walk.environment import source_files, versions
from backtest.walk.executors import EXECUTORS

STATISTICS = source_files("backtest.significance")
ROOMS = ("data", "evaluation", "features", "models", "significance", "verdict", "walk")
WALKS = source_files(*(f"backtest.{room}" for room in ROOMS))
"""The code that a test, and that a whole walk and its verdict, is computed by."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A function of this package that is called with a `key`, what is measured, and a `part`, how much of it and which.

    It returns something for JSON; `code` is what that depends on beside the function's own file.
    """

    function: Callable[..., Any]
    key: tuple[str | float, ...]
    part: tuple[int, int]
    code: tuple[Path, ...]

    @property
    def name(self) -> str:
        """Name of the file that keeps the result: another one for other arguments, code or versions."""
        files = {Path(inspect.getfile(self.function)), Path(__file__).with_name("worlds.py"), *self.code}
        tree = {"key": self.key, "part": self.part, "code": _digest(tuple(sorted(files)))}
        return f"{self.function.__name__}-{sha256(json_bytes(tree))[:24]}.json"


Results = Mapping[tuple[Any, ...], list[Any]]
"""Results of one function by key, those of its parts in their order."""


def measure_all(
    measurements: Sequence[Measurement], folder: Path, jobs: int, tell: Callable[[int, int], None]
) -> Mapping[Callable[..., Any], Results]:
    """Return the results of all measurements by function; `tell` hears how many of how many are there."""
    results = {}
    for each, result in measure(measurements, folder, jobs):
        results[each] = result
        tell(len(results), len(measurements))
    found: dict[Callable[..., Any], dict[tuple[Any, ...], list[Any]]] = {}
    for each in measurements:
        found.setdefault(each.function, {}).setdefault(each.key, []).append(results[each])
    return found


def measure(measurements: Sequence[Measurement], folder: Path, jobs: int) -> Iterator[tuple[Measurement, Any]]:
    """Yield every measurement with its result as it is there: those that `folder` keeps, then the others.

    They are made by `jobs` processes of one thread each.
    """
    paths = {each: folder / each.name for each in measurements}
    missing = [each for each, path in paths.items() if not path.exists()]
    for each, path in paths.items():
        if each not in missing:
            yield each, json.loads(path.read_bytes())
    execute = EXECUTORS["loky" if jobs > 1 else "serial"]
    for each in execute([partial(_make, each, paths[each]) for each in missing], jobs):
        yield each, json.loads(paths[each].read_bytes())


def _make(measurement: Measurement, path: Path) -> Measurement:
    """Make one measurement and keep it.

    joblib takes what a process holds after its first call for its normal size, and replaces those that grow by 300 MB:
    so torch, which some walks need, is there from the first.
    """
    import_module("torch")
    write_bytes(path, json_bytes(measurement.function(*measurement.key, *measurement.part)))
    return measurement


@cache
def _digest(files: tuple[Path, ...]) -> str:
    sums = {f"{path.parent.name}/{path.name}": sha256(path.read_bytes()) for path in files}
    return sha256(json_bytes({"files": sums, "versions": versions()}))
