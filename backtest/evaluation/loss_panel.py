"""The losses of all models, matched and aligned once: scores, tests, regimes, intervals and strategies read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from backtest.data.losses import LOSSES, WEIGHTED
from backtest.data.question import Question
from backtest.evaluation.matched_forecasts import FIT, KEY
from backtest.significance.best_baseline import lowest_loss
from backtest.significance.primary import PRIMARY, PrimaryTest
from backtest.significance.result import FloatArray, mean_per_time
from backtest.significance.table import Sample


@dataclass(frozen=True, slots=True, eq=False)
class LossPanel:
    """Outcomes, forecasts and losses of every model at one horizon, all on the same rows.

    `rows` (n rows) holds symbol, fold, time, target_time, y and its known variance, sorted by time and symbol; `y_hat`
    (n,) are the forecasts by model, means over its seeds, `seed_y_hat` (n,) those of single seeds by model and seed.
    `instant` (n,) numbers the times from 0 where several rows share one, and is None otherwise. `losses` (t,) by loss
    and model, and `seed_losses` (t,) by loss, model and seed, are means over the rows of a time, beyond those of a
    perfect forecast. WEIGHTED is among the losses where errors can be weighted by the variance known at each forecast.
    Forecasts on both sides of a hole count as neighbours. `question` names the loss that is read where a caller names
    none, and the rivals.
    """

    horizon: int
    rows: pl.DataFrame
    y_hat: Mapping[str, FloatArray]
    instant: npt.NDArray[np.int64] | None
    losses: Mapping[tuple[str, str], FloatArray]
    seed_y_hat: Mapping[tuple[str, int], FloatArray] = field(default_factory=dict)
    seed_losses: Mapping[tuple[str, str, int], FloatArray] = field(default_factory=dict)
    question: Question = field(default_factory=Question)

    @property
    def y(self) -> FloatArray:
        """Outcomes (n,)."""
        return self.rows["y"].to_numpy()

    @property
    def fold(self) -> npt.NDArray[np.int32]:
        """Number (n,) of the fold of each row."""
        return self.rows["fold"].to_numpy()

    @property
    def times(self) -> npt.NDArray[np.datetime64]:
        """The times (t,) of the losses, in UTC."""
        return np.unique(self.rows["time"].dt.replace_time_zone(None).to_numpy())

    @property
    def models(self) -> list[str]:
        """All models, in the order of their names."""
        return sorted(self.y_hat)

    @property
    def folds(self) -> list[int]:
        """Numbers of the folds that have forecasts, in order."""
        return [int(number) for number in np.unique(self.fold)]

    @property
    def primary_test(self) -> PrimaryTest:
        """The test that the verdict rests on."""
        return PRIMARY[self.question.test]

    def loss(self, model: str, loss: str | None = None, *, seed: int | None = None) -> FloatArray:
        """Losses (t,) of a model, or of one of its seeds."""
        name = loss or self.question.loss
        return self.losses[name, model] if seed is None else self.seed_losses[name, model, seed]

    def row_loss(self, model: str, loss: str | None = None) -> FloatArray:
        """Losses (n,) of a model, row by row."""
        return losses_of(loss or self.question.loss, self.rows, self.y_hat[model])

    @property
    def primary_losses(self) -> tuple[str, ...]:
        """The losses that the verdict rests on: that of the question, and WEIGHTED where it is there."""
        return (self.question.loss, *([WEIGHTED] if _weighted(self.rows, self.question) else []))

    @property
    def steady_loss(self) -> str:
        """The last of them: the one that a few turbulent times dominate least."""
        return self.primary_losses[-1]

    @property
    def tested_losses(self) -> tuple[str, ...]:
        """All losses by which models are compared."""
        return (*self.question.losses, *self.primary_losses[1:])

    @property
    def rival(self) -> str:
        """The model that skills are against: the rival, or of several the one with the smallest mean loss here."""
        return lowest_loss(self.rival_losses())

    def rival_losses(self, loss: str | None = None) -> dict[str, FloatArray]:
        """Losses (t,) of each model that a better one must beat."""
        return {name: self.loss(name, loss) for name in self.question.rivals}

    def rival_loss(self, loss: str | None = None) -> FloatArray:
        """Losses (t,) of `rival`."""
        return self.loss(self.rival, loss)

    def seeds(self, model: str) -> list[int]:
        """Seeds of a model, in order; empty for one without seeds."""
        return sorted(seed for name, seed in self.seed_y_hat if name == model)

    def sample(self, model: str, baseline: str, loss: str) -> Sample:
        """Return what a test of `model` against `baseline` is given; without losses where `loss` names none."""
        losses = self.losses.get((loss, model)), self.losses.get((loss, baseline))
        forecasts = self.y_hat[model], self.y_hat[baseline]
        folds = self.fold if self.instant is None else self.fold[np.unique(self.instant, return_index=True)[1]]
        neutral = self.question.about.neutral or 0.0
        return Sample(self.horizon, self.y, *forecasts, self.instant, *losses, folds, neutral)

    def part(self, rows: npt.NDArray[np.bool_]) -> LossPanel:
        """Return the rows (n,) that are asked for, without single seeds; all rows of a time, or none."""
        instant, kept = None, rows
        if self.instant is not None:
            kept = np.isin(np.arange(self.times.size), self.instant[rows])
            instant = np.unique(self.instant[rows], return_inverse=True)[1]
        return LossPanel(
            self.horizon,
            self.rows.filter(pl.Series(rows)),
            {model: values[rows] for model, values in self.y_hat.items()},
            instant,
            {key: values[kept] for key, values in self.losses.items()},
            question=self.question,
        )

    def to_frame(self) -> pl.DataFrame:
        """One row per model, seed (null: mean over seeds) and row, with the references' forecasts for the same row."""
        references = {name: pl.Series(self.y_hat[name]) for name in self.question.references}
        shared = self.rows.with_columns(horizon=pl.lit(self.horizon, pl.Int32), **references)
        fits: dict[tuple[str, int | None], FloatArray] = {(model, None): values for model, values in self.y_hat.items()}
        fits |= {(model, seed): values for (model, seed), values in self.seed_y_hat.items()}
        return pl.concat(
            shared.with_columns(model=pl.lit(model), seed=pl.lit(seed, pl.Int32), y_hat=pl.Series(values))
            for (model, seed), values in fits.items()
        )


