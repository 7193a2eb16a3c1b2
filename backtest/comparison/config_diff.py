"""In what the settings of several runs differ, by dotted names, with the value of each run in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backtest.comparison.compared_runs import Entrant
from backtest.data.records.comparison import Setting

NOT_SETTINGS = {"name"}
"""Of a run's settings, what has no say in its forecasts."""


def differing(entrants: Sequence[Entrant]) -> tuple[Setting, ...]:
    """Return what the runs were not told, made with or fed alike: settings, versions, device, bars."""
    told_alike = len({entrant.manifest.config_sha256 for entrant in entrants}) == 1
    trees = [
        dict(flat(made_of(entrant))) | ({"code of plugins": entrant.trial} if told_alike else {})
        for entrant in entrants
    ]
    names = [name for name in dict.fromkeys(name for tree in trees for name in tree) if name not in NOT_SETTINGS]
    found = [(name, [tree.get(name) for tree in trees]) for name in names]
    return tuple(
        Setting(name, in_words(values)) for name, values in found if any(value != values[0] for value in values)
    )


def made_of(entrant: Entrant) -> dict[str, Any]:
    """Return the settings of a run as a tree, and what else its forecasts depend on."""
    manifest = entrant.manifest
    bars = {"SHA-256 of the bars": manifest.data.sha256, "device": manifest.hardware.device}
    return {**entrant.settings, **bars, "versions": manifest.versions}


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a tree by their dotted names."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def in_words(values: Sequence[Any]) -> tuple[str, ...]:
    """Return one text for each value, empty for None; of lists what they do not have in common, if that tells."""
    lists = [value for value in values if isinstance(value, list)]
    shared = [item for item in lists[0] if all(item in other for other in lists)] if len(lists) == len(values) else []
    own = [[item for item in value if item not in shared] for value in lists]
    if not shared or not any(own):
        return tuple("" if value is None else shown(value) for value in values)
    return tuple(
        f"{shown(items) or 'nothing'} beside the {len(shared)} in common"
        if items
        else f"only the {len(shared)} in common"
        for items in own
    )


def shown(value: Any) -> str:
    """Return a value of TOML in words: names as they are, lists with commas."""
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    if isinstance(value, Mapping):
        return " ".join([str(value.get("name", "")), *(f"{key}={shown(value[key])}" for key in value if key != "name")])
    return value if isinstance(value, str) else json.dumps(value, default=str)
