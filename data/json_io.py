"""Frozen dataclasses as JSON text and back: what is not as declared is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from backtest.data.errors import RunError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """A frozen dataclass that one file holds as JSON: `file` is its name, `remedy` says how to write it again."""

    file: ClassVar[str]
    remedy: ClassVar[str]

    def to_json(self) -> str:
        """JSON text, the same for the same record to the byte; ValueError for NaN and infinity."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote; RunError names the file and the first field that is wrong."""
        return from_json(cls, text, name=cls.file, remedy=cls.remedy)


def to_json(value: DataclassInstance) -> str:
    """JSON text, the same for the same value to the byte; ValueError for NaN and infinity."""
    return json.dumps(asdict(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(kind: type[T], text: str | bytes, *, name: str, remedy: str) -> T:
    """What `to_json` wrote of the dataclass `kind`; RunError names the file and the first field that is wrong."""
    return from_tree(kind, parse_json(text, name=name, remedy=remedy), name=name, remedy=remedy)


def parse_json(text: str | bytes, *, name: str, remedy: str) -> Any:
    """JSON as a tree; RunError names the file where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as broken:
        raise RunError(f"{name}: expected JSON ({broken}): {remedy}") from broken


def from_tree(kind: type[T], tree: Any, *, name: str, remedy: str) -> T:
    """The dataclass `kind` from JSON that was parsed, more in it left out; RunError names the first wrong field.

    No number may be NaN or infinite.
    """
    from pydantic import TypeAdapter, ValidationError  # takes a moment, which most who import this do not need

    try:
        odd = next(not_finite(tree), None)
    except RecursionError as deep:
        raise RunError(f"{name}: expected what a finished run writes (got lists in lists, {deep}): {remedy}") from deep
    if odd:
        raise RunError(f"{name}: expected finite numbers ({odd}): {remedy}")
    try:
        return TypeAdapter(kind).validate_python(tree)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(f"{name}: expected what a finished run writes ({where}: {first['msg']}): {remedy}") from invalid


def not_finite(tree: Any, where: str = "") -> Iterator[str]:
    """Yield the place of every NaN and infinity in a tree, such as `candidates.0.skill: nan`."""
    if isinstance(tree, float) and not isfinite(tree):
        yield f"{where}: {tree}"
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from not_finite(value, f"{where}.{key}" if where else f"{key}")
