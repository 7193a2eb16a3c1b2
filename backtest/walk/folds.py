"""Folds of a walk through time: where each training, validation and test span begins and ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, model_validator

from backtest.data.durations import parse_duration
from backtest.data.errors import ConfigError, TooFewBars


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open stretch of time, UTC: bars that open at `start` or later, and before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Fold:
    """One step of the walk; `fit_index` is the fold whose fitted models forecast its test span.

    `train` and `validation` are the spans of that fit. Between them, and between `validation` and `test`, lies a gap.
    """

    index: int
    fit_index: int
    train: Span
    validation: Span
    test: Span

    @property
    def spans(self) -> tuple[Span, Span, Span]:
        """The three spans, in the order of time."""
        return self.train, self.validation, self.test


def _check_size(size: object) -> int | str:
    """Accept a whole number of bars > 0, or a duration such as `365d`."""
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size
    if isinstance(size, str):
        try:
            parse_duration(size)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return size
    raise ValueError(f"must be a number of bars > 0, or a duration such as 365d (got {size!r})")


Size = Annotated[int | str, PlainValidator(_check_size)]


class FoldSettings(BaseModel):
    """Sizes of the spans, in bars or in calendar time such as `365d`, closed hours included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: Literal["expanding", "rolling"] = Field(
        default="expanding", description="expanding: train on all that came before; rolling: on the last first_train"
    )
    first_train: Size = Field(default=2000, description="first training span; rolling: every training span")
    validation: Size = Field(default=250, description="span after the training, for early stopping")
    test: Size = Field(default=250, description="span that is forecast")
    step: Size | None = Field(default=None, description="from one test span's start to the next; default: `test`")
    gap: Annotated[int, Field(strict=True)] | None = Field(
        default=None, description="bars left out before validation and before test; default: the horizon"
    )
    refit_every: Annotated[int, Field(strict=True, ge=1)] = Field(
        default=1, description="refit the models at every k-th fold"
    )

    def gap_of(self, horizon: int) -> int:
        """Bars of the gap. Raises ConfigError if they are fewer than the horizon."""
        gap = horizon if self.gap is None else self.gap
        if gap < horizon:
            raise ConfigError(
                f"folds.gap: must be at least the horizon, {horizon} (got {gap}): "
                "the last training label would lie in the test span"
            )
        return gap

    @model_validator(mode="after")
    def _check_step(self) -> Self:
        """Refuse steps at which a bar would be forecast twice."""
        if self.step is None:
            return self
        step, test = (parse_duration(size) if isinstance(size, str) else size for size in (self.step, self.test))
        if isinstance(step, int) and isinstance(test, int) and step >= test:
            return self
        if isinstance(step, timedelta) and isinstance(test, timedelta) and step >= test:
            return self
        raise ValueError(
            f"step: must be at least test, {self.test}, in the same unit, bars or a duration "
            f"(got {self.step}): test spans must not overlap"
        )


def roll(times: pl.Series, settings: FoldSettings, *, horizon: int, interval: timedelta) -> Iterator[Fold]:
    """Cut `times`, the sorted and distinct opens of the bars (n,), into folds: train | gap | validation | gap | test.

    A gap is counted in bars: a label `horizon` bars ahead is known before the next span starts. A span ends where
    the next bar opens. The last test span ends with the data, however short it is. With a step longer than the test
    span, the bars between two test spans are not forecast.
    Raises ConfigError for a gap below the horizon, TooFewBars if not a single bar could be tested.
    """
    gap = settings.gap_of(horizon)
    first_validation = _end(times, 0, settings.first_train) + gap
    first_test = _end(times, first_validation, settings.validation) + gap
    if first_test >= len(times):
        sizes = [  # in bars of a market that never closes
            size if isinstance(size, int) else -(-parse_duration(size) // interval)
            for size in (settings.first_train, settings.validation)
        ]
        raise TooFewBars(
            f"folds: expected {sum(sizes) + 2 * gap + 1} bars, for first_train {settings.first_train}, validation "
            f"{settings.validation}, two gaps of {gap} and one bar to test (got {len(times)}): shorten them or take "
            "more data"
        )
    return _walk(times, settings, first_test, gap, interval)


def final_fold(times: pl.Series, settings: FoldSettings, *, horizon: int, interval: timedelta, index: int) -> Fold:
    """Return the fit after the walk, on all bars up to the last: fold `index`, whose test span is empty.

    Its last `horizon` bars have no label yet, so there is no gap after its validation span.
    """
    train, validation = _fit_spans(times, settings, len(times), settings.gap_of(horizon), interval)
    return Fold(index, index, train, validation, Span(validation.end, validation.end))


def _walk(times: pl.Series, settings: FoldSettings, first: int, gap: int, interval: timedelta) -> Iterator[Fold]:
    """Yield the folds whose first test span starts at position `first`."""
    starts = [first]
    while (following := _end(times, starts[-1], settings.step or settings.test)) < len(times):
        starts.append(following)
    for index, start in enumerate(starts):
        fit_index = index - index % settings.refit_every
        train, validation = _fit_spans(times, settings, starts[fit_index] - gap, gap, interval)
        yield Fold(
            index, fit_index, train, validation, _span(times, start, _end(times, start, settings.test), interval)
        )


def _fit_spans(times: pl.Series, settings: FoldSettings, end: int, gap: int, interval: timedelta) -> tuple[Span, Span]:
    """Return the training and the validation span, the latter ending at position `end`."""
    validation = _start(times, end, settings.validation, interval)
    train_end = validation - gap
    train = _start(times, train_end, settings.first_train, interval) if settings.window == "rolling" else 0
    return _span(times, train, train_end, interval), _span(times, validation, end, interval)


def _end(times: pl.Series, start: int, size: int | str) -> int:
    """Position after a span that starts at `start`; it may lie beyond the data."""
    if isinstance(size, int) or start >= len(times):
        return start + (size if isinstance(size, int) else 1)
    length = parse_duration(size)
    beyond = length > times[-1] - times[start]  # and perhaps beyond what a date can say
    return len(times) if beyond else int(times.search_sorted(times[start] + length))


def _start(times: pl.Series, end: int, size: int | str, interval: timedelta) -> int:
    """Position of the first bar of a span that ends before `end`: at least one bar, for the market may be closed."""
    if isinstance(size, int):
        return end - size
    length, opening = parse_duration(size), _opening(times, end, interval)
    return 0 if length > opening - times[0] else min(int(times.search_sorted(opening - length)), end - 1)


def _opening(times: pl.Series, position: int, interval: timedelta) -> datetime:
    """Open of the bar at `position`, or the close of the last bar if the data end there."""
    opening: datetime = times[position] if position < len(times) else times[-1] + interval
    return opening


def _span(times: pl.Series, start: int, end: int, interval: timedelta) -> Span:
    return Span(times[start], _opening(times, end, interval))
