"""A model of a run: under its name there, with the settings that it reads and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from backtest.models.forecaster import Forecaster
from backtest.models.registry import Model
from backtest.models.settings import ModelSettings, NetSettings, TrainSettings


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of a run under its `name` there.

    `net` and `train` hold what the model reads of these tables, and the defaults of everything else: what it does not
    read cannot change its forecasts. `settings` are its own; None where it has none. `candidates` are those that tuning
    chooses from in every fit, empty where nothing is tuned; each has the `values` that tell it from the others.
    """

    name: str
    model: Model
    net: NetSettings
    train: TrainSettings
    settings: ModelSettings | None = None
    candidates: tuple[Entry, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def variants(self) -> tuple[Entry, ...]:
        """The candidates, or the entry itself."""
        return self.candidates or (self,)

    def on_cpu(self, epochs: int | None = None) -> Entry:
        """The same, every candidate too, trained on the CPU in at most so many epochs; None: as many as are set."""
        fewer = min(epochs or self.train.epochs, self.train.epochs)
        train = self.train.model_copy(update={"epochs": fewer, "device": "cpu"})
        return replace(self, train=train, candidates=tuple(one.on_cpu(epochs) for one in self.candidates))

    def make(self, seed: int) -> Forecaster:
        """Return a fresh forecaster."""
        own = () if self.settings is None else (self.settings,)
        return self.model.make(self.net, self.train, seed, *own)

    @property
    def shared(self) -> dict[str, Any]:
        """What the model reads of `[net]` and `[train]`, as JSON has it, by field; what is tuned stands elsewhere."""
        tables = self.net.model_dump(mode="json") | self.train.model_dump(mode="json")
        return {field: value for field, value in tables.items() if field in self.model.reads - self._tuned}

    @property
    def own(self) -> dict[str, Any]:
        """The model's own settings, as JSON has them, but for those that are tuned."""
        return {} if self.settings is None else self.settings.model_dump(mode="json", exclude={*self._tuned})

    @property
    def _tuned(self) -> frozenset[str]:
        """The fields that are tuned."""
        return frozenset(self.candidates[0].values) if self.candidates else frozenset()


def entry_of(
    name: str,
    model: Model,
    given: Mapping[str, Any] | None = None,
    net: NetSettings | None = None,
    train: TrainSettings | None = None,
) -> Entry:
    """Return a model under its `name` in a run.

    `given` sets its own fields, and those of `net` and `train` that it reads; one that stands in both is its own.
    Raises pydantic's ValidationError, whose places are the names of the fields.
    """
    given, net, train = given or {}, net or NetSettings(), train or TrainSettings()
    mistakes: list[InitErrorDetails] = []

    def checked(kind: type[ModelSettings], base: Mapping[str, Any]) -> Any:
        """The settings of a table, with those that are given for this model."""
        changes = {field: value for field, value in left.items() if field in kind.model_fields and field in known}
        for name_of_field in changes:
            del left[name_of_field]
        try:
            return kind.model_validate({**base, **changes})
        except ValidationError as wrong:
            mistakes.extend(mistakes_of(wrong))
            return None

    left, known = dict(given), [*(model.settings.model_fields if model.settings else ()), *sorted(model.reads)]
    settings = checked(model.settings, {}) if model.settings else None
    shared = {field: value for table in (net, train) for field, value in table if field in model.reads}
    of_net, of_train = ({f: v for f, v in shared.items() if f in type(table).model_fields} for table in (net, train))
    found = checked(NetSettings, {**of_net, "window": net.window}), checked(TrainSettings, of_train)
    mistakes += [_unknown(model, field, value, known) for field, value in left.items()]
    if mistakes:
        raise ValidationError.from_exception_data(name, mistakes)
    return Entry(name, model, *found, settings)


def tuned(made: Callable[[Mapping[str, Any]], Entry], tried: Iterable[Mapping[str, Any]]) -> Entry:
    """Return a model with a candidate for each of the values that are `tried`; `made` makes an entry of some values."""
    candidates = []
    for values in tried:
        one = made(values)
        fields = one.shared | one.own
        candidates.append(replace(one, values={field: fields[field] for field in values}))
    return replace(made({}), candidates=tuple(candidates))


def mistakes_of(wrong: ValidationError, *place: str) -> list[InitErrorDetails]:
    """The mistakes of an error, to be raised again for fields of a table at a `place`."""
    return [
        {
            "type": _unknown_setting(each["ctx"]) if each["type"] == "unknown_setting" else each["type"],
            "loc": (*place, *each["loc"]),
            "input": each["input"],
            "ctx": each.get("ctx", {}),
        }
        for each in wrong.errors()
    ]


def _unknown(model: Model, field: str, value: object, known: list[str]) -> InitErrorDetails:
    """The mistake of a field that cannot be set for a model."""
    if field == "window":
        why = "the rows of all models are the same: set net.window, which is for all"
    elif not known:
        why = f"{model.name} has no settings"
    elif field in NetSettings.model_fields or field in TrainSettings.model_fields:
        why = f"{model.name} does not read it, but {', '.join(known)}"
    else:
        return {"type": _unknown_setting({"known": known}), "loc": (field,), "input": value}
    error = ValueError(f"must be left out (got {value}): {why}")
    return {"type": "value_error", "loc": (field,), "input": value, "ctx": {"error": error}}


def _unknown_setting(context: dict[str, Any]) -> PydanticCustomError:
    """The type of a mistake in a name; its context names those that are `known`."""
    return PydanticCustomError("unknown_setting", "unknown setting", context)
