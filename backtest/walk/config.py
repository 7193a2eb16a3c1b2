"""The configuration of a run: settings as frozen models; `config_file` reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import tomli_w
from pydantic import Field, field_validator, model_validator

from backtest.data.combinations import COMBINATIONS
from backtest.data.names import BEST, MAX_T
from backtest.data.question import Question, losses_of
from backtest.data.realised import COVERAGE
from backtest.data.run_files import sha256
from backtest.data.target_columns import REALISED, column_name
from backtest.data.targets import LOG_VARIANCE_OF, TARGETS, target_of
from backtest.evaluation.strategies import CostSettings
from backtest.models import MODELS, Entry, Model, entry_of
from backtest.models.entries import tuned
from backtest.models.registry import TABLES
from backtest.models.settings import NetSettings, TrainSettings
from backtest.models.tuning import combinations
from backtest.significance.multiple_testing import MULTIPLICITY
from backtest.walk.executors import EXECUTORS
from backtest.walk.folds import FoldSettings
from backtest.walk.model_settings import Tables, check_tables, check_training, kind_of, read_by, with_tables, written
from backtest.walk.question_settings import (
    ContextSettings,
    DataSettings,
    QuestionSettings,
    SeriesSettings,
    Settings,
    TargetSettings,
)

EXECUTION_FIELDS = {"executor", "jobs"}


class Config(Settings):
    """Everything that a run depends on, and under `executor` and `jobs` how it is executed."""

    name: str = Field("default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="folder of the run")
    models: tuple[str, ...] = Field(
        TARGETS["log_return"].models,
        description="the references of the target are always among them; one under another name: "
        '{name = "lstm", as = "lstm_small", hidden = 16}',
    )
    combine: tuple[str, ...] = Field(
        (), description=f"further candidates, made of the forecasts of the others: {', '.join(COMBINATIONS)}"
    )
    features: tuple[str | dict[str, Any], ...] = Field(
        TARGETS["log_return"].features,
        min_length=1,
        description="inputs of the models",
    )
    plugins: tuple[str, ...] = Field((), description="modules in the folder of this file or in the working directory")
    seeds: int = Field(3, ge=1, description="fits of each network; its forecast is their mean")
    alpha: float = Field(0.05, gt=0, lt=0.5, description="level of the verdict's test")
    multiplicity: str = Field(MAX_T, description=f"how p-values are adjusted: {', '.join(MULTIPLICITY)}")
    executor: str = Field("loky", description="what runs the fits: loky (processes) or serial")
    jobs: int | None = Field(None, ge=1, description="workers; none: one for each core")
    data: DataSettings = DataSettings()
    series: dict[str, SeriesSettings] = Field({}, description="[series.NAME]: outside series, each in a file")
    context: ContextSettings = ContextSettings()
    target: TargetSettings = TargetSettings()
    question: QuestionSettings = QuestionSettings()
    folds: FoldSettings = FoldSettings()
    net: NetSettings = NetSettings()
    train: TrainSettings = TrainSettings()
    model: dict[str, dict[str, Any]] = Field(
        {}, description="[model.NAME]: a model's own settings, and its own values of those of net and train"
    )
    tune: dict[str, dict[str, Any]] = Field(
        {},
        description="[tune.NAME]: lists of values that every fit of a model chooses from by its validation span; "
        "budget: how many combinations are drawn",
    )
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

    @model_validator(mode="before")
    @classmethod
    def _name_models(cls, tree: Any) -> Any:
        """Take `{name = "lstm", as = "lstm_small"}` among the models for a name, and a table `[model.lstm_small]`."""
        return with_tables(tree) if isinstance(tree, Mapping) else tree

    @field_validator("features")
    @classmethod
    def _spell_columns_in_one_way(cls, features: tuple[str | dict[str, Any], ...]) -> tuple[str | dict[str, Any], ...]:
        """Spell the `column` that a feature reads as that of a target."""

        def spelt(one: dict[str, Any]) -> dict[str, Any]:
            return {**one, "column": column_name(str(one["column"]))} if "column" in one else one

        parts = [one.partition(".") if isinstance(one, str) else ("", "", "") for one in features]
        return tuple(
            spelt(one) if isinstance(one, dict) else f"{head}{dot}{column_name(column)}"
            for one, (head, dot, column) in zip(features, parts, strict=True)
        )

    @field_validator("series")
    @classmethod
    def _have_names(cls, series: dict[str, SeriesSettings]) -> dict[str, SeriesSettings]:
        """Refuse a name that cannot stand before the dot of a column."""
        for name in series:
            if not re.fullmatch(r"\w+", name):
                raise ValueError(f"{name}: must be a name of letters, digits and underscores (got {name!r})")
        return series

    @model_validator(mode="after")
    def _agree(self) -> Config:
        if self.executor not in EXECUTORS:
            raise ValueError(f"executor: must be one of {', '.join(EXECUTORS)} (got {self.executor})")
        if self.multiplicity not in MULTIPLICITY:
            raise ValueError(f"multiplicity: must be one of {', '.join(MULTIPLICITY)} (got {self.multiplicity})")
        try:
            losses = losses_of(self.target.kind)
        except ValueError as unknown:
            raise ValueError(f"target.kind: {unknown}") from unknown
        if self.question.loss and self.question.loss not in losses:
            raise ValueError(
                f"question.loss: must be one of {', '.join(losses)} for {self.target.kind} (got {self.question.loss})"
            )
        if self.target.longest > self.net.window:
            raise ValueError(
                f"target.horizons: must be at most net.window, {self.net.window} (got {self.target.longest}): "
                "models read the bars of their window alone, and need as many as they forecast; lengthen net.window"
            )
        if self.question.baselines and self.question.rival != BEST:
            raise ValueError(
                f"question.baselines: must come with question.rival = {BEST!r}, which is sought among them (got "
                f"{', '.join(self.question.baselines)})"
            )
        if both := {*self.series} & {*self.context.symbols}:
            raise ValueError(
                f"series: must have other names than context.symbols (got {', '.join(sorted(both))} in both)"
            )
        self._finer_bars_agree()
        self.folds.gap_of(self.target.longest)
        check_tables(self.model, self.tune, self._made)
        own = {name: self.entry(name) for name in {**self.model, **self.tune} if name in self.known_models}
        check_training(self.target.kind, self.train, own)
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
        if not finer and self.target.coverage != COVERAGE:
            raise ValueError(
                f"target.coverage: must come with target.from, whose bars it is about (got {self.target.coverage})"
            )

    @property
    def source_interval(self) -> str | None:
        """Time between the bars of the source; None: as found."""
        return self.target.finer or self.data.interval

    @property
    def all_models(self) -> tuple[str, ...]:
        """The models in order, each once, the references first."""
        return tuple(dict.fromkeys((*self.resolved_question.references, *self.models)))

    @property
    def known_models(self) -> dict[str, Model]:
        """The models that a run may have, by their names in it: those of MODELS and of its tables `[model.NAME]`."""
        kinds = {name: kind_of(name, self.model) for name in (*MODELS, *self.model)}
        return {name: MODELS[kind] for name, kind in kinds.items() if kind in MODELS}

    def entry(self, name: str) -> Entry:
        """Return a model of the run by its name in it, with the settings that it reads; KeyError for an unknown one."""
        return tuned(partial(self._made, name), combinations(self.tune[name]) if name in self.tune else ())

    def _made(self, name: str, values: Mapping[str, Any]) -> Entry:
        """A model of the run with some values for its fields, whatever is tuned."""
        given = {field: value for field, value in self.model.get(name, {}).items() if field != "name"}
        return entry_of(name, MODELS[kind_of(name, self.model)], {**given, **values}, self.net, self.train)

    @property
    def entries(self) -> dict[str, Entry]:
        """The models of the run by their names in it, the references first; KeyError for an unknown one."""
        return {name: self.entry(name) for name in self.all_models}

    @property
    def candidates(self) -> tuple[str, ...]:
        """The fitted models that the question is about: all but baselines and rivals."""
        rivals = self.resolved_question.rivals
        return tuple(name for name, one in self.entries.items() if not one.model.baseline and name not in rivals)

    @property
    def resolved_question(self) -> Question:
        """What the verdict answers: the settings, with the target's own loss and rival where they name none.

        The best baseline is sought among the references of the target, its own rival and the baselines of the run, or
        among those that the settings name.
        """
        target = target_of(self.target.kind)
        loss, rival = self.question.loss or target.losses[0], self.question.rival or target.rival
        usual = dict.fromkeys((*target.references, target.rival))
        further = {name for name in self.models if name in self.known_models and self.known_models[name].baseline} - {
            *usual
        }
        every = (*usual, *sorted(further)) if rival == BEST else ()
        baselines = tuple(sorted({*self.question.baselines})) if self.question.baselines else every
        return Question(self.target.kind, loss, rival, baselines=baselines, horizons=self.target.horizons)

    def _tree(self, *left_out: str) -> dict[str, Any]:
        """The settings that can change a result, without those that are not set."""
        tree = self.model_dump(mode="json", exclude_none=True, exclude={*EXECUTION_FIELDS, *left_out})
        target = target_of(self.target.kind)
        usual = {"rival": target.rival, "loss": target.losses[0]}  # spelt out or not, it is the same trial
        if len(self.target.horizons) == 1:  # spelt, and in its place, as it was before there were several
            one = {"horizons": ("horizon", self.target.longest)}
            tree["target"] = dict(one.get(name, (name, value)) for name, value in tree["target"].items())
        if self.target.coverage == COVERAGE:
            del tree["target"]["coverage"]
        if not self.context.symbols:
            del tree["context"]
        if self.train.loss == "squared":
            del tree["train"]["loss"]
        tree["question"] = {name: value for name, value in tree["question"].items() if value != usual.get(name)}
        if not self.combine:
            del tree["combine"]
        if "model" in tree:
            tree["model"] = self._model_tables()
        tree["tune"] = {name: table for name, table in tree["tune"].items() if name in self.all_models}
        return {name: value for name, value in tree.items() if value != {}}

    def _model_tables(self) -> Tables:
        """The tables of the models of the run; those of models that nobody knows as they are."""
        shared = self.net.model_dump(mode="json") | self.train.model_dump(mode="json")
        unknown = {
            name: self.model[name] for name in self.all_models if name in self.model and name not in self.known_models
        }
        known = {name: self.entry(name) for name in self.all_models if name in self.known_models}
        return unknown | written(known, shared)

    def to_toml(self) -> str:
        """The settings as TOML, but for those that change no result; what is not set is left out."""
        return tomli_w.dumps(self._tree())

    @property
    def digest(self) -> str:
        """SHA-256 of the settings that can change a result."""
        return sha256(tomli_w.dumps(self._tree("name")).encode())

    @property
    def trial_digest(self) -> str:
        """SHA-256 of the settings that make a trial on the same bars: all but name, files and how it is judged.

        Of those of models what one of them reads, wherever it is set.
        """
        tree = self._tree("name", "alpha", "multiplicity", "model")
        places = [(tree["data"], "source"), (tree.get("context", {}), "sources")]
        for place, named in (*places, *((one, "file") for one in tree.get("series", {}).values())):
            place.pop(named, None)
        read = read_by(self.entries) | {"window": self.net.window}
        for name, kind in TABLES.items():
            fields = {field: read[field] for field in kind.model_fields if read.get(field) is not None}
            tree[name] = {field: value for field, value in fields.items() if (field, value) != ("loss", "squared")}
        tables = {"model": written(self.entries, read)}
        return sha256(tomli_w.dumps(tree | {name: each for name, each in tables.items() if each}).encode())
