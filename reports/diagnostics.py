"""Series behind the figures, from forecasts and fits: loss paths, calibration, learning curves, autocorrelation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import chdtrc

from backtest.data.errors import UnpairedForecasts
from backtest.data.losses import LOSSES

CONSTANT = 0.01
"""Below this share of the outcomes' spread forecasts are called a constant: they could explain 0.01 % at best."""

LAGS = 40
SHARE = 5
"""Lags go up to one in this many errors, and no further than LAGS."""

FEWEST = 50
"""Below this many errors no autocorrelation is computed."""

ROUNDING = 1e-12
"""A standard deviation below this share of the size of the values is rounding error."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LossPath:
    """Cumulative loss of a model minus another's, as a share of the rival's total: with the rival it ends at -skill.

    `times` (n,) are the instants at which the targets became known, `values` (n,); `at_fold_end` one per fold.
    """

    model: str
    times: NDArray[np.datetime64]
    values: Floats
    at_fold_end: dict[int, float]


@dataclass(frozen=True, slots=True)
class Decile:
    """Forecasts of similar size: how many, their mean, and the mean realised value with its 95 % interval."""

    n: int
    forecast: float
    outcome: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Forecast against outcome; `slope` of outcome on forecast with its 95 % interval, `spread` as a share of it."""

    model: str
    deciles: tuple[Decile, ...]
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    spread: float | None

    @property
    def constant(self) -> bool:
        """Whether the forecasts hardly vary."""
        return self.spread is None or self.spread < CONSTANT


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Losses by epoch (epochs,) of one fit, as shares of the first epoch's; `best` is the epoch that was kept."""

    model: str
    fold: int
    seed: int | None
    train: Floats
    validation: Floats
    best: int

    @property
    def epochs(self) -> int:
        """Epochs that were run."""
        return len(self.train)


def side_by_side(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Return one row per origin with the forecasts of each model in a column of its own, named `y_hat:model`.

    Raises UnpairedForecasts where a model lacks a row that another has, or has one twice.
    """
    wide = forecasts.with_columns(column=pl.concat_str(pl.lit("y_hat:"), "model")).pivot(
        "column", index=["symbol", "fold", "time", "target_time", "y"], values="y_hat", aggregate_function="first"
    )
    expected = wide.height * forecasts["model"].n_unique()
    if expected != forecasts.height or any(wide.null_count().row(0)):
        raise UnpairedForecasts(
            f"forecasts: all models must forecast the same rows once: {expected} forecasts expected "
            f"(got {forecasts.height}): run the walk again"
        )
    return wide.sort("target_time", "symbol")


def loss_path(origins: pl.DataFrame, model: str, rival: str, loss: str, against: str | None = None) -> LossPath:
    """Return the cumulative loss difference of `model` against the rival, or against another model.

    It is a share of the rival's total, whatever the other model; symbols of one time count together.
    """
    y = pl.col("y")
    losses = {
        name: LOSSES[loss].excess(y, pl.col(f"y_hat:{name}"))
        for name in dict.fromkeys((model, against or rival, rival))
    }
    difference = losses[model] - losses[against or rival]
    total = float(origins.select(losses[rival].sum()).item())
    rows = origins.with_columns(d=difference)  # before grouping: a loss may depend on all outcomes
    steps = rows.group_by("target_time", maintain_order=True).agg(pl.col("d").sum(), pl.col("fold").max())
    values = steps["d"].cum_sum().to_numpy() / (total or 1.0)
    ends = dict(zip(steps["fold"].to_list(), values.tolist(), strict=True))
    return LossPath(model, steps["target_time"].dt.replace_time_zone(None).to_numpy(), values, ends)


def calibrate(origins: pl.DataFrame, model: str) -> Calibration:
    """Return outcomes by deciles of the forecast, the slope of outcome on forecast, and the forecasts' spread.

    There are fewer groups where they would hold less than ten forecasts. The intervals take the
    forecasts as independent of each other; the slope's is robust to changing variance (White, 1980; the regression is
    that of Mincer and Zarnowitz, 1969).
    """
    y, y_hat = origins["y"].to_numpy(), origins[f"y_hat:{model}"].to_numpy()
    spread = float(y_hat.std() / y.std()) if y.std() > 0 else None
    groups = max(1, min(10, len(y) // 10))
    edges = np.unique(np.quantile(y_hat, np.arange(1, groups) / groups))
    numbers = np.searchsorted(edges, y_hat, side="right")
    deciles = tuple(decile(y[numbers == number], y_hat[numbers == number]) for number in np.unique(numbers))
    if y_hat.max() == y_hat.min() or len(y) < 3:
        return Calibration(model, deciles, None, None, None, spread)
    centred = y_hat - y_hat.mean()
    slope = float(centred @ y / (centred @ centred))
    residual = y - y.mean() - slope * centred
    margin = 1.96 * float(np.sqrt(centred**2 @ residual**2) / (centred @ centred))
    return Calibration(model, deciles, slope, slope - margin, slope + margin, spread)


def decile(y: Floats, y_hat: Floats) -> Decile:
    """Return one group of forecasts (n,) with the realised values (n,)."""
    margin = 1.96 * float(y.std(ddof=1) / np.sqrt(len(y))) if len(y) > 1 else 0.0
    return Decile(len(y), float(y_hat.mean()), float(y.mean()), float(y.mean()) - margin, float(y.mean()) + margin)


def learning_curves(fits: pl.DataFrame, folds: pl.DataFrame) -> tuple[Fit, ...]:
    """Return the learning curves of everything that was trained by epochs, in the folds of the walk."""
    epochs = fits.filter(pl.col("epoch").is_not_null()).join(folds.select("fold"), on="fold", how="semi")
    keys = ["model", "fold", "seed"]
    curves = (
        epochs.sort(*keys, "epoch").group_by(keys, maintain_order=True).agg("train_loss", "validation_loss", "best")
    )
    return tuple(
        Fit(
            model,
            fold,
            seed,
            relative(train),
            relative(validation),
            best.index(True) + 1 if True in best else len(best),
        )
        for model, fold, seed, train, validation, best in curves.iter_rows()
    )


def relative(losses: list[float | None]) -> Floats:
    """Return losses (epochs,) as shares of the first; NaN for null."""
    values = np.asarray(losses, dtype=np.float64)
    return values / values[0] if len(values) and values[0] else values


@dataclass(frozen=True, slots=True, eq=False)
class FluctuationPath:
    """Path of the fluctuation statistic: `times` (n,) are the windows' middles, `values` (n,); below 0: better."""

    model: str
    times: NDArray[np.datetime64]
    values: Floats
    band: float


