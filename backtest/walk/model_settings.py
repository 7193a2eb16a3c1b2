"""The tables `[model.NAME]` of a run: how they are given, what is wrong with them, how they are written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from backtest.data.targets import target_of
from backtest.models import MODELS, Entry
from backtest.models.entries import mistakes_of
from backtest.models.settings import TrainSettings
from backtest.models.tuning import BUDGET, mistakes_in

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


Made = Callable[[str, Mapping[str, Any]], Entry]
"""Makes the entry of a name, with some values for its fields."""


def check_tables(tables: Tables, tuned: Tables, made: Made) -> None:
    """Raise pydantic's ValidationError where a table sets what its model does not read, or what cannot be.

    `tables` are `[model.NAME]`, `tuned` are `[tune.NAME]`. Those of models that nobody knows are left to the plan of
    the walk: a plugin may still bring them.
    """
    mistakes: list[InitErrorDetails] = []
    for name in tables:
        kind, why = kind_of(name, tables), ""
        if kind != name and name in MODELS:
            why = f"must be left out (got {kind}): {name} is a model itself, choose another name for this one"
        elif kind != name and not name.isidentifier():
            why = f"must be of a model whose own name has letters, digits and underscores alone (got {name})"
        if why:
            mistakes.append(_mistake(why, kind, "model", name, "name"))
        elif kind in MODELS:
            mistakes += _wrong(made, name, {}, "model")
    for name, table in tuned.items():
        mistakes += [
            _mistake(why, table, "tune", name, *filter(None, [key])) for key, why in mistakes_in(table).items()
        ]
        if not mistakes and kind_of(name, tables) in MODELS:
            values = [{field: value} for field, several in table.items() if field != BUDGET for value in several]
            mistakes += [each for one in values for each in _wrong(made, name, one, "tune")]
    if mistakes:
        raise ValidationError.from_exception_data("model", mistakes)


def check_training(target: str, train: TrainSettings, own: Mapping[str, Entry]) -> None:
    """ValueError where a model would be trained in a way that the `target` or its tuning does not allow.

    `train` are the settings of all models, `own` the models with tables.
    """
    trained = [("train", train)]
    for name, entry in own.items():
        tuned = any("loss" in one.values for one in entry.candidates)
        trained += [(f"{'tune' if tuned else 'model'}.{name}", one.train) for one in entry.variants]
        if entry.candidates and any(one.train.start == "warm" for one in entry.variants):
            raise ValueError(
                f"tune.{name}: must come with train.start = cold (got warm): candidates have no weights in common"
            )
    for place, settings in trained:
        if settings.loss == "qlike" and target_of(target).scale != "variance":
            raise ValueError(f"{place}.loss: must be squared for {target} (got qlike): it is for variances alone")


def _wrong(made: Made, name: str, values: Mapping[str, Any], table: str) -> list[InitErrorDetails]:
    """The mistakes in some values of a model."""
    try:
        made(name, values)
    except ValidationError as wrong:
        return mistakes_of(wrong, table, name)
    return []


def _mistake(why: str, got: object, *place: str) -> InitErrorDetails:
    """A mistake that is told in the words of `why`."""
    return {"type": "value_error", "loc": place, "input": got, "ctx": {"error": ValueError(why)}}


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
