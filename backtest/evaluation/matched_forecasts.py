"""Forecasts matched with those of the references: all models are evaluated on the same rows, or none is."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from backtest.data import schema
from backtest.data.errors import NotFinite, UnpairedForecasts
from backtest.data.question import Question

FIT = ["model", "seed"]
KEY = ["horizon", "symbol", "time"]
FIXED = ["fold", "target_time", "y", "variance"]


def match_forecasts(forecasts: pl.DataFrame, question: Question | None = None) -> pl.DataFrame:
    """FORECASTS sorted by model, seed, horizon, symbol and time, with the references' forecasts of each row.

    Where they hold no variances, that column is null.

    Raises WrongSchema, NotFinite, and UnpairedForecasts (model, fold, time and count named) if a row is repeated, if
    two models do not forecast the same rows with the same outcomes, if a time is not forecast at every horizon, or if
    the references or a mean over seeds are missing: a row is never dropped.
    """
    question = question or Question()
    target, first = question.about, question.references[0]
    rows = schema.check(forecasts, schema.FORECASTS).sort(*FIT, *KEY)
    if "variance" not in rows.columns:
        rows = rows.with_columns(variance=pl.lit(None, pl.Float64))
    _refuse_models(rows, question.references)
    for name, (low, high) in (("y", target.bounds), ("y_hat", target.forecast_bounds)):
        reason = f"{name} is not a {target.title}: not finite, or outside of {low:g} to {high:g}"
        _refuse(rows.filter(~pl.col(name).is_between(low, high)), reason, NotFinite)
    repeated = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in [*FIT, *KEY])
    _refuse(rows.filter(repeated), "a forecast is repeated")
    expected = {name: f"{name}_expected" for name in FIXED}
    reference = _ensemble(rows, first).select(*KEY, *FIXED)
    paired = rows.join(reference.rename(expected), on=KEY, how="left", maintain_order="left")
    _refuse(paired.filter(pl.col("fold_expected").is_null()), f"{first} has no such forecast")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(other)) for name, other in expected.items())
    _refuse(paired.filter(~same), f"fold, target_time, y or variance differ from those of {first}")
    _refuse_missing(rows, reference, first)
    _refuse_other_origins(reference)
    paired = paired.drop(expected.values())
    for baseline in question.references:
        forecast = _ensemble(rows, baseline).select(*KEY, pl.col("y_hat").alias(baseline))
        paired = paired.join(forecast, on=KEY, how="left", maintain_order="left")
    return paired


def _ensemble(rows: pl.DataFrame, model: str) -> pl.DataFrame:
    """Rows of a model's mean over seeds."""
    return rows.filter(pl.col("model") == model, pl.col("seed").is_null())


def _refuse(rows: pl.DataFrame, problem: str, error: type[NotFinite | UnpairedForecasts] = UnpairedForecasts) -> None:
    """Raise `error` if there are rows, naming the first of them and their number."""
    if rows.is_empty():
        return
    first = rows.row(0, named=True)
    seed = "" if first["seed"] is None else f", seed {first['seed']}"
    raise error(
        f"forecasts: {problem}: {first['model']}{seed}, fold {first['fold']}, {first['symbol']}, "
        f"{first['time']:%Y-%m-%d %H:%M} UTC (rows in all: {rows.height}). All models must forecast "
        "the same rows once: run the walk again"
    )


def _refuse_models(rows: pl.DataFrame, references: Sequence[str]) -> None:
    """Raise UnpairedForecasts if a reference, or the mean over the seeds of a model, is missing."""
    means = set(rows.filter(pl.col("seed").is_null())["model"].unique())
    missing = {*references, *rows["model"].unique()} - means
    if missing:
        raise UnpairedForecasts(
            f"forecasts: rows without a seed (the mean over seeds) are missing for {', '.join(sorted(missing))}: every "
            f"model needs them, and {' and '.join(references)} must be among the models"
        )


def _refuse_missing(rows: pl.DataFrame, reference: pl.DataFrame, name: str) -> None:
    """Raise UnpairedForecasts if a fit lacks rows of the reference; all that it has are known to be among them."""
    lengths = rows.group_by(FIT, maintain_order=True).len().filter(pl.col("len") < reference.height)
    for model, seed, _ in lengths.iter_rows():
        here = rows.filter(pl.col("model") == model, pl.col("seed").eq_missing(pl.lit(seed, pl.Int32)))
        missing = reference.join(here, on=KEY, how="anti", maintain_order="left")
        named = missing.with_columns(model=pl.lit(model), seed=pl.lit(seed, pl.Int32))
        _refuse(named, f"a forecast is missing that {name} has")


def _refuse_other_origins(reference: pl.DataFrame) -> None:
    """Raise UnpairedForecasts if a symbol and time of the reference is forecast at some horizons and not at others."""
    horizons = reference["horizon"].unique().sort().to_list()
    partial = reference.filter(pl.len().over("symbol", "time") < len(horizons)).sort("time", "symbol", "horizon")
    if partial.is_empty():
        return
    symbol, time = partial.row(0, named=True)["symbol"], partial.row(0, named=True)["time"]
    own = partial.filter(symbol=symbol, time=time)["horizon"].to_list()
    raise UnpairedForecasts(
        f"forecasts: every time must be forecast at all of the horizons {', '.join(map(str, horizons))}: {symbol}, "
        f"{time:%Y-%m-%d %H:%M} UTC has {', '.join(map(str, own))} only (times in all: "
        f"{partial.select('symbol', 'time').n_unique()}). Leave out times at which the outcome of the longest is not "
        "known, or judge one horizon at a time"
    )
