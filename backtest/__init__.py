"""Walk-forward backtests of forecasters of returns, with an honest verdict."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

SISTERS = ("data", "features", "models", "reports")


def _refuse_strangers() -> None:
    """Refuse, in one line, to run with another project's package under one of our plain names."""
    root = Path(__file__).resolve().parent.parent
    for name in SISTERS:
        spec = find_spec(name)
        places = [Path(place).resolve() for place in (spec.submodule_search_locations or [])] if spec else []
        if root / name not in places[:1]:
            found = places[0] if places else (spec.origin if spec else "nothing")
            raise ImportError(
                f"package {name!r}: expected {root / name} (found {found}), another project's, which comes first on "
                "the path: run from another folder, or rename the other one"
            )


_refuse_strangers()
