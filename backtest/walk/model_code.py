"""What a model is made of, so that a change of its code is noticed: its file, or what was typed into a notebook."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

CONSTANTS = (bool, int, float, complex, str, bytes, type(None), tuple)
WRAPPERS = (property, staticmethod, classmethod)


def source_file(make: Callable[..., Any]) -> Path | None:
    """Return the file that defines a model's factory; None for one that was typed in, as in a notebook."""
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
