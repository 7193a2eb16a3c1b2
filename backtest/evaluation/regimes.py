"""Accuracy by regime: errors and skill by volatility, hour of day and weekday."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from backtest.data import result_tables, schema
from backtest.data.names import Scale
from backtest.evaluation.loss_panel import LossPanel
from backtest.evaluation.robustness import adjust_by_holm, evidence_on, skill_of
from backtest.significance.result import FloatArray, mean_per_time

IntArray = npt.NDArray[np.int64]

RECENT = result_tables.RECENT
FEWEST = RECENT // 2
"""Outcomes that must be known before a forecast's volatility is measured."""

UNCLASSIFIED = -1
"""Place of a forecast that a regime cannot classify."""

UNKNOWN = result_tables.UNKNOWN
UNTESTED = "part not known: not tested"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The `rows` (n,) of a horizon, by their numbers, that belong to one part of a regime."""

    regime: str
    name: str
    place: int
    rows: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Regime:
    """A conditioning variable that classifies forecasts, and the names of its parts in their order.

    `place` returns the number of the part (n,) of each row, or UNCLASSIFIED. It is given the rows (n,) of one horizon
    in the order of time: columns of FORECASTS, and `opens`, the open of the bar at whose close the outcome is known.
    The regime is left out where a bar is as long as `cycle`, and for targets of other `scales` (empty: of none).
    """

    parts: tuple[str, ...]
    place: Callable[[pl.DataFrame], IntArray]
    cycle: timedelta = timedelta.max
    scales: tuple[Scale, ...] = ()


def volatility(rows: pl.DataFrame) -> IntArray:
    """Tercile (n,) of the volatility before each forecast among all test rows of its symbol.

    The volatility is known at the origin, the borders of the terciles only at the end of the walk: this describes a
    result and could not have been traded on.
    """
    places = np.full(rows.height, UNCLASSIFIED)
    for own in rows.with_row_index("row").partition_by("symbol"):
        before = recent_volatility(own["y"].to_numpy(), int(own["horizon"][0]))
        told = np.isfinite(before)
        if told.any():
            cuts = np.quantile(before[told], [1 / 3, 2 / 3])
            places[own["row"].to_numpy()[told]] = np.searchsorted(cuts, before[told])
    return places


def recent_volatility(y: FloatArray, horizon: int) -> FloatArray:
    """Root mean square (n,) of the last RECENT outcomes that are known at each origin; NaN: fewer than FEWEST.

    `y` (n,) are the outcomes of one symbol in the order of time. That of row i is known when the bar of row i + horizon
    closes, or before, so that row i sees those of rows i - horizon and before: neither its own nor any after it.
    """
    squares = np.concatenate([np.zeros(RECENT - 1 + horizon), y**2])[: RECENT - 1 + y.size]
    known = np.clip(np.arange(y.size) + 1 - horizon, 0, RECENT)
    sums = np.lib.stride_tricks.sliding_window_view(squares, RECENT).sum(axis=1)
    return np.sqrt(np.where(known >= FEWEST, sums, np.nan) / np.maximum(known, 1))


def variance(rows: pl.DataFrame) -> IntArray:
    """Tercile (n,) of the mean variance before each forecast, where outcomes are variances; see `volatility`."""
    return volatility(rows.with_columns(pl.col("y").sqrt()))


def rises(rows: pl.DataFrame) -> IntArray:
    """Tercile (n,) of the share of rises before each forecast, of outcomes that are 1 or 0, as `volatility` has it."""
    return volatility(rows)


def hour(rows: pl.DataFrame) -> IntArray:
    """Hour of day in UTC (n,) at which the forecast bar opens."""
    return rows["opens"].dt.hour().cast(pl.Int64).to_numpy()


def weekday(rows: pl.DataFrame) -> IntArray:
    """Weekday in UTC (n,) on which the forecast bar opens, Monday first."""
    return rows["opens"].dt.weekday().cast(pl.Int64).to_numpy() - 1


DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

REGIMES = {
    "volatility": Regime(("low", "middle", "high"), volatility, scales=("return",)),
    "variance": Regime(("low", "middle", "high"), variance, scales=("variance",)),
    "rises": Regime(("few", "middle", "many"), rises, scales=("probability",)),
    "hour": Regime(tuple(f"{number:02}:00" for number in range(24)), hour, cycle=timedelta(days=1)),
    "weekday": Regime(DAYS, weekday, cycle=timedelta(weeks=1)),
}
"""Every conditioning variable by its name; it is left out where all forecasts belong to one part."""


def by_regime(panels: Sequence[LossPanel], interval: timedelta) -> pl.DataFrame:
    """REGIMES: every model against the rival in each part of each regime; `interval` is the length of a bar.

    Losses are `LossPanel.steady_loss`: those of turbulent times would outweigh all others in every other regime.

    The p-values of all parts and models of a horizon, but for the references, are one family for Holm's adjustment.
    """
    rows: list[dict[str, Any]] = []
    for panel in panels:
        origins = panel.rows.with_columns(horizon=pl.lit(panel.horizon), opens=pl.col("target_time") - interval)
        found = list(_rows(panel, _parts(origins, interval, panel.question.about.scale)))
        adjust_by_holm(found, panel.question.references)
        rows += found
    table = pl.DataFrame(rows, schema=result_tables.REGIMES.dtypes)
    return schema.check(table.sort("horizon", "model", maintain_order=True), result_tables.REGIMES)


def _parts(origins: pl.DataFrame, interval: timedelta, scale: Scale) -> list[Part]:
    """All parts that have rows, of every regime with at least two of them."""
    found: list[Part] = []
    for name, regime in REGIMES.items():
        if interval >= regime.cycle or (regime.scales and scale not in regime.scales):
            continue
        named, places = (*regime.parts, UNKNOWN), regime.place(origins)
        places = np.where(places == UNCLASSIFIED, len(regime.parts), places)
        numbers = np.unique(places).tolist() if np.ptp(places) else []
        found += [Part(name, named[place], place, np.flatnonzero(places == place)) for place in numbers]
    return found


def _rows(panel: LossPanel, parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    """Rows of REGIMES of one horizon, without adjusted p-values."""
    losses = {model: panel.row_loss(model, panel.steady_loss) for model in panel.models}
    for part in parts:
        about = {"horizon": panel.horizon, "regime": part.regime, "part": part.name, "place": part.place}
        instant = None if panel.instant is None else panel.instant[part.rows]
        rival = losses[panel.rival][part.rows]
        for model in panel.models:
            if model == panel.rival:
                continue
            own = losses[model][part.rows]
            errors = {"model": model, "n": own.size, "loss": float(own.mean()), "rival_loss": float(rival.mean())}
            pair = mean_per_time(own, instant), mean_per_time(rival, instant)
            evidence = (
                {"note": UNTESTED} if part.name == UNKNOWN else evidence_on(*pair, panel.horizon, panel.primary_test)
            )
            yield {**about, **errors, **skill_of(*pair), **evidence}
