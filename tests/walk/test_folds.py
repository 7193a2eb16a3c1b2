"""Folds: exact dates written out, and the properties that keep the future out of every fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backtest.data.errors import ConfigError, TooFewBars
from backtest.walk.folds import Fold, FoldSettings, Span, final_fold, roll
from tests.support.strategies import DAY, HOUR, Walk, opens, walks


def dates(first: str, end: str) -> Span:
    return Span(*(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, end)))


def rows(times: pl.Series, span: Span) -> list[int]:
    """Positions of the bars that open in `span`."""
    return times.is_between(span.start, span.end, closed="left").arg_true().to_list()


def test_expanding_folds_on_exact_dates() -> None:
    settings = FoldSettings(first_train=5, validation=2, test=3)
    found = list(roll(opens(15), settings, horizon=1, interval=DAY))
    assert found == [
        Fold(
            0,
            0,
            train=dates("2024-01-01", "2024-01-06"),  # gap: the 6th
            validation=dates("2024-01-07", "2024-01-09"),  # gap: the 9th
            test=dates("2024-01-10", "2024-01-13"),
        ),
        Fold(
            1,
            1,
            train=dates("2024-01-01", "2024-01-09"),
            validation=dates("2024-01-10", "2024-01-12"),
            test=dates("2024-01-13", "2024-01-16"),
        ),
    ]


def test_rolling_folds_on_exact_dates_of_a_market_that_closes() -> None:
    settings = FoldSettings(window="rolling", first_train=5, validation=2, test=3, gap=2)
    found = list(roll(opens(16, weekends=False), settings, horizon=1, interval=DAY))
    assert found == [
        Fold(
            0,
            0,
            train=dates("2024-01-01", "2024-01-08"),  # the next bar opens after the weekend
            validation=dates("2024-01-10", "2024-01-12"),
            test=dates("2024-01-16", "2024-01-19"),
        ),
        Fold(
            1,
            1,
            train=dates("2024-01-04", "2024-01-11"),
            validation=dates("2024-01-15", "2024-01-17"),
            test=dates("2024-01-19", "2024-01-23"),  # Friday, Monday: the last span is short and ends with the data
        ),
    ]


def test_durations_are_calendar_time_and_gaps_are_bars() -> None:
    settings = FoldSettings(first_train="7d", validation="36h", test="2d")
    found = list(roll(opens(11 * 24, HOUR), settings, horizon=3, interval=HOUR))
    assert found == [
        Fold(
            0,
            0,
            train=dates("2024-01-01T00:00", "2024-01-08T00:00"),
            validation=dates("2024-01-08T03:00", "2024-01-09T15:00"),
            test=dates("2024-01-09T18:00", "2024-01-11T18:00"),
        ),
        Fold(
            1,
            1,
            train=dates("2024-01-01T00:00", "2024-01-10T00:00"),
            validation=dates("2024-01-10T03:00", "2024-01-11T15:00"),
            test=dates("2024-01-11T18:00", "2024-01-12T00:00"),
        ),
    ]


def test_a_duration_of_weeks_holds_fewer_bars_where_the_market_closes() -> None:
    settings = FoldSettings(first_train="2w", validation="7d", test="7d")
    first = next(roll(opens(40, weekends=False), settings, horizon=1, interval=DAY))
    assert first.train == dates("2024-01-01", "2024-01-15")
    assert first.validation == dates("2024-01-16", "2024-01-23")
    assert first.test == dates("2024-01-24", "2024-01-31")


def test_a_duration_within_a_closure_still_holds_one_bar() -> None:
    settings = FoldSettings(first_train=4, validation="12h", test=1)
    first, second, *_ = roll(opens(12, weekends=False), settings, horizon=1, interval=DAY)
    assert first.validation == dates("2024-01-08", "2024-01-09")
    assert second.validation == dates("2024-01-09", "2024-01-10")
    settings = FoldSettings(first_train=3, validation="12h", test=1)
    first = next(roll(opens(12, weekends=False), settings, horizon=1, interval=DAY))
    assert first.validation == dates("2024-01-05", "2024-01-08")


def test_folds_between_refits_carry_the_spans_of_the_last_fit() -> None:
    settings = FoldSettings(first_train=5, validation=2, test=1, refit_every=3)
    found = list(roll(opens(14), settings, horizon=1, interval=DAY))
    assert [(fold.index, fold.fit_index) for fold in found] == [(0, 0), (1, 0), (2, 0), (3, 3), (4, 3)]
    assert {(fold.train, fold.validation) for fold in found[:3]} == {(found[0].train, found[0].validation)}
    assert found[3].train == dates("2024-01-01", "2024-01-09")
    assert found[4].validation == dates("2024-01-10", "2024-01-12")


def test_a_long_step_leaves_bars_without_a_forecast() -> None:
    settings = FoldSettings(first_train=5, validation=2, test=2, step=4)
    tested = [fold.test for fold in roll(opens(15), settings, horizon=1, interval=DAY)]
    assert tested == [dates("2024-01-10", "2024-01-12"), dates("2024-01-14", "2024-01-16")]


def test_the_final_fold_learns_from_everything_and_tests_nothing() -> None:
    settings = FoldSettings(window="rolling", first_train=5, validation=2, test=3)
    final = final_fold(opens(15), settings, horizon=1, interval=DAY, index=2)
    end = datetime(2024, 1, 16, tzinfo=UTC)
    assert final == Fold(2, 2, dates("2024-01-08", "2024-01-13"), dates("2024-01-14", "2024-01-16"), Span(end, end))


def test_one_bar_to_test_is_enough_and_none_is_too_few() -> None:
    settings = FoldSettings(first_train=5, validation=2, test=3)
    assert len(list(roll(opens(10), settings, horizon=1, interval=DAY))) == 1
    with pytest.raises(TooFewBars, match=r"folds: expected 10 bars, for first_train 5, .* one bar to test \(got 9\)"):
        roll(opens(9), settings, horizon=1, interval=DAY)
    with pytest.raises(TooFewBars, match=r"expected 170 bars, for first_train 7d, .* \(got 100\)"):
        roll(opens(100, HOUR), FoldSettings(first_train="7d", validation=1), horizon=0, interval=HOUR)


def test_a_gap_below_the_horizon_is_refused() -> None:
    message = r"folds\.gap: must be at least the horizon, 2 \(got 1\): the last training label would lie in the test"
    with pytest.raises(ConfigError, match=message):
        roll(opens(100), FoldSettings(first_train=5, gap=1), horizon=2, interval=DAY)


@pytest.mark.parametrize("step", [2, "3d"])
def test_overlapping_test_spans_are_refused(step: int | str) -> None:
    with pytest.raises(ValidationError, match="step: must be at least test, 3, in the same unit"):
        FoldSettings(test=3, step=step)


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "3y", "0d", None])
def test_a_size_is_bars_or_a_duration(size: object) -> None:
    with pytest.raises(ValidationError, match="number"):
        FoldSettings.model_validate({"test": size})


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="embargo"):
        FoldSettings.model_validate({"embargo": 3})


@given(walks())
def test_spans_follow_each_other_and_never_overlap(walk: Walk) -> None:
    for fold in walk.cut():
        train, validation, test = (rows(walk.times, span) for span in (fold.train, fold.validation, fold.test))
        assert train
        assert validation
        assert test
        assert train[-1] < validation[0] <= validation[-1] < test[0]


@given(walks())
def test_test_spans_tile_the_evaluation(walk: Walk) -> None:
    found = walk.cut()
    tested = [row for fold in found for row in rows(walk.times, fold.test)]
    assert tested == sorted(set(tested))
    if walk.settings.step in (None, walk.settings.test):
        assert tested == list(range(tested[0], len(walk.times)))
        assert all(before.test.end == after.test.start for before, after in pairwise(found))


@given(walks())
def test_no_label_is_known_late(walk: Walk) -> None:
    for fold in walk.cut():
        for learned, following in ((fold.train, fold.validation), (fold.validation, fold.test)):
            last = rows(walk.times, learned)[-1]
            assert last + walk.settings.gap_of(walk.horizon) < rows(walk.times, following)[0]
            assert walk.times[last + walk.horizon] + walk.interval <= following.start


@given(walks(), st.integers(1, 60))
def test_more_data_change_no_fold_but_the_last(walk: Walk, fewer: int) -> None:
    try:
        early = replace(walk, times=walk.times.head(len(walk.times) - fewer)).cut()
    except TooFewBars:
        return
    assert early[:-1] == walk.cut()[: len(early) - 1]
    assert early[-1].train == walk.cut()[len(early) - 1].train


@given(walks())
def test_every_kth_fold_is_fitted_on_its_own_spans(walk: Walk) -> None:
    found = walk.cut()
    refitted = replace(walk, settings=walk.settings.model_copy(update={"refit_every": 1})).cut()
    assert [fold.test for fold in found] == [fold.test for fold in refitted]
    for fold in found:
        assert fold.fit_index == fold.index - fold.index % walk.settings.refit_every
        assert (fold.train, fold.validation) == (refitted[fold.fit_index].train, refitted[fold.fit_index].validation)


@given(walks())
def test_training_expands_from_the_first_bar_or_rolls_at_one_length(
    walk: Walk,
) -> None:
    for fold in walk.cut():
        length = len(rows(walk.times, fold.train))
        if walk.settings.window == "expanding":
            assert fold.train.start == walk.times[0]
        elif isinstance(walk.settings.first_train, int):
            assert length == walk.settings.first_train
