"""Forecasts of all models at one horizon as arrays, for the tests: all folds, one of them, or all but one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from backtest.evaluation.metrics import LOSSES
from backtest.significance.result import FloatArray, mean_per_time
from backtest.significance.table import Sample


@dataclass(frozen=True, slots=True, eq=False)
class LossPanel:
    """Outcomes and forecasts (n,) by model, sorted by time; with several symbols the losses of a time are averaged.

    `fold` (n,) and `time` (n,) belong to the rows; `instant` (n,) numbers the times from 0 where several rows share
    one, and is None otherwise; `losses` (t,), by loss and model, are means per time. Forecasts on both sides of a hole
    count as neighbours.
    """

    horizon: int
    y: FloatArray
    y_hat: Mapping[str, FloatArray]
    fold: npt.NDArray[np.int32]
    time: npt.NDArray[np.datetime64]
    instant: npt.NDArray[np.int64] | None
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
    def times(self) -> npt.NDArray[np.datetime64]:
        """The times (t,) of the losses."""
        return np.unique(self.time)

    def part(self, rows: npt.NDArray[np.bool_]) -> LossPanel:
        """Return the rows (n,) that are asked for; all rows of a time, or none."""
        instant, kept = None, rows
        if self.instant is not None:
            kept = np.isin(np.arange(self.times.size), self.instant[rows])
            instant = np.unique(self.instant[rows], return_inverse=True)[1]
        return LossPanel(
            self.horizon,
            self.y[rows],
            {model: values[rows] for model, values in self.y_hat.items()},
            self.fold[rows],
            self.time[rows],
            instant,
            {key: values[kept] for key, values in self.losses.items()},
        )

    def sample(self, model: str, baseline: str, loss: str) -> Sample:
        """Return what a test of `model` against `baseline` is given; without losses where `loss` names none."""
        losses = self.losses.get((loss, model)), self.losses.get((loss, baseline))
        forecasts = self.y_hat[model], self.y_hat[baseline]
        folds = self.fold if self.instant is None else self.fold[np.unique(self.instant, return_index=True)[1]]
        return Sample(self.horizon, self.y, *forecasts, self.instant, *losses, folds)


def loss_panels(paired: pl.DataFrame, seed: int | None = None) -> list[LossPanel]:
    """What `match_forecasts` returned, by horizon: the means over seeds, or one seed.

    Of a seed, models without seeds take part as they are.
    """
    rows = paired.filter(pl.col("seed").is_null())
    if seed is not None:
        one = paired.filter(seed=seed)
        rows = pl.concat([one, rows.filter(~pl.col("model").is_in(one["model"].unique().implode()))])
    return [_of_horizon(part) for part in rows.sort("horizon").partition_by("horizon", maintain_order=True)]


def _of_horizon(rows: pl.DataFrame) -> LossPanel:
    """The rows of one horizon, the same for all models."""
    columns = rows.sort("time", "symbol").with_columns(expression.alias(loss) for loss, expression in LOSSES.items())
    models = {str(name): part for (name,), part in columns.partition_by("model", as_dict=True).items()}
    first = next(iter(models.values()))
    time = first["time"].dt.replace_time_zone(None).to_numpy()
    instant = np.unique(time, return_inverse=True)[1] if first["symbol"].n_unique() > 1 else None
    return LossPanel(
        int(first["horizon"][0]),
        first["y"].to_numpy(),
        {name: part["y_hat"].to_numpy() for name, part in models.items()},
        first["fold"].to_numpy(),
        time,
        instant,
        {
            (loss, name): mean_per_time(part[loss].to_numpy(), instant)
            for loss in LOSSES
            for name, part in models.items()
        },
    )
