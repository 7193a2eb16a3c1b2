"""The unit of work: one model fitted on one fold with one seed, identified by a key.

The key is a hash of everything that the forecasts depend on: the rows of the slice, features and training targets
alike, the spans, the settings, the seed, the code and its numerical libraries. A result is reused if its key is the
same, and never otherwise. The targets of the test span are no part of it: no model sees them.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from backtest.data.losses import LOSSES
from backtest.data.question import Question
from backtest.data.run_files import json_bytes, sha256
from backtest.data.targets import Target
from backtest.models import Model
from backtest.models.windows import Panel, Windows, microseconds
from backtest.walk.config import Config
from backtest.walk.environment import source_files
from backtest.walk.folds import Fold

LIBRARIES = ("arch", "numpy", "polars", "scikit-learn", "scipy", "torch")
CODE = ("backtest.models", *(f"backtest.walk.{name}" for name in ("fitting", "folds", "store", "tasks")))
"""The modules that compute a fit and its forecasts, and write them down."""

CONSTANTS = (bool, int, float, complex, str, bytes, type(None), tuple)
WRAPPERS = (property, staticmethod, classmethod)
"""What a model's code holds besides functions and classes."""


@dataclass(frozen=True, slots=True)
class Task:
    """One fit: `folds` are all those that it forecasts, the first of them the one it is fitted on.

    `seed` is None for a model that does not depend on it; `after` names the task whose weights it starts from;
    `question` says what is forecast, and at which horizons; `fits` counts those of all candidates where it is tuned.
    """

    model: str
    seed: int | None
    folds: tuple[Fold, ...]
    key: str
    after: str | None = None
    question: Question = field(default_factory=Question)
    fits: int = 1

    @property
    def fold(self) -> Fold:
        """The fold that is fitted."""
        return self.folds[0]

    @property
    def folder(self) -> str:
        """Name of the task's folder among the checkpoints."""
        return f"{self.model}-{self.fold.index:04d}-{'x' if self.seed is None else self.seed}-{self.key[:16]}"

    @property
    def fit_seed(self) -> int:
        """Seed of the fit: another one for each fold, so that fits are independent."""
        return int(np.random.SeedSequence([self.seed or 0, self.fold.index]).generate_state(1)[0])


def learning_windows(panel: Panel, fold: Fold, window: int) -> tuple[Windows, Windows]:
    """Windows to train on and to stop by; the targets of each are known before the following span starts."""
    train, validation = fold.train, fold.validation
    return (
        panel.training(train.start, train.end, window=window, known_by=validation.start),
        panel.validation(validation.start, validation.end, window=window, known_by=fold.test.start),
    )


def plan_tasks(config: Config, panel: Panel, folds: Sequence[Fold], plugin_files: tuple[Path, ...] = ()) -> list[Task]:
    """All tasks of a run in the order of models, seeds and folds; `plugin_files` are the code of its plugins."""
    groups = [tuple(group) for _, group in groupby(folds, key=lambda fold: fold.fit_index)]
    slices = [_slice_digest(panel, group) for group in groups]
    tasks: list[Task] = []
    for name, entry in config.entries.items():
        seeded = entry.model.seeded
        read = {"own": entry.own, "shared": entry.shared, "window": config.net.window}
        asked = {"target": config.target.kind, "horizons": config.target.horizons}
        if entry.candidates:
            read |= {"tried": [one.values for one in entry.candidates], "loss": _loss_digest(config, plugin_files)}
        of = {"model": name, "is": entry.model.name, "code": code_digest(entry.model, plugin_files)}
        for seed in range(config.seeds) if seeded else [None]:
            after: str | None = None
            for group, rows in zip(groups, slices, strict=True):
                spans = [
                    [fold.index, *(edge.isoformat() for span in fold.spans for edge in (span.start, span.end))]
                    for fold in group
                ]
                key = sha256(
                    json_bytes({**of, **asked, **read, "seed": seed, "rows": rows, "spans": spans, "after": after})
                )
                tasks.append(Task(name, seed, group, key, after, config.resolved_question, len(entry.variants)))
                if entry.train.start == "warm" and seeded:
                    after = tasks[-1].folder
    return tasks


def chains(tasks: Iterable[Task], panel: Panel) -> list[tuple[Task, ...]]:
    """Tasks that must follow one another, together; the longest first, so that workers finish at about the same time.

    A fold's tasks stand together, its networks first, so that folds are finished one by one.
    """
    found: dict[str, list[Task]] = {}
    for task in tasks:
        chain = found.pop(task.after, []) if task.after else []
        found[task.folder] = [*chain, task]
    return sorted((tuple(chain) for chain in found.values()), key=lambda chain: _work(chain, panel), reverse=True)


def _work(chain: Sequence[Task], panel: Panel) -> tuple[int, bool]:
    """Amount of work: training rows, then networks before the rest."""
    rows = 0
    for task in chain:
        start, end = microseconds(task.fold.train.start), microseconds(task.fold.train.end)
        rows += int(((panel.time >= start) & (panel.time < end)).sum())
    return rows * chain[0].fits, chain[0].seed is not None


