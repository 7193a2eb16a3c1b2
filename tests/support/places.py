"""Where tests find the golden values and the real bars that are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_folder = Path(os.environ.get("BEATZERO_SHARED") or Path(__file__).parents[3] / "shared")

SHARED: Path | None = _folder if (_folder / "reference").is_dir() and (_folder / "data").is_dir() else None

needs_shared = pytest.mark.skipif(
    SHARED is None, reason="needs the golden values and real bars: set BEATZERO_SHARED to their folder"
)


def shared(*parts: str) -> Path:
    """Path of a shared file; only for tests marked `needs_shared`."""
    assert SHARED is not None
    return SHARED.joinpath(*parts)
