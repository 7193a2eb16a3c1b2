"""Features and targets as Polars expressions, and the one query that turns bars into a table to learn from."""

from __future__ import annotations

from features import calendar_features, price, volume
from features.catalog import FEATURES, feature

__all__ = ["FEATURES", "calendar_features", "feature", "price", "volume"]