def _slice_digest(panel: Panel, group: Sequence[Fold]) -> str:
    """Hash of all rows before the last test span's end, with the targets before the validation's end alone.

    Of later targets only whether they are known: that decides which rows are forecast.
    """
    seen = panel.time < microseconds(group[-1].test.end)
    learned = panel.time < microseconds(group[0].validation.end)
    digest = hashlib.sha256("\0".join((*panel.names, "", *panel.symbols)).encode())
    rows = [
        panel.time[seen],
        panel.features[seen],
        panel.returns[seen],
        panel.valid_length[seen],
        panel.known[seen],
    ]
    rows += [measure[seen] for measure in (panel.variances, panel.quarticities) if measure is not None]
    for column in (*rows, panel.targets[learned], panel.target_time[learned]):
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


def _loss_digest(config: Config, plugin_files: tuple[Path, ...]) -> str:
    """Hash of the loss by which tuning chooses: its name and its code."""
    name = config.resolved_question.loss
    return sha256(json_bytes([name, *_code(plugin_files, LOSSES[name].function)]))


def code_digest(model: Model, plugin_files: tuple[Path, ...]) -> str:
    """Hash of the code that computes a model, that of plugins included, and of the libraries' versions."""
    files, definitions = _code(plugin_files, model.make, model.settings)
    libraries = {library: version(library) for library in LIBRARIES}
    return sha256(json_bytes({"files": [*_digests(CODE), *files], "definitions": definitions, "libraries": libraries}))


def _code(plugin_files: tuple[Path, ...], function: Callable[..., Any], *more: object) -> tuple[list[str], list[str]]:
    """SHA-256 of the files of plugins and of a function's own; where it was typed in, its definitions and `more`."""
    own = source_file(function)
    files = [sha256(path.read_bytes()) for path in (*([own] if own else []), *plugin_files)]
    return files, [] if own else sorted(line for each in (function, *more) for line in definitions_of(each))


@functools.cache
def _digests(modules: tuple[str, ...]) -> list[str]:
    """SHA-256 of each source file, read once: later changes are not what this process has imported."""
    return [sha256(path.read_bytes()) for path in source_files(*modules)]


def user_models(config: Config, plugin_files: tuple[Path, ...]) -> tuple[Model, ...]:
    """Return the models that no worker process can import by itself, such as those of a notebook."""
    models = {entry.model.name: entry.model for entry in config.entries.values()}
    own = [model for model in models.values() if not inspect.unwrap(model.make).__module__.startswith("backtest.")]
    return tuple(model for model in own if source_file(model.make) not in plugin_files)


def user_targets(config: Config, plugin_files: tuple[Path, ...]) -> dict[str, Target]:
    """Return the target, if no worker process can import it by itself, as of a notebook."""
    name, target = config.target.kind, config.resolved_question.about
    built_in = target.outcome.__module__.startswith("backtest.")
    return {} if built_in or source_file(target.outcome) in plugin_files else {name: target}


def source_file(make: Callable[..., Any]) -> Path | None:
    """Return the file that defines a model's factory or a target; None for one that was typed in, as in a notebook."""
    try:
        file = Path(inspect.getfile(inspect.unwrap(make)))
    except (TypeError, OSError):
        return None
    return file.resolve() if file.is_file() else None


def definitions_of(thing: object, seen: set[int] | None = None) -> Iterator[str]:
    """Yield the code of a function or class, and of everything from the same module that it uses by name."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, FunctionType):
        yield f"{thing.__qualname__} {_text(thing)}"
        used = [thing.__globals__[name] for name in _names(thing.__code__) if name in thing.__globals__]
        cells = [cell.cell_contents for cell in thing.__closure__ or ()]
        defaults = [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
        parts = [*used, *cells, *defaults, getattr(thing, "__wrapped__", None)]
    elif isinstance(thing, type):
        yield f"{thing.__qualname__} ({', '.join(base.__qualname__ for base in thing.__bases__)})"
        parts = [*thing.__bases__, *vars(thing).values()]
    elif isinstance(thing, functools.partial):
        parts = [thing.func, *thing.args, *thing.keywords.values()]
    elif isinstance(thing, WRAPPERS):
        parts = [getattr(thing, name, None) for name in ("fget", "fset", "__func__")]
    else:
        parts = []
        if isinstance(thing, CONSTANTS):
            yield repr(thing)
    module = getattr(thing, "__module__", None)
    for part in parts:
        if isinstance(part, (*CONSTANTS, *WRAPPERS)) or _module(part) in {module, "__main__"}:
            yield from definitions_of(part, seen)


def _module(thing: object) -> str | None:
    return getattr(thing, "__module__", None) if isinstance(thing, FunctionType | type | functools.partial) else None


def _text(function: FunctionType) -> str:
    """Return the source of a function, or its bytecode if no source is known."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return "".join(_bytecode(function.__code__))


def _bytecode(code: CodeType) -> Iterator[str]:
    yield f"{code.co_code.hex()} {code.co_names} {code.co_varnames}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _bytecode(constant)
        else:
            yield repr(sorted(constant, key=repr) if isinstance(constant, frozenset) else constant)


def _names(code: CodeType) -> Iterator[str]:
    """Yield every global name that a function may read, nested functions included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