def loss_panels(matched: pl.DataFrame, question: Question | None = None) -> list[LossPanel]:
    """Align what `match_forecasts` returned: a panel for each horizon, in their order."""
    question = question or Question()
    panels = []
    for own in matched.sort("horizon", *FIT, "time", "symbol").partition_by("horizon", maintain_order=True):
        fits = own.partition_by(FIT, as_dict=True, maintain_order=True)
        y_hat = {fit: rows["y_hat"].to_numpy() for fit, rows in fits.items()}
        means = {str(model): values for (model, seed), values in y_hat.items() if seed is None}
        seeds = {(str(model), int(seed)): values for (model, seed), values in y_hat.items() if seed is not None}
        rows = next(iter(fits.values())).select(*KEY[1:], "fold", "target_time", "y", "variance")
        times = rows["time"].to_numpy()
        instant = np.unique(times, return_inverse=True)[1] if rows["symbol"].n_unique() > 1 else None
        names = (*question.losses, *([WEIGHTED] if _weighted(rows, question) else []))
        losses = {
            (name, model): mean_per_time(losses_of(name, rows, values), instant)
            for name in names
            for model, values in means.items()
        }
        seed_losses = {
            (name, model, seed): mean_per_time(losses_of(name, rows, values), instant)
            for name in names
            for (model, seed), values in seeds.items()
        }
        panels.append(LossPanel(int(own["horizon"][0]), rows, means, instant, losses, seeds, seed_losses, question))
    return panels


def losses_of(loss: str, rows: pl.DataFrame, y_hat: FloatArray) -> FloatArray:
    """Losses (n,) of forecasts (n,) of rows with y and its known variance, beyond those of a perfect forecast."""
    y = rows["y"].to_numpy()
    if loss == WEIGHTED:
        return np.asarray(LOSSES["squared"].excess(y, y_hat) / rows["variance"].to_numpy())
    return LOSSES[loss].excess(y, y_hat)


def _weighted(rows: pl.DataFrame, question: Question) -> bool:
    """Whether errors of these rows can be weighted, and are to be."""
    return question.weighted and not rows["variance"].has_nulls()