def fluctuation_paths(fluctuation: pl.DataFrame) -> tuple[FluctuationPath, ...]:
    """Return the path of every model of FLUCTUATION."""
    paths = fluctuation.with_columns(pl.col("time").dt.replace_time_zone(None)).partition_by(
        "model", as_dict=True, maintain_order=True
    )
    return tuple(
        FluctuationPath(str(model), rows["time"].to_numpy(), rows["statistic"].to_numpy(), float(rows["band"][0]))
        for (model,), rows in paths.items()
    )


@dataclass(frozen=True, slots=True, eq=False)
class Autocorrelation:
    """Autocorrelations (m,) from lag 1 on; each lies within +- `band` (m,) 19 times in 20 where nothing is left.

    `p_value`: how often all of them together would be this large then; None where nothing could be worked out.
    """

    values: Floats
    band: Floats
    p_value: float | None

    @property
    def strengths(self) -> Floats:
        """Their sizes (m,) in units of the band; 0 where it has no width."""
        return np.divide(np.abs(self.values), self.band, out=np.zeros_like(self.values), where=self.band > 0)

    @property
    def outside(self) -> int:
        """How many are outside of the band."""
        return int(np.count_nonzero(self.strengths > 1))


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """What is left in the errors of one model; `lags` (m,) are bars, multiples of the horizon.

    There are none where errors are too few.
    """

    model: str
    lags: NDArray[np.int64]
    errors: Autocorrelation
    sizes: Autocorrelation


def autocorrelations(origins: pl.DataFrame, models: Sequence[str], horizon: int) -> tuple[Residuals, ...]:
    """Return the autocorrelations of the errors y - y_hat of `models`, from the rows of `side_by_side`.

    Outcomes over several bars overlap, so that their errors are correlated whatever the model knows: of a `horizon`
    of h bars every h-th forecast of a symbol is taken, and the lags are h, 2 h, ... bars. Forecasts on both sides of a
    hole count as neighbours.
    """
    order = pl.int_range(pl.len()).over("symbol")
    apart = origins.filter(order % horizon == 0).sort("symbol", "target_time")
    symbol, instant = apart["symbol"].rle_id().to_numpy(), apart["target_time"].rank("dense").to_numpy() - 1
    longest = int(np.bincount(symbol, minlength=1).max())
    most = min(LAGS, longest // SHARE) if longest >= FEWEST else 0
    found = []
    for model in models:
        errors = (apart["y"] - apart[f"y_hat:{model}"]).to_numpy()
        parts = (autocorrelation(series, symbol, instant, most) for series in (errors, np.abs(errors)))
        found.append(Residuals(model, horizon * np.arange(1, most + 1), *parts))
    return tuple(found)


def autocorrelation(
    series: Floats, symbol: NDArray[np.integer], instant: NDArray[np.integer], most: int
) -> Autocorrelation:
    """Return the autocorrelations at lags 1 to `most` of several symbols' series (n,), which follow one another.

    Each symbol's values are standardised and meet only each other: what is returned is the mean over the symbols. With
    c(t) the sum, over the symbols, of the products of the values at `instant` t with those k rows before, the
    autocorrelation at lag k is the sum of c(t) over n, and its standard error the root of the sum of c(t)^2 over n.
    That holds for errors whose variance changes, and that all symbols share; for one symbol it is that of Taylor
    (1984, Applied Statistics 33) and of Lo and MacKinlay (1988, Review of Financial Studies 1). All lags together: the
    sum of squares in standard errors against chi-squared (Lobato, Nankervis and Savin, 2001, International Economic
    Review 42).
    """
    values = standardised(series, symbol)
    sums, squares = np.zeros(most), np.zeros(most)
    for lag in range(1, most + 1):
        products = values[lag:] * values[:-lag] * (symbol[lag:] == symbol[:-lag])
        together = np.bincount(instant[lag:], products)
        sums[lag - 1], squares[lag - 1] = np.sum(together), np.sum(together**2)
    known = squares > 0
    statistic = float(np.sum(sums[known] ** 2 / squares[known]))
    p_value = float(chdtrc(np.count_nonzero(known), statistic)) if known.any() else None
    return Autocorrelation(sums / len(values), 1.96 * np.sqrt(squares) / len(values), p_value)


def standardised(series: Floats, symbol: NDArray[np.integer]) -> Floats:
    """Return a series (n,) less its mean, over its standard deviation, symbol by symbol; 0 where it never changes."""
    counts = np.bincount(symbol)
    centred = series - (np.bincount(symbol, series) / counts)[symbol]
    scale, size = (np.sqrt(np.bincount(symbol, values**2) / counts)[symbol] for values in (centred, series))
    scaled: Floats = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > ROUNDING * size)
    return scaled
