"""The audit catches every planted leak of the catalogue, at the right level, and names it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest

from backtest.audit.levels import audit_walk
from backtest.data.records.audit import Level
from backtest.features import EXTERNAL, FEATURES
from backtest.models import MODELS
from backtest.reports.wording.audit import leak_remedy, leak_sentence, subject_words
from tests.support.leaks import CATALOGUE
from tests.support.planting import Plant
from tests.support.selection import quick_or_slow

REQUIRED = (
    "negative shift",
    "centred rolling window",
    "global z-score",
    "global min-max",
    "backward fill",
    "interpolation over gaps",
    "target among the features",
    "expanding statistic over the reversed series",
    "sort by another key",
    "day statistic joined back",
    "resampled bars stamped at their open",
    "forward as-of join",
    "external series joined on the event's time",
    "funding rate stamped before it was published",
    "scaler on all rows",
    "scaler on train and test",
    "target scaling with test rows",
    "early stopping on test",
    "best epoch by test loss",
    "gap smaller than the horizon",
    "window that includes the target bar",
    "seed chosen by test score",
    "settings tuned by test error",
    "weights carried over from a later fold",
    "feature cached by the number of rows",
    "fit cached without the data",
)


class Caught(Exception):
    """Ends an audit at the first level that finds anything."""


@cache
def first_level(plant: Plant) -> Level | None:
    """The first level of a full audit that finds a leak; those before it found none."""
    found: list[Level] = []

    def stop(level: Level) -> None:
        if level.leaks:
            found.append(level)
            raise Caught

    with TemporaryDirectory() as folder, patch.dict(FEATURES), patch.dict(EXTERNAL), patch.dict(MODELS):
        try:
            audit_walk(plant.make_walk(Path(folder)), "full", watch=stop)
        except Caught:
            return found[0]
    return None


def is_named(plant: Plant, level: Level) -> bool:
    """Whether a leak of a level is of what was planted, and its counterexample reads as far ahead."""
    for leak in level.leaks:
        column, ahead = (leak.counterexample.column, leak.counterexample.ahead) if leak.counterexample else ("", None)
        if (plant.names in subject_words(leak.subject) or plant.names in column) and plant.ahead in (None, ahead):
            return True
    return False


@pytest.mark.parametrize("plant", quick_or_slow(CATALOGUE, REQUIRED, lambda plant: plant.name))
def test_a_planted_leak_is_caught_at_its_level_and_named(plant: Plant) -> None:
    level = first_level(plant)
    assert level, "not caught"
    assert level.number == plant.level
    assert is_named(plant, level), level.leaks
    assert all(leak_sentence(leak) and leak_remedy(leak) for leak in level.leaks)


@pytest.mark.slow
def test_every_leak_of_the_catalogue_is_caught_at_its_level() -> None:
    def caught(plant: Plant) -> bool:
        try:
            level = first_level(plant)
        except Exception:  # an audit that breaks off has caught nothing
            return False
        return bool(level and level.number == plant.level and is_named(plant, level))

    missed = [plant.name for plant in CATALOGUE if not caught(plant)]
    assert not missed, f"mutation score {1 - len(missed) / len(CATALOGUE):.1%}"


def test_the_catalogue_holds_every_required_leak_once() -> None:
    names = [plant.name for plant in CATALOGUE]
    assert set(REQUIRED) <= set(names)
    assert len(set(names)) == len(names) >= 30


@pytest.mark.usefixtures("open_tables")
@pytest.mark.parametrize("name", ["window that includes the target bar", "batch normalisation over the test span"])
def test_an_audit_goes_on_to_its_last_level_after_a_leak(name: str, tmp_path: Path) -> None:
    plant = next(plant for plant in CATALOGUE if plant.name == name)
    found = audit_walk(plant.make_walk(tmp_path), "full")
    assert [level.number for level in found.levels] == [1, 2, 3, 4, 5]
    assert not found.passed
