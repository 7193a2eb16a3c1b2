"""The tables `[model.NAME]` of a run: how they are given, what is wrong with them, how they are written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from backtest.models import MODELS, Entry
from backtest.models.entries import mistakes_of

Tables = Mapping[str, Mapping[str, Any]]


def with_tables(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings whose `models` are names alone, and what tables among them set in the tables `[model.NAME]`.

    `{name = "lstm", as = "lstm_small", hidden = 16}` becomes `lstm_small`, and `[model.lstm_small]` with the name of
    the model, lstm, and hidden = 16. What `[model.lstm_small]` says itself counts. ValueError for a table without a
    name, or a name that stands twice.
    """
    models, tables = tree.get("models"), tree.get("model", {})
    given = [each for each in models if isinstance(each, Mapping)] if isinstance(models, list | tuple) else []
    if not given or not isinstance(tables, Mapping):
        return tree
    for each in given:
        if not isinstance(each.get("name"), str) or not isinstance(each.get("as", ""), str):
            example = '{name = "lstm", as = "lstm_small", hidden = 16}'
            raise ValueError(f"models: must be names, or tables such as {example} (got {dict(each)})")
    names = [each.get("as", each["name"]) if isinstance(each, Mapping) else each for each in models or ()]
    found = dict(tables)
    for each in given:
        name = each.get("as", each["name"])
        if names.count(name) > 1:
            raise ValueError(
                f"models: must have names that differ (got {name} twice): choose another one with as = ..."
            )
        fields = {field: value for field, value in each.items() if field != "as"}
        found[name] = {**fields, **found.get(name, {})}
    return {**tree, "models": names, "model": found}


def kind_of(name: str, tables: Tables) -> str:
    """Return which entry of MODELS a model of the run is."""
    return str(tables.get(name, {}).get("name", name))


def check_tables(tables: Tables, entry: Callable[[str], Entry]) -> None:
    """Raise pydantic's ValidationError where a table sets what its model does not read, or what cannot be.

    `entry` makes the entry of a name. Tables of models that nobody knows are left to the plan of the walk: a plugin may
    still bring them.
    """
    mistakes: list[InitErrorDetails] = []
    for name in tables:
        kind, why = kind_of(name, tables), ""
        if kind != name and name in MODELS:
            why = f"must be left out (got {kind}): {name} is a model itself, choose another name for this one"
        elif kind != name and not name.isidentifier():
            why = f"must be of a model whose own name has letters, digits and underscores alone (got {name})"
        if why:
            error = {"error": ValueError(why)}
            mistakes.append({"type": "value_error", "loc": ("model", name, "name"), "input": kind, "ctx": error})
        elif kind in MODELS:
            try:
                entry(name)
            except ValidationError as wrong:
                mistakes += mistakes_of(wrong, "model", name)
    if mistakes:
        raise ValidationError.from_exception_data("model", mistakes)


def written(entries: Mapping[str, Entry], shared: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the tables as they are written: fields of a model's own, and those that differ from the `shared` ones."""
    tables = {}
    for name, entry in entries.items():
        kind = {} if entry.model.name == name else {"name": entry.model.name}
        changed = {field: value for field, value in entry.shared.items() if value != shared.get(field)}
        own = {**kind, **entry.own, **changed}
        tables[name] = {field: value for field, value in own.items() if value is not None}
    return {name: table for name, table in tables.items() if table}


def read_by(entries: Mapping[str, Entry]) -> dict[str, Any]:
    """Return the shared settings that are read at all, each as the first model reads it."""
    found: dict[str, Any] = {}
    for entry in entries.values():
        found = entry.shared | found
    return found
