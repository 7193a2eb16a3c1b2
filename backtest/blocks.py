"""Forecasts of all models at one horizon as arrays, for the tests: all folds, one of them, or all but one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from backtest.metrics import LOSSES
from backtest.significance.result import FloatArray, mean_per_time
from backtest.significance.table import Sample


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Outcomes and forecasts (n,) by model, sorted by time; with several symbols the losses of a time are averaged.

    `fold` (n,) and `time` (n,) belong to the rows; `times` (n,) numbers the instants where several rows share one, and
    is None otherwise; `losses` (t,), by loss and model, are means per instant. Forecasts on both sides of a hole
    count as neighbours.
    """

    horizon: int
    y: FloatArray
    y_hat: Mapping[str, FloatArray]
    fold: npt.NDArray[np.int32]
    time: npt.NDArray[np.datetime64]
    times: npt.NDArray[np.int64] | None
    losses: Mapping[tuple[str, str], FloatArray]

    @property
    def models(self) -> list[str]:
        """All models, in the order of their names."""
        return sorted(self.y_hat)

    @property
    def folds(self) -> list[int]:
        """Numbers of the folds that have forecasts, in order."""
        return [int(number) for number in np.unique(self.fold)]

    @property
    def instants(self) -> npt.NDArray[np.datetime64]:
        """The times (t,) of the losses."""
        return np.unique(self.time)

    def part(self, rows: npt.NDArray[np.bool_]) -> Block:
        """Return the rows (n,) that are asked for; all rows of an instant, or none."""
        times, kept = None, rows
        if self.times is not None:
            times = self.times[rows]
            kept = np.isin(np.arange(self.instants.size), times)
        return Block(
            self.horizon,
            self.y[rows],
            {model: values[rows] for model, values in self.y_hat.items()},
            self.fold[rows],
            self.time[rows],
            times,
            {key: values[kept] for key, values in self.losses.items()},
        )

    def sample(self, model: str, baseline: str, loss: str) -> Sample:
        """Return what a test of `model` against `baseline` is given; without losses if `loss` is no loss."""
        nothing = np.empty(0)
        pair = (self.losses.get((loss, name), nothing) for name in (model, baseline))
        return Sample(self.horizon, self.y, self.y_hat[model], self.y_hat[baseline], self.times, *pair)


def blocks(paired: pl.DataFrame, seed: int | None = None) -> list[Block]:
    """Blocks of what `pairing.pair` returned, by horizon: of the means over seeds, or of one seed.

    Of a seed, models without seeds take part as they are.
    """
    ensemble = pl.col("seed").is_null()
    rows = paired.filter(ensemble)
    if seed is not None:
        one = paired.filter(seed=seed)
        rows = pl.concat([one, rows.filter(~pl.col("model").is_in(one["model"].unique().implode()))])
    return [_block(part) for part in rows.sort("horizon").partition_by("horizon", maintain_order=True)]


def _block(rows: pl.DataFrame) -> Block:
    """One block from the rows of one horizon; all models have the same."""
    columns = rows.sort("time", "symbol").with_columns(LOSSES[name].alias(name) for name in LOSSES)
    models = {str(name): part for (name,), part in columns.partition_by("model", as_dict=True).items()}
    first = next(iter(models.values()))
    time = first["time"].dt.replace_time_zone(None).to_numpy()
    several = first["symbol"].n_unique() > 1
    times = np.unique(time, return_inverse=True)[1] if several else None
    return Block(
        int(first["horizon"][0]),
        first["y"].to_numpy(),
        {name: part["y_hat"].to_numpy() for name, part in models.items()},
        first["fold"].to_numpy(),
        time,
        times,
        {(loss, name): mean_per_time(part[loss].to_numpy(), times) for loss in LOSSES for name, part in models.items()},
    )
