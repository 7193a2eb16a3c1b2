"""The rows that all runs of a comparison forecast, as a virtual run whose models are named `run:model`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce

import numpy as np
import polars as pl

from backtest.comparison.runs import FinishedRun
from backtest.data.errors import ConfigError
from backtest.data.schema import FITS, FOLDS, FORECASTS
from backtest.significance.result import FloatArray
from backtest.verdict.rule import differences_needed

KEY = ["symbol", "time"]
AT_HORIZON = ["horizon", *KEY]
RELATIVE, ABSOLUTE = 1e-12, 1e-15
"""What rounding may change in a log return: its last digits, or those of the logarithms that it is a difference of."""

LAST_DIGITS = 1e-12
"""Forecasts that differ by at most this share of the largest are the same: another processor rounds otherwise."""

STRETCHES = 10
"""Folds of the virtual run: equal stretches of the common times, because the runs may be folded otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class CommonSample:
    """FORECASTS, FOLDS and FITS (empty) of the virtual run, and what each run's models are called in it.

    `rows` (n,) are the symbols and times that all runs share. `names` has, for each run, the name of each of its
    models: `run:model`, that of the first run with the same forecasts, or the model's own name where all runs forecast
    the same, as the references always do. `horizons` are those that all runs have, in bars, ascending; each of the
    `rows` is forecast at every one of them. `left_out` counts by run the rows that another one does not forecast.
    """

    horizons: tuple[int, ...]
    rows: pl.DataFrame
    forecasts: pl.DataFrame
    folds: pl.DataFrame
    fits: pl.DataFrame
    names: tuple[Mapping[str, str], ...]
    left_out: tuple[int, ...]


def common_sample(runs: Sequence[FinishedRun]) -> CommonSample:
    """Return what all runs forecast at every horizon that they have in common.

    Raises ConfigError where there is no such horizon, where a row has other outcomes in another run, or where there
    are too few rows to judge the shortest horizon by.
    """
    horizons = common_horizons(runs)
    matched = [run.matched.filter(pl.col("horizon").is_in(horizons)) for run in runs]
    means = [rows.filter(pl.col("seed").is_null()) for rows in matched]
    references = runs[0].verdict.question.references
    agreed = ["y", *references]
    truths = [
        rows.filter(model=references[0]).select(*AT_HORIZON, "target_time", *agreed, "variance") for rows in means
    ]
    origins = [truth.filter(horizon=horizons[0]).select(KEY) for truth in truths]  # a run has one set for all horizons
    shared = reduce(lambda rows, other: rows.join(other, on=KEY, how="semi"), origins).sort("time", "symbol")
    truth = truths[0].join(shared, on=KEY, how="semi")
    for run, other in zip(runs[1:], truths[1:], strict=True):
        refuse_others(truth, other, agreed, runs[0].name, run.name)
    refuse_few(shared, origins, runs, horizons[0])
    folds = stretches_of(shared, runs[0].manifest.data.interval)
    names = names_of(runs, [rows.join(shared, on=KEY, how="semi") for rows in means])
    return CommonSample(
        horizons,
        shared,
        forecasts_of(matched, truth, folds, names),
        folds,
        pl.DataFrame(schema=FITS.dtypes),
        names,
        tuple(own.height - shared.height for own in origins),
    )


def common_horizons(runs: Sequence[FinishedRun]) -> tuple[int, ...]:
    """Return the horizons of all runs, ascending; ConfigError where they have none in common."""
    shared = set.intersection(*(set(run.horizons) for run in runs))
    if not shared:
        got = ", ".join(f"{run.name} {', '.join(map(str, run.horizons))}" for run in runs)
        raise ConfigError(f"compare: expected runs with a horizon in common (got {got}): compare those that share one")
    return tuple(sorted(shared))


def refuse_others(truth: pl.DataFrame, other: pl.DataFrame, agreed: Sequence[str], first: str, name: str) -> None:
    """Raise ConfigError where a common row has another value in a column of `agreed` in the run called `name`."""
    both = truth.join(other, on=AT_HORIZON, suffix="_here")
    apart = [(pl.col(column) - pl.col(f"{column}_here")).abs() for column in agreed]
    allowed = [RELATIVE * pl.col(column).abs() + ABSOLUTE for column in agreed]
    same = [gap <= most for gap, most in zip(apart, allowed, strict=True)]
    odd = both.filter(~pl.all_horizontal(*same, pl.col("target_time") == pl.col("target_time_here"))).sort(
        *KEY, "horizon"
    )
    if odd.is_empty():
        return
    row, last = odd.row(0, named=True), agreed[-1]
    seen = " and ".join(
        f"{row[f'y{here}']:.6g} by {row[f'target_time{here}']:%Y-%m-%d %H:%M} in {run}"
        for here, run in (("", first), ("_here", name))
    )
    raise ConfigError(
        f"compare: expected the same outcomes and baselines in all runs (got, after {row['symbol']}, "
        f"{row['time']:%Y-%m-%d %H:%M} UTC, {seen}; {last} {row[last]:.6g} and {row[f'{last}_here']:.6g}; "
        f"such rows: {odd.height:,}): compare runs on the same bars and with the same rival"
    )


