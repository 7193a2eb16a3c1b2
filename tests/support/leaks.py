"""The catalogue of planted leaks: an audit has to catch each, at the level that is named, and to point at it."""

from __future__ import annotations

from tests.support.leaks_of_availability import AVAILABILITY
from tests.support.leaks_of_features import AHEAD, BEHIND
from tests.support.leaks_of_folds import FOLDS
from tests.support.leaks_of_matching import MATCHING
from tests.support.planting import Plant

CATALOGUE: tuple[Plant, ...] = (*AHEAD, *BEHIND, *AVAILABILITY, *FOLDS, *MATCHING)
