"""The settings that say what is asked: of which bars, about which target, against which rival."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from backtest.data.durations import parse_delay, parse_duration
from backtest.data.errors import ConfigError
from backtest.data.names import BEST
from backtest.data.reading.outside import Layout
from backtest.data.realised import COVERAGE
from backtest.data.target_columns import column_name
from backtest.data.targets import LOG_VARIANCE_OF, SERIES_OF, TARGETS, canonical


class Settings(BaseModel):
    """Frozen settings that refuse unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class DataSettings(Settings):
    """Where the bars come from."""

    source: str = Field("sp500", description="a file, a folder, a glob, or sp500 | nasdaq | synthetic")
    symbol: str | None = Field(None, description="instrument to use; none: all in the source")
    symbols: tuple[str, ...] | None = Field(None, min_length=1, description="several of them, pooled in one fit")
    interval: str | None = Field(None, description="time between bars, such as 1h; none: as found in the data")

    @model_validator(mode="after")
    def _names_one_or_several(self) -> Self:
        """Refuse an instrument beside several."""
        if self.symbol and self.symbols:
            raise ValueError(f"symbol: must be left out beside data.symbols (got {self.symbol}): delete one of them")
        return self

    @property
    def chosen(self) -> str | tuple[str, ...] | None:
        """The instruments to use; None: all in the source."""
        return self.symbols or self.symbol


class SeriesSettings(Settings):
    """An outside series in a file: when its values were known, and for how long they count."""

    file: str = Field(description="a file, a folder or a glob; features read series.NAME.COLUMN")
    time: str | None = Field(None, description="column of what values are about; none: time, ts, date, ...")
    known_at: str | None = Field(None, description="column of when they were published; none: a delay after their time")
    delay: str | None = Field(
        None, description="from publication, or from the time where no known_at is named, to knowledge, such as 1m; 0s"
    )
    columns: tuple[str, ...] | None = Field(
        None, min_length=1, description="columns of numbers; none: all that are, in lower case"
    )
    max_age: str | None = Field(None, description="how long after it was known a value counts; none: until the next")

    @field_validator("delay", "max_age")
    @classmethod
    def _is_a_duration(cls, text: str | None, info: ValidationInfo) -> str | None:
        """Refuse what is no length of time."""
        try:
            (parse_delay if info.field_name == "delay" else parse_duration)(text or "1d")
        except ConfigError as unknown:
            raise ValueError(f"must be a length of time, such as 1m or 9h (got {text!r})") from unknown
        return text

    @model_validator(mode="after")
    def _says_when_it_was_known(self) -> Self:
        """Refuse a series whose values may have been known at any time."""
        if self.known_at is None and self.delay is None:
            raise ValueError(
                "must be told when a value was known (got neither known_at nor delay): name the column of publication "
                'times as known_at, or set delay, the time from what a value is about to its publication, such as "1m"'
            )
        return self

    @property
    def layout(self) -> Layout:
        """How its files are to be read."""
        age = parse_duration(self.max_age) if self.max_age else None
        return Layout(self.columns or (), self.time, self.known_at, parse_delay(self.delay or "0s"), age)


class ContextSettings(Settings):
    """Other assets, whose bars features may read: `{name = "log_return", of = "ETHUSDT"}`."""

    symbols: tuple[str, ...] = Field((), description="other assets that features may be of, with bars of the interval")
    sources: tuple[str, ...] = Field((), description="where their bars are, each as data.source; none: data.source")

    @model_validator(mode="after")
    def _has_names(self) -> Self:
        """Refuse names that cannot stand in a column's, and sources without any."""
        if odd := [name for name in self.symbols if not re.fullmatch(r"\w+", name)]:
            raise ValueError(f"symbols: must be names of letters, digits and underscores (got {', '.join(odd)})")
        if len({*self.symbols}) < len(self.symbols):
            raise ValueError(f"symbols: must name each asset once (got {', '.join(self.symbols)})")
        if self.sources and not self.symbols:
            raise ValueError(f"sources: must come with context.symbols (got {', '.join(self.sources)} alone)")
        return self


class TargetSettings(Settings):
    """What is forecast."""

    kind: str = Field(
        "log_return",
        description=f"what is forecast: {', '.join(TARGETS)}, {LOG_VARIANCE_OF}NAME, or {SERIES_OF}NAME, with the "
        "name of a column",
    )
    horizons: tuple[int, ...] = Field((1,), min_length=1, description="bars ahead, several together; horizon: one")
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
    coverage: float = Field(
        COVERAGE, gt=0, le=1, description="from: smallest share of its finer bars with which a bar has a variance"
    )

    @model_validator(mode="before")
    @classmethod
    def _take_one_horizon(cls, tree: Any) -> Any:
        """Take `horizon = 5` for `horizons = [5]`."""
        if not isinstance(tree, Mapping) or "horizon" not in tree:
            return tree
        if "horizons" in tree:
            raise ValueError("must have horizon or horizons, not both: delete one")
        if not re.fullmatch(r"[1-9]\d*", str(tree["horizon"])):
            raise ValueError(f"horizon: must be a whole number of bars ahead, 1 or more (got {tree['horizon']})")
        return {**{name: value for name, value in tree.items() if name != "horizon"}, "horizons": (tree["horizon"],)}

    @field_validator("kind")
    @classmethod
    def _is_spelt_in_one_way(cls, kind: str) -> str:
        """Spell a column in lower case, as files are read: `log_variance.RV` and `log_variance.rv` are one target."""
        return canonical(kind)

    @field_validator("quarticity")
    @classmethod
    def _is_a_column(cls, column: str | None) -> str | None:
        """Spell it as that of the target."""
        return column and column_name(column)

    @field_validator("horizons")
    @classmethod
    def _are_bars_ahead(cls, horizons: tuple[int, ...]) -> tuple[int, ...]:
        """Sort the horizons; refuse what is no number of bars ahead, and one that stands twice."""
        if min(horizons) < 1 or len({*horizons}) < len(horizons):
            raise ValueError(f"must be bars ahead, each 1 or more and named once (got {list(horizons)})")
        return tuple(sorted(horizons))

    @property
    def longest(self) -> int:
        """The longest horizon, in bars: when it is known, all of them are."""
        return self.horizons[-1]

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

    rival: str | None = Field(
        None, description=f"model to be beaten, or {BEST}: the best of the baselines; none: the target's own"
    )
    loss: str | None = Field(None, description="loss that is compared; none: the target's own")
    baselines: tuple[str, ...] | None = Field(
        None, min_length=1, description=f"models that {BEST} is sought among; none: every baseline of the run"
    )
