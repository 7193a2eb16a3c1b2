"""The configuration of a run: settings as frozen models, read from a preset or a TOML file."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from backtest.data.durations import parse_duration
from backtest.data.errors import ConfigError
from backtest.data.losses import LOSSES
from backtest.data.question import LOG_VARIANCE_OF, REALISED, TARGETS, Question, names_for, target_of
from backtest.data.run_files import sha256
from backtest.evaluation.strategies import CostSettings
from backtest.features import plugins
from backtest.models.settings import NetSettings, TrainSettings
from backtest.significance.multiple_testing import ADJUSTMENTS
from backtest.walk.executors import EXECUTORS
from backtest.walk.folds import FoldSettings

EXECUTION_FIELDS = {"executor", "jobs"}


class Settings(BaseModel):
    """Frozen settings that refuse unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class DataSettings(Settings):
    """Where the bars come from."""

    source: str = Field("sp500", description="a file, a folder, a glob, or sp500 | nasdaq | synthetic")
    symbol: str | None = Field(None, description="instrument to use; none: all in the source")
    interval: str | None = Field(None, description="time between bars, such as 1h; none: as found in the data")


class TargetSettings(Settings):
    """What is forecast."""

    kind: str = Field(
        "log_return",
        description=f"what is forecast: {', '.join(TARGETS)}, or {LOG_VARIANCE_OF}NAME with the name of a column",
    )
    horizon: int = Field(1, ge=1, description="bars ahead")
    finer: str | None = Field(
        None,
        alias="from",
        description="log_variance: time between the bars of the source, such as 5m; those of data.interval are made of "
        "them, each with its realised variance",
    )
    quarticity: str | None = Field(
        None, description="log_variance.NAME: column of the file that holds the realised quarticity, for harq"
    )
    overnight: bool = Field(True, description="from: whether the return over closed hours counts into the next bar's")

    @field_validator("finer")
    @classmethod
    def _is_a_duration(cls, text: str | None) -> str | None:
        """Refuse what is no length of time."""
        try:
            parse_duration(text or "1d")
        except ConfigError as unknown:
            raise ValueError(f"must be a length of time, such as 5m (got {text!r})") from unknown
        return text


class QuestionSettings(Settings):
    """What the verdict is about."""

    rival: str | None = Field(None, description="model to be beaten; none: the target's own")
    loss: str | None = Field(None, description="loss that is compared; none: the target's own")


