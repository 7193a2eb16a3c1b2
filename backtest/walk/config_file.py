"""The configuration of a run from a preset or a TOML file: every mistake in it is named, with what to do."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from backtest.data.errors import ConfigError
from backtest.data.reading.tables import SUFFIXES
from backtest.features import plugins
from backtest.models import MODELS
from backtest.models.registry import TABLES
from backtest.models.tuning import BUDGET
from backtest.walk.config import Config
from backtest.walk.model_settings import with_tables


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration, and the folder of the TOML file it came from (none for a preset)."""

    config: Config
    config_dir: Path | None


def presets() -> dict[str, str]:
    """TOML text of each preset by name."""
    folder = resources.files("backtest") / "presets"
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {name.removesuffix(".toml"): (folder / name).read_text("utf-8") for name in found}


def load(config: str, *, data: str | None = None, settings: Sequence[str] = ()) -> LoadedConfig:
    """Read a preset or a TOML file, then apply `--data` and each `--set key=value`, a list as `1,5` or as in TOML.

    Raises ConfigError naming the setting, what was expected, what it got and what to do.
    """
    known = presets()
    path = Path(config)
    if config in known:
        text, config_dir = known[config], None
    elif path.suffix.lower() in SUFFIXES:
        raise ConfigError(
            f"CONFIG: expected a preset or a TOML file (got {config}, a file of data): name it as --data {config}, "
            "beside a CONFIG or without one"
        )
    elif path.is_file():
        text, config_dir = read_text(path), path.resolve().parent
    else:
        raise ConfigError(f"CONFIG: expected a preset or a TOML file (got {config}){_nearest(config, list(known))}")
    tree = parse(text, where=config)
    if data is not None:
        _put(tree, "data.source", data)
    changed: list[str] = []
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set: expected key=value, such as train.epochs=5 (got {setting})")
        given = _value(value.strip())
        is_entry = entry_of(key.strip()) and not isinstance(given, list | dict)
        changes = with_names({key.strip(): _entries(given) if is_entry else given}, "--set")
        for name, change in changes.items():
            _put(tree, name, change)
        changed.append(key.strip())
    load_plugins(tree, config_dir)
    return LoadedConfig(build(tree, where=config, changed=changed), config_dir)


def load_plugins(tree: Mapping[str, Any], config_dir: Path | None) -> None:
    """Import the plugins that settings name, whose targets and losses the settings may then name."""
    named = tree.get("plugins", ())
    if isinstance(named, list | tuple) and all(isinstance(name, str) for name in named):
        plugins.load(named, config_dir)


def read_text(path: Path) -> str:
    """Content of a TOML file; ConfigError where it is not UTF-8."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as broken:
        raise ConfigError(f"{path}: expected UTF-8: {broken}: save the file in that encoding") from broken


def parse(text: str, *, where: str) -> dict[str, Any]:
    """TOML as a tree; ConfigError with line and column where it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as broken:
        raise ConfigError(f"{where}: expected TOML: {broken}") from broken


def build(
    tree: Mapping[str, Any], *, where: str, changed: Sequence[str] = (), spelt: Callable[[str], str] = str
) -> Config:
    """Check a tree of settings; ConfigError lists everything that is wrong with it.

    It names `where` they are from, for those that were `changed` on the command line `--set`; `spelt` says how a
    setting that is advised, such as `net.hidden`, is spelt there.
    """
    try:
        return Config.model_validate(tree)
    except ValidationError as invalid:
        errors = [error for error in invalid.errors() if not _follows(error, invalid.errors())]
        lines = dict.fromkeys(_explain(error, spelt) for error in errors)  # once, if several types would do
        own = tuple(f"{key}{after}" for key in changed for after in (":", "."))
        told = (f"{'--set' if line.startswith(own) else where}: {line}" for line in lines)
        raise ConfigError("\n".join(told)) from invalid


EXPECTED = {
    "greater_than_equal": "a number of at least {ge}",
    "greater_than": "a number above {gt}",
    "less_than_equal": "a number of at most {le}",
    "less_than": "a number below {lt}",
    "finite_number": "a finite number",
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "text",
    "dict_type": "a table of settings, such as hidden = 16",
    "string_pattern_mismatch": "letters, digits, dots, dashes and underscores, a letter or digit first",
    "too_short": "a list of at least {min_length}",
    "literal_error": "one of {expected}",
    **dict.fromkeys(("model_type", "model_attributes_type"), "a table of settings, such as train.epochs = 5"),
    "missing": "a value",
}
"""What a setting must be, by pydantic's name of the mistake."""


