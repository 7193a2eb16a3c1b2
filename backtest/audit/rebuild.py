"""Features of changed bars, computed as a run computes them, with the calendar of the true ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import polars as pl

from backtest.data.sessions import segments
from backtest.features.catalog import Spec
from backtest.features.pipeline import build

Series = Mapping[str, pl.DataFrame]
"""External series by name, with `time`, `known_at` and values."""

Rebuild = Callable[[pl.DataFrame, Series], pl.DataFrame]
"""From bars and external series to FEATURES."""


def rebuild_of(
    bars: pl.DataFrame,
    specs: Sequence[Spec],
    interval: timedelta,
    *,
    horizon: int = 1,
    kind: str = "log_return",
    segment: pl.Series | None = None,
) -> Rebuild:
    """Return what computes FEATURES from `bars` with other values, or from some of them.

    Where a market that closes has a hole is judged by the weeks around, later ones too. That is knowledge of the
    exchange's calendar, not of a price; it can make a value null, never another one. So it is taken as given:
    as the `segment` of each row, or searched for once.
    """
    keys = ["symbol", "time"]
    calendar = bars.select(keys).with_columns(segments(bars, interval) if segment is None else segment)

    def rebuild(changed: pl.DataFrame, external: Series) -> pl.DataFrame:
        """FEATURES of changed bars."""
        known = changed.select(keys).join(calendar, on=keys, how="left", maintain_order="left")["segment"]
        if known.null_count():  # bars at other times than the true ones
            known = segments(changed, interval)
        return build(changed, specs, horizon=horizon, kind=kind, interval=interval, external=external, segment=known)

    return rebuild