def refuse_few(
    shared: pl.DataFrame, origins: Sequence[pl.DataFrame], runs: Sequence[FinishedRun], horizon: int
) -> None:
    """Raise ConfigError where the runs share too few times for a test of forecasts so far ahead."""
    needed, got = differences_needed(horizon), shared["time"].n_unique()
    if got >= needed:
        return
    symbols = [run.manifest.data.symbols for run in runs]
    spans = "; ".join(
        f"{run.name}: {', '.join(own[:3])}{', ...' if len(own) > 3 else ''}, {rows.height} forecasts"
        for run, own, rows in zip(runs, symbols, origins, strict=True)
    )
    raise ConfigError(
        f"compare: expected {needed} times or more that all runs forecast (got {got}): compare runs that were tested "
        f"on the same symbols and times ({spans})"
    )


def names_of(runs: Sequence[FinishedRun], means: Sequence[pl.DataFrame]) -> tuple[dict[str, str], ...]:
    """Return what the models of each run are called, from their means over seeds on the common rows."""
    forecasts = [
        {
            str(model): rows.sort(AT_HORIZON)["y_hat"].to_numpy()
            for (model,), rows in each.partition_by("model", as_dict=True).items()
        }
        for each in means
    ]
    references = runs[0].verdict.question.references
    found: list[dict[str, str]] = []
    for place, (run, own) in enumerate(zip(runs, forecasts, strict=True)):
        names = {}
        for model, values in own.items():
            earlier = (each for each in range(place) if model in forecasts[each])
            twin = next((each for each in earlier if same_forecasts(forecasts[each][model], values)), None)
            everywhere = all(model in other and same_forecasts(values, other[model]) for other in forecasts)
            alone = f"{run.name}:{model}" if twin is None else found[twin][model]
            names[model] = model if everywhere or model in references else alone
        found.append(names)
    models = {(name, model) for own in found for model, name in own.items()}
    if len(models) > len({name for name, _ in models}):
        raise ConfigError(
            "compare: expected different names of runs and models (got a model called like that of another run, such "
            "as b:lstm of a and lstm of a:b): rename the folder of a run"
        )
    return tuple(found)


def same_forecasts(one: FloatArray, other: FloatArray) -> bool:
    """Whether forecasts (n,) differ in the last digits at most."""
    return bool(np.abs(one - other).max() <= LAST_DIGITS * max(np.abs(one).max(), np.abs(other).max()))


def forecasts_of(
    matched: Sequence[pl.DataFrame], truth: pl.DataFrame, folds: pl.DataFrame, names: Sequence[Mapping[str, str]]
) -> pl.DataFrame:
    """Return FORECASTS of the virtual run; what has one name in all runs is of the first, as outcomes are.

    So are the known variances.
    """
    starts = folds["test_start"]
    fold = (starts.search_sorted(truth["time"], side="right") - 1).cast(pl.Int32)
    rows = truth.select(*AT_HORIZON, "y", "variance", fold=fold)
    known: set[str] = set()
    found = []
    for own, called in zip(matched, names, strict=True):
        wanted = {model: name for model, name in called.items() if name not in known}
        kept = own.filter(pl.col("model").is_in(list(wanted))).drop("y", "variance", "fold").join(rows, on=AT_HORIZON)
        found.append(kept.with_columns(pl.col("model").replace_strict(wanted, return_dtype=pl.String)))
        known.update(wanted.values())
    return pl.concat([frame.select(FORECASTS.all_names) for frame in found])


def stretches_of(shared: pl.DataFrame, interval: timedelta) -> pl.DataFrame:
    """Return FOLDS of the virtual run: the common times in equal stretches, without training and validation spans."""
    times = shared["time"].unique().sort()
    starts = [times[len(times) * number // STRETCHES] for number in range(STRETCHES)]
    ends = [*starts[1:], times[-1] + interval]
    rows = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        forecasts = shared.filter(pl.col("time").is_between(start, end, "left")).height
        rows.append((number, number, *[start] * 5, end, 0, 0, forecasts, 0))
    return pl.DataFrame(rows, schema=FOLDS.dtypes, orient="row")
