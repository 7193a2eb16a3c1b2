"""Features and targets as Polars expressions, and the one query that turns bars into a table to learn from."""

from __future__ import annotations

if __name__ != "backtest.features":
    raise ImportError("import it as backtest.features: the folder features of this repository is a part of backtest")

from backtest.features import built_in
from backtest.features.catalog import FEATURES, feature
from backtest.features.external import EXTERNAL, external

__all__ = ["EXTERNAL", "FEATURES", "built_in", "external", "feature"]