class Config(Settings):
    """Everything that a run depends on, and under `executor` and `jobs` how it is executed."""

    name: str = Field("default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="folder of the run")
    models: tuple[str, ...] = Field(
        ("zero", "naive", "mean", "ar", "ridge", "lstm", "gru"),
        description="the references of the target are always among them",
    )
    features: tuple[str | dict[str, Any], ...] = Field(
        TARGETS["log_return"].features,
        min_length=1,
        description="inputs of the models",
    )
    plugins: tuple[str, ...] = Field((), description="modules in the folder of this file or in the working directory")
    seeds: int = Field(3, ge=1, description="fits of each network; its forecast is their mean")
    alpha: float = Field(0.05, gt=0, lt=0.5, description="level of the verdict's test")
    multiplicity: str = Field("holm", description=f"how p-values are adjusted: {', '.join(ADJUSTMENTS)}")
    executor: str = Field("loky", description="what runs the fits: loky (processes) or serial")
    jobs: int | None = Field(None, ge=1, description="workers; none: one for each core")
    data: DataSettings = DataSettings()
    target: TargetSettings = TargetSettings()
    question: QuestionSettings = QuestionSettings()
    folds: FoldSettings = FoldSettings()
    net: NetSettings = NetSettings()
    train: TrainSettings = TrainSettings()
    costs: CostSettings = CostSettings()

    @model_validator(mode="before")
    @classmethod
    def _take_those_of_the_target(cls, tree: Any) -> Any:
        """Take the models and features of the target where none are named; from finer bars, variance is realised."""
        if not isinstance(tree, Mapping):
            return tree
        target = tree.get("target")
        if isinstance(target, Mapping) and target.get("from") and target.get("kind") == "log_variance":
            target = {**target, "kind": LOG_VARIANCE_OF + REALISED}
            tree = {**tree, "target": target}
        kind = target.get("kind") if isinstance(target, Mapping) else getattr(target, "kind", None)
        try:
            known = target_of(str(kind))
        except ValueError:  # `_agree` says so
            return tree
        return {"models": known.models, "features": known.features, **tree}

    @model_validator(mode="after")
    def _agree(self) -> Config:
        if self.executor not in EXECUTORS:
            raise ValueError(f"executor: must be one of {', '.join(EXECUTORS)} (got {self.executor})")
        if self.multiplicity not in ADJUSTMENTS:
            raise ValueError(f"multiplicity: must be one of {', '.join(ADJUSTMENTS)} (got {self.multiplicity})")
        try:
            losses = names_for(self.target.kind, "losses", LOSSES)
        except ValueError as unknown:
            raise ValueError(f"target.kind: {unknown}") from unknown
        if self.question.loss and self.question.loss not in losses:
            raise ValueError(
                f"question.loss: must be one of {', '.join(losses)} for {self.target.kind} (got {self.question.loss})"
            )
        if self.target.horizon > self.net.window:
            raise ValueError(
                f"target.horizon: must be at most net.window, {self.net.window} (got {self.target.horizon}): "
                "the naive forecast needs as many past bars"
            )
        self._finer_bars_agree()
        self.folds.gap_of(self.target.horizon)
        return self

    def _finer_bars_agree(self) -> None:
        """ValueError where settings of finer bars lack what they need."""
        finer, kind = self.target.finer, self.target.kind
        if finer and kind != LOG_VARIANCE_OF + REALISED:
            raise ValueError(f"target.from: must be left out for {kind} (got {finer}): it is for log_variance alone")
        if finer and not self.data.interval:
            raise ValueError(
                f'target.from: must come with data.interval, such as "1d", to be made of them (got {finer})'
            )
        if self.target.quarticity and (finer or not kind.startswith(LOG_VARIANCE_OF)):
            raise ValueError(
                f"target.quarticity: must be left out for {kind}{' from finer bars' * bool(finer)} (got "
                f"{self.target.quarticity}): it is for a column of variances"
            )
        if not finer and not self.target.overnight:
            raise ValueError("target.overnight: must come with target.from, whose bars it is about (got false)")

    @property
    def source_interval(self) -> str | None:
        """Time between the bars of the source; None: as found."""
        return self.target.finer or self.data.interval

    @property
    def all_models(self) -> tuple[str, ...]:
        """The models in order, each once, the references first."""
        return tuple(dict.fromkeys((*self.resolved_question.references, *self.models)))

    @property
    def resolved_question(self) -> Question:
        """What the verdict answers: the settings, with the target's own loss and rival where they name none."""
        target = target_of(self.target.kind)
        return Question(self.target.kind, self.question.loss or target.losses[0], self.question.rival or target.rival)

    def _tree(self, *left_out: str) -> dict[str, Any]:
        """The settings that can change a result, without those that are not set."""
        tree = self.model_dump(mode="json", exclude_none=True, exclude={*EXECUTION_FIELDS, *left_out})
        target = target_of(self.target.kind)
        usual = {"rival": target.rival, "loss": target.losses[0]}  # spelt out or not, it is the same trial
        tree["question"] = {name: value for name, value in tree["question"].items() if value != usual[name]}
        return {name: value for name, value in tree.items() if value != {}}

    def to_toml(self) -> str:
        """The settings as TOML, but for those that change no result; what is not set is left out."""
        return tomli_w.dumps(self._tree())

    @property
    def digest(self) -> str:
        """SHA-256 of the settings that can change a result."""
        return sha256(tomli_w.dumps(self._tree("name")).encode())

    @property
    def trial_digest(self) -> str:
        """SHA-256 of the settings that make a trial on the same bars: all but name, source and how it is judged."""
        tree = self._tree("name", "alpha", "multiplicity")
        del tree["data"]["source"]
        return sha256(tomli_w.dumps(tree).encode())


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
    """Read a preset or a TOML file, then apply `--data` and each `--set key=value`.

    Raises ConfigError naming the setting, what was expected, what it got and what to do.
    """
    known = presets()
    path = Path(config)
    if config in known:
        text, config_dir = known[config], None
    elif path.is_file():
        text, config_dir = read_text(path), path.resolve().parent
    else:
        raise ConfigError(f"CONFIG: expected a preset or a TOML file (got {config}){_nearest(config, list(known))}")
    tree = parse(text, where=config)
    if data is not None:
        _put(tree, "data.source", data)
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set: expected key=value, such as train.epochs=5 (got {setting})")
        _put(tree, key.strip(), _value(value.strip()))
    load_plugins(tree, config_dir)
    return LoadedConfig(build(tree, where=config), config_dir)


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


def build(tree: Mapping[str, Any], *, where: str) -> Config:
    """Check a tree of settings; ConfigError lists everything that is wrong with it."""
    try:
        return Config.model_validate(tree)
    except ValidationError as invalid:
        lines = dict.fromkeys(_explain(error) for error in invalid.errors())  # once, if several types would do
        raise ConfigError("\n".join(f"{where}: {line}" for line in lines)) from invalid


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
    "string_pattern_mismatch": "letters, digits, dots, dashes and underscores, a letter or digit first",
    "tuple_type": 'a list, such as ["lstm", "gru"]',
    "too_short": "a list of at least {min_length}",
    "literal_error": "one of {expected}",
    **dict.fromkeys(("model_type", "model_attributes_type"), "a table of settings, such as train.epochs = 5"),
}
"""What a setting must be, by pydantic's name of the mistake."""


