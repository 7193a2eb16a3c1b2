"""Features and targets as Polars expressions, and the one query that turns bars into a table to learn from."""

from __future__ import annotations

from features import calendar_features, price, volume
from features.catalog import FEATURES, feature
from features.external import EXTERNAL, external

__all__ = ["EXTERNAL", "FEATURES", "calendar_features", "external", "feature", "price", "volume"]
