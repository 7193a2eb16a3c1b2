"""The rows that all runs of a comparison forecast, and every model's forecasts of them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import polars as pl

from backtest.comparison.compared_runs import Entrant
from backtest.data.errors import ConfigError
from backtest.data.names import REFERENCES
from backtest.evaluation.loss_panel import LossPanel, loss_panels
from backtest.verdict.rule import MIN_DIFFERENCES, MIN_DIFFERENCES_PER_STEP

KEY = ["symbol", "time"]
AGREED = ["y", *REFERENCES]
RELATIVE, ABSOLUTE = 1e-12, 1e-15
"""What rounding may change in a log return: its last digits, or those of the logarithms that it is a difference of."""


@dataclass(frozen=True, slots=True, eq=False)
class CommonRows:
    """Forecasts of the rows that all runs share, sorted by time; the models of a run are named by `key_of`.

    `rows` (n,) are their symbols and times; `left_out` counts by run the rows that another one does not forecast.
    """

    panel: LossPanel
    rows: pl.DataFrame
    left_out: tuple[int, ...]


def key_of(place: int, model: str) -> str:
    """Return what a model of the run at a place is called in CommonRows; zero and naive are those of all runs."""
    return model if model in REFERENCES else f"{place}:{model}"


def common_rows(entrants: Sequence[Entrant]) -> CommonRows:
    """Return the rows that all runs forecast at their shortest common horizon.

    Raises ConfigError where there is no such horizon, where a row has other outcomes in another run, or where there
    are too few of them to judge by.
    """
    horizon = common_horizon(entrants)
    own = [entrant.paired.filter(horizon=horizon) for entrant in entrants]
    truths = [rows.filter(model=REFERENCES[0]).select(*KEY, "target_time", *AGREED) for rows in own]
    shared = reduce(lambda rows, other: rows.join(other.select(KEY), on=KEY, how="semi"), truths)
    for entrant, truth in zip(entrants[1:], truths[1:], strict=True):
        refuse_others(shared, truth, entrants[0].name, entrant.name)
    refuse_few(shared, truths, entrants, horizon)
    models = [named_apart(rows, shared, place) for place, rows in enumerate(own)]
    panel = loss_panels(pl.concat(models))[0]
    left_out = tuple(truth.height - shared.height for truth in truths)
    return CommonRows(panel, shared.sort("time", "symbol").select(KEY), left_out)


def common_horizon(entrants: Sequence[Entrant]) -> int:
    """Return the shortest horizon of all runs; ConfigError where they have none in common."""
    horizons = [set(entrant.paired["horizon"].unique()) for entrant in entrants]
    shared = set.intersection(*horizons)
    if not shared:
        got = ", ".join(
            f"{entrant.name} {', '.join(map(str, sorted(own)))}"
            for entrant, own in zip(entrants, horizons, strict=True)
        )
        raise ConfigError(f"compare: expected runs with a horizon in common (got {got}): compare those that share one")
    return int(min(shared))


def refuse_others(shared: pl.DataFrame, truth: pl.DataFrame, first: str, name: str) -> None:
    """Raise ConfigError where a common row has another outcome, or another zero or naive, in the run called `name`."""
    both = shared.join(truth, on=KEY, suffix="_here")
    apart = [(pl.col(column) - pl.col(f"{column}_here")).abs() for column in AGREED]
    allowed = [RELATIVE * pl.col(column).abs() + ABSOLUTE for column in AGREED]
    same = [gap <= most for gap, most in zip(apart, allowed, strict=True)]
    odd = both.filter(~pl.all_horizontal(*same, pl.col("target_time") == pl.col("target_time_here"))).sort(KEY)
    if odd.is_empty():
        return
    row = odd.row(0, named=True)
    seen = " and ".join(
        f"{row[f'y{here}']:.6g} by {row[f'target_time{here}']:%Y-%m-%d %H:%M} in {run}"
        for here, run in (("", first), ("_here", name))
    )
    raise ConfigError(
        f"compare: expected the same outcomes and baselines in all runs: after {row['symbol']}, "
        f"{row['time']:%Y-%m-%d %H:%M} UTC, came {seen} (naive {row['naive']:.6g} and {row['naive_here']:.6g}; "
        f"such rows: {odd.height:,}): compare runs on the same bars"
    )


def refuse_few(shared: pl.DataFrame, truths: Sequence[pl.DataFrame], entrants: Sequence[Entrant], horizon: int) -> None:
    """Raise ConfigError where the runs share too few times for a test of forecasts so far ahead."""
    needed, got = max(MIN_DIFFERENCES, MIN_DIFFERENCES_PER_STEP * horizon), shared["time"].n_unique()
    if got >= needed:
        return
    symbols = [entrant.manifest.data.symbols for entrant in entrants]
    spans = "; ".join(
        f"{entrant.name}: {', '.join(own[:3])}{', ...' if len(own) > 3 else ''}, {truth.height} forecasts"
        for entrant, own, truth in zip(entrants, symbols, truths, strict=True)
    )
    raise ConfigError(
        f"compare: expected {needed} times or more that all runs forecast (got {got}): compare runs that were tested "
        f"on the same symbols and times ({spans})"
    )


def named_apart(rows: pl.DataFrame, shared: pl.DataFrame, place: int) -> pl.DataFrame:
    """Return one run's forecasts of the common rows with the outcomes of `shared`; the first brings zero and naive.

    Folds are a run's own, so here there is but one.
    """
    names = {model: key_of(place, model) for model in rows["model"].unique()}
    models = rows if place == 0 else rows.filter(~pl.col("model").is_in(REFERENCES))
    kept = models.drop("y", "fold").join(shared.select(*KEY, "y"), on=KEY)
    return kept.select(
        pl.col("model").replace_strict(names, return_dtype=pl.String),
        *("seed", "horizon", *KEY, "target_time", "y", "y_hat"),
        fold=pl.lit(0, pl.Int32),
    )