def _explain(error: Mapping[str, Any]) -> str:
    """One mistake that pydantic found: which setting, what was expected, what it got, what to do."""
    kind, parts, got = error["type"], error["loc"], error["input"]
    place = ".".join(str(part) for part in parts)
    if kind == "extra_forbidden":
        fields: Any = Config
        for part in parts[:-1]:
            fields = fields.model_fields[part].annotation
        last = str(parts[-1])
        near = _nearest(
            last,
            [field.alias or name for name, field in fields.model_fields.items()],
            ".".join(str(part) for part in parts[:-1]),
        )
        elsewhere = [name for name in all_settings() if name.endswith(f".{last}")]
        meant = f": did you mean {' or '.join(elsewhere)}?" if elsewhere else near
        return f"{place}: unknown setting{meant}"
    if kind == "value_error":
        message = str(error["ctx"]["error"])
        return f"{place}.{message}" if place and not message.startswith("must") else f"{place}: {message}".lstrip(": ")
    if parts[0] == "features" and len(parts) > 1:
        expected, place = (
            'a name such as "log_return", or a table such as {name = "rolling_mean", window = 24}',
            "features",
        )
    else:
        template = EXPECTED.get(
            kind, error["msg"].replace("Input should be ", "").replace("{", "{{").replace("}", "}}")
        )
        expected = template.format_map(error.get("ctx", {})).replace("'", "")
    remedy = f': write {place} = ["{got}"]' if kind == "tuple_type" and isinstance(got, str) else ""
    return f"{place}: expected {expected} (got {got if isinstance(got, str) and got else repr(got)}){remedy}"


def all_settings(table: type[BaseModel] = Config, prefix: str = "") -> dict[str, FieldInfo]:
    """Every setting of `table` by its dotted name."""
    found: dict[str, FieldInfo] = {}
    for attribute, field in table.model_fields.items():
        name, inner = field.alias or attribute, type(field.default)
        found |= all_settings(inner, f"{prefix}{name}.") if issubclass(inner, BaseModel) else {prefix + name: field}
    return found


def _nearest(word: str, known: list[str], parent: str = "") -> str:
    """The nearest known name, or all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    prefix = f"{parent}." if parent else ""
    return f": did you mean {prefix}{near[0]}?" if near else f": it may be one of {', '.join(known)}"


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"--set {key}: {parent} is a single setting, not a table")
    tree[last] = value


def _value(text: str) -> Any:
    """A value as TOML spells it; what is not TOML is taken as a word."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
