"""Frozen dataclasses as JSON text and back: what is not as declared is refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from data.errors import RunError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


def to_text(value: DataclassInstance) -> str:
    """JSON text, the same for the same value to the byte; ValueError for NaN and infinity."""
    return json.dumps(asdict(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def of_text(kind: type[T], text: str, *, name: str, remedy: str) -> T:
    """What `to_text` wrote of the dataclass `kind`; RunError names the file and the first field that is wrong."""
    from pydantic import TypeAdapter, ValidationError  # takes a moment, which most who import this do not need

    try:
        return TypeAdapter(kind).validate_json(text, extra="forbid")
    except ValidationError as invalid:
        first = invalid.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RunError(f"{name}: expected what a finished run writes ({where}: {first['msg']}): {remedy}") from invalid