def _explain(error: Mapping[str, Any], spelt: Callable[[str], str]) -> str:
    """One mistake that pydantic found: which setting, what was expected, what it got, what to do."""
    kind, parts, got = error["type"], error["loc"], "none" if error["type"] == "missing" else error["input"]
    place = ".".join(part for part in parts if isinstance(part, str))
    if kind == "extra_forbidden":
        fields: Any = Config
        for part in parts[:-1]:
            fields = get_args(fields)[-1] if get_origin(fields) is dict else fields.model_fields[part].annotation
        last, table = str(parts[-1]), "".join(f"{part}." for part in parts[:-1])
        known = [field.alias or name for name, field in fields.model_fields.items()]
        near = _nearest(last, known, lambda name: spelt(table + name))
        spellings = last, OTHER_SPELLINGS.get(last, last)
        elsewhere = [spelt(name) for name in all_settings() if name.rpartition(".")[2] in spellings and "." in name]
        meant = f": did you mean {' or '.join(elsewhere)}?" if elsewhere else near
        return f"{place}: unknown setting{meant}"
    if kind == "unknown_setting":
        within = ".".join(map(str, parts[:-1]))
        near = _nearest(str(parts[-1]), error["ctx"]["known"], lambda name: spelt(f"{within}.{name}"))
        return f"{place}: unknown setting{near}"
    if kind == "value_error":
        message = str(error["ctx"]["error"])
        return f"{place}.{message}" if place and not message.startswith("must") else f"{place}: {message}".lstrip(": ")
    remedy = ""
    if kind == "tuple_type":
        numbers, entries = entry_of(place) is int, _entries(got)
        expected = f"a list, such as {json.dumps([1, 5] if numbers else ['lstm', 'gru'])}"
        if isinstance(got, str) and not (numbers and {str} & {*map(type, entries)}):
            remedy = f": write {place} = {json.dumps(entries, default=str)}"
    elif parts[0] == "features" and len(parts) > 1:
        expected, place = (
            'a name such as "log_return", or a table such as {name = "rolling_mean", window = 24}',
            "features",
        )
    else:
        template = EXPECTED.get(
            kind, error["msg"].replace("Input should be ", "").replace("{", "{{").replace("}", "}}")
        )
        expected = template.format_map(error.get("ctx", {})).replace("'", "")
        expected += ", as each of the list" if isinstance(parts[-1], int) else ""
    return f"{place}: expected {expected} (got {got if isinstance(got, str) and got else repr(got)}){remedy}"


def _follows(error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a list is too short only because pydantic leaves out entries that are wrong themselves."""
    place = error["loc"]
    inside = (other["loc"] for other in errors if len(other["loc"]) > len(place))
    return error["type"] == "too_short" and any(loc[: len(place)] == place for loc in inside)


def all_settings(table: type[BaseModel] = Config, prefix: str = "") -> dict[str, FieldInfo]:
    """Every setting of `table` by its dotted name, in which NAME stands for any where tables have names."""
    found: dict[str, FieldInfo] = {}
    for attribute, field in table.model_fields.items():
        name, inner = field.alias or attribute, type(field.default)
        entry = get_args(field.annotation)[-1] if get_origin(field.annotation) is dict else None
        if isinstance(entry, type) and issubclass(entry, BaseModel):
            found |= all_settings(entry, f"{prefix}{name}.NAME.")
        else:
            found |= all_settings(inner, f"{prefix}{name}.") if issubclass(inner, BaseModel) else {prefix + name: field}
    return found


def as_argument(name: str) -> str:
    """Return how a setting is given to a function of Python: `net.hidden` as `net={"hidden": ...}`."""
    table, *inner = name.split(".")
    opened = "".join(f'{{"{each}": ' for each in inner)
    return f"{table}={opened}...{'}' * len(inner)}" if inner else name


def entry_of(setting: str) -> object:
    """Return the type of the entries of a setting that is a list, None for any other."""
    table, _, of_model = setting.partition(".")
    if table == "tune":
        return None if setting.endswith(f".{BUDGET}") else object
    known = all_settings()
    if table == "model":
        name, _, setting = of_model.partition(".")
        own = MODELS[name].settings if name in MODELS else None
        known = {
            field: about for kind in (*TABLES.values(), own) if kind for field, about in all_settings(kind).items()
        }
    of_any_name = re.sub(r"^(\w+)\.\w+\.", r"\1.NAME.", setting)  # series.funding.columns is series.NAME.columns
    field = known.get(setting) or known.get(of_any_name)
    annotation = field.annotation if field else None
    lists = [kind for kind in (annotation, *get_args(annotation)) if get_origin(kind) is tuple]
    return get_args(lists[0])[0] if lists else None


def _nearest(word: str, known: list[str], spelt: Callable[[str], str] = str) -> str:
    """The nearest known name, or all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f": did you mean {spelt(near[0])}?" if near else f": it may be one of {', '.join(known)}"


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"--set {key}: {parent} is a single setting, not a table")
    changed = merged(tree, {last: value})
    tree.clear()
    tree.update(changed)


OTHER_SPELLINGS = {"horizon": "horizons", "horizons": "horizon"}
"""Settings that say the same thing in two ways: the later one counts."""


def merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table of settings with `changes`, those of tables in it too, without another spelling of what is set."""
    replaced = {OTHER_SPELLINGS.get(name) for name in changes}
    found = {name: value for name, value in table.items() if name not in replaced}
    for name, value in changes.items():
        before = found.get(name)
        both = isinstance(value, Mapping) and isinstance(before, Mapping)
        found[name] = merged(before, value) if both else value  # type: ignore[arg-type]
    return found


def with_names(tree: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Return changes to settings in which `models` are names alone (`with_tables`), so that they count over others."""
    try:
        return with_tables(tree)
    except ValueError as wrong:
        raise ConfigError(f"{where}: {wrong}") from wrong


def _value(text: str) -> Any:
    """A value as TOML spells it; what is not TOML is taken as a word."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _entries(given: Any) -> list[Any]:
    """The entries of a list that was given as one value, parted by commas: `1,5` as 1 and 5."""
    return [_value(part.strip()) for part in given.split(",")] if isinstance(given, str) else [given]
