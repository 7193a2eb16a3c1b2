"""A finished run folder from made-up forecasts, for tests of what reads run folders: nothing is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import tomli_w
from numpy.typing import NDArray

from backtest.data.records.audit import AUDIT, NO_LEAK, Audit
from backtest.data.result_tables import RANGES, TESTS
from backtest.data.run_files import FORMAT, MANIFEST, SETTINGS, file_sums, sha256, write_bytes, write_json, write_table
from backtest.data.schema import FEATURES, FITS, FOLDS, FORECASTS
from backtest.evaluation.evaluate import Evaluation, EvaluationSettings, evaluate
from backtest.evaluation.strategies import CostSettings
from backtest.verdict.record import write_results
from tests.support.forecasts import panels as panels_of
from tests.support.run_cache import tables_once

Floats = NDArray[np.float64]
KEYS = ["model", "seed", "fold", "symbol", "horizon", "time", "target_time", "y", "y_hat"]


@dataclass(frozen=True)
class Plan:
    """What the made-up run looks like.

    `outcomes` is the seed of what the bars do, `seed` that of all forecasts.
    `signal` is the correlation of the networks' forecasts with the outcomes, `signals` those at each of the `horizons`.
    """

    name: str = "fake"
    symbols: tuple[str, ...] = ("TEST",)
    networks: tuple[str, ...] = ("lstm", "gru")
    baselines: tuple[str, ...] = ("zero", "naive", "mean", "ar", "ridge")
    folds: int = 6
    test: int = 250
    seeds: int = 3
    epochs: int = 12
    interval: timedelta = timedelta(hours=1)
    source: str = "synthetic"
    signal: float = 0.1
    constant: tuple[str, ...] = ()
    undefined: bool = False
    seed: int = 0
    outcomes: int = 0
    horizons: tuple[int, ...] = (1,)
    signals: tuple[float, ...] = ()
    audit: Audit | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """Every model of the run, baselines first."""
        return (*self.baselines, *self.networks)


def make(folder: Path, plan: Plan | None = None, name: str = "run") -> Path:
    """Write the run folder of `plan` as `name` under `folder`, the ledger beside it, and return its path."""
    plan = plan or Plan()
    run = folder / name
    forecasts = make_forecasts(plan)
    features = make_features(forecasts, plan)
    settings = EvaluationSettings(0.05, "holm", CostSettings(), plan.interval, always_open=True)
    numbers = replace(plan, name="", source="", undefined=False, audit=None)  # what the tables depend on
    tables = tables_once(
        repr(numbers),
        lambda: evaluate(forecasts, make_folds(plan), make_fits(plan), features, settings, make_ranges(plan)).tables,
    )
    returns = features.select("symbol", "time", "bar_return")
    evaluation = Evaluation(tuple(panels_of(forecasts)), tables, returns)
    if plan.undefined:
        nothing = {name: pl.lit(None, pl.Float64) for name in ("statistic", "p_value", "p_adjusted")}
        tables[TESTS.file] = tables[TESTS.file].with_columns(**nothing, note=pl.lit("the losses do not differ"))
    if plan.audit:
        write_bytes(run / AUDIT, plan.audit.to_json().encode())
    trial, bars = hashes(plan)
    leak = plan.audit.suspects if plan.audit else NO_LEAK
    write_results(run, evaluation, settings, candidates=plan.networks, data=bars, config=trial, leak=leak)
    write_table(run / FEATURES.file, features, FEATURES)
    write_bytes(run / SETTINGS, config(plan).encode())
    names = [path.name for path in run.iterdir()]
    write_json(run / MANIFEST, make_manifest(plan) | {"files": file_sums(run, names)})
    return run


def start_of(plan: Plan, fold: int) -> datetime:
    """Start of the test span of a fold; the first 1,000 bars are for training."""
    return datetime(2020, 1, 6, tzinfo=UTC) + plan.interval * (1_000 + fold * plan.test)


def make_folds(plan: Plan) -> pl.DataFrame:
    """FOLDS: an expanding window, the last 200 bars before a test span are the validation tail, gaps of one bar."""
    rows = []
    for fold in range(plan.folds):
        test = start_of(plan, fold)
        validation, end = test - plan.interval * 200, test - plan.interval
        train = (datetime(2020, 1, 6, tzinfo=UTC), validation - plan.interval)
        spans = (*train, validation, end, test, test + plan.interval * plan.test)
        rows.append((fold, fold, *spans, 750 + fold * plan.test, 199, plan.test * len(plan.symbols), 0))
    return pl.DataFrame(rows, schema=FOLDS.dtypes, orient="row")


def make_forecasts(plan: Plan) -> pl.DataFrame:
    """FORECASTS: fat-tailed returns; networks see a part of them, each seed with noise of its own."""
    rng, outcomes = np.random.default_rng(plan.seed), np.random.default_rng(plan.outcomes)
    n = plan.folds * plan.test * len(plan.symbols)
    rng.standard_t(5, n)
    y = outcomes.standard_t(5, n) * 0.01 * np.exp(np.sin(np.arange(n) / n * 9) / 2)
    signals = plan.signals or [plan.signal] * len(plan.horizons)
    pairs = zip(plan.horizons, signals, strict=True)
    return pl.concat(frame for horizon, signal in pairs for frame in at_horizon(plan, horizon, signal, y, rng))


def at_horizon(plan: Plan, horizon: int, signal_: float, y: Floats, rng: np.random.Generator) -> list[pl.DataFrame]:
    """FORECASTS of one horizon: an outcome is the sum of the next returns, the last of which are the first again."""
    n, returns = len(y), y.reshape(len(plan.symbols), -1)
    y = y if horizon == 1 else np.sum([np.roll(returns, -step, axis=1) for step in range(horizon)], axis=0).ravel()
    scale = 0.01 * horizon**0.5
    origins = make_origins(plan, y, horizon)
    frames = []
    for model in plan.models:
        if model in plan.networks and model not in plan.constant:
            signal = signal_**2 * y + signal_ * scale * rng.standard_normal(n)
            members = [signal + 0.0004 * rng.standard_normal(n) for _ in range(plan.seeds)]
        else:
            members = [simple_forecast(model, y, rng, constant=model in plan.constant, horizon=horizon)]
        mean = np.mean(members, axis=0)
        frames.append(origins.with_columns(model=pl.lit(model), seed=None, y_hat=pl.Series(mean)))
        if model in plan.networks:
            for seed, member in enumerate(members * (plan.seeds if len(members) == 1 else 1)):
                frames.append(origins.with_columns(model=pl.lit(model), seed=pl.lit(seed), y_hat=pl.Series(member)))
    return [frame.select(KEYS).cast(FORECASTS.dtypes) for frame in frames]  # type: ignore[arg-type]


def make_origins(plan: Plan, y: Floats, horizon: int) -> pl.DataFrame:
    """Fold, symbol and times of every origin, with the outcomes; symbol by symbol."""
    steps = np.tile(np.arange(plan.folds * plan.test), len(plan.symbols))
    interval = plan.interval // timedelta(microseconds=1)
    start = start_of(plan, 0).timestamp() * 1_000_000
    symbols = np.repeat(np.asarray(plan.symbols, dtype=object), plan.folds * plan.test)
    frame = pl.DataFrame({"step": steps, "symbol": symbols.tolist(), "y": y})
    time = pl.from_epoch(pl.col("step") * interval + int(start), time_unit="us").dt.replace_time_zone("UTC")
    return frame.with_columns(fold=pl.col("step") // plan.test, horizon=pl.lit(horizon), time=time).with_columns(
        target_time=pl.col("time") + plan.interval * (1 + horizon)
    )


def simple_forecast(model: str, y: Floats, rng: np.random.Generator, *, constant: bool, horizon: int) -> Floats:
    """Forecasts of the models that are not networks, or of a network that collapsed."""
    if constant or model == "mean":
        return np.full(len(y), 0.0002)
    last = np.concatenate([np.zeros(horizon), y[:-horizon]])
    weights = {"zero": 0.0, "naive": 1.0, "ar": 0.02}
    return weights.get(model, 0.0) * last + (0.0005 * rng.standard_normal(len(y)) if model not in weights else 0.0)


def make_fits(plan: Plan) -> pl.DataFrame:
    """FITS: curves that fall and rise again for the networks, one row for every other model."""
    rows: list[tuple[Any, ...]] = []
    rng = np.random.default_rng(plan.seed + 1)
    for fold in range(plan.folds):
        rows += [(model, None, fold, None, None, None, True, "fitted in one step") for model in plan.baselines]
        for model in plan.networks:
            for seed in range(plan.seeds):
                rows += curve(plan, model, seed, fold, rng)
    return pl.DataFrame(rows, schema=FITS.dtypes, orient="row")


def curve(plan: Plan, model: str, seed: int, fold: int, rng: np.random.Generator) -> list[tuple[Any, ...]]:
    """FITS rows of one fit: the validation loss turns after a few epochs."""
    epochs = np.arange(1, plan.epochs + 1)
    train = 1 - 0.06 * (1 - np.exp(-epochs / 6)) + 0.002 * rng.standard_normal(plan.epochs)
    validation = 0.6 + 0.0005 * (epochs - rng.integers(2, 7)) ** 2 + 0.001 * rng.standard_normal(plan.epochs)
    best = int(np.argmin(validation))
    losses = zip(epochs.tolist(), train.tolist(), validation.tolist(), strict=True)
    return [(model, seed, fold, epoch, t, v, epoch - 1 == best, "") for epoch, t, v in losses]


def make_features(forecasts: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """FEATURES of the origins and of the bars after the last: the least that the schema asks for, and one target."""
    rows = forecasts.filter(model="zero", horizon=plan.horizons[0]).select("symbol", "time", "target_time", "y")
    last = rows.group_by("symbol", maintain_order=True).last().with_columns(y=pl.lit(None, pl.Float64))
    after = [
        last.with_columns(pl.col("time", "target_time") + plan.interval * step)
        for step in range(1, max(plan.horizons) + 1)
    ]
    bars = pl.concat([rows, *after]).sort("symbol", "time")
    return bars.with_columns(
        known_at=pl.col("time") + plan.interval,
        segment=pl.col("symbol").rle_id().cast(pl.Int32),
        bar_return=pl.col("y").shift().over("symbol"),
    ).select(*FEATURES.dtypes, y_log_return_1="y")


def make_ranges(plan: Plan) -> pl.DataFrame:
    """RANGES: two inputs, one of which leaves its range in the last fold, and forecasts that never do."""
    size = plan.test * len(plan.symbols)
    rows: list[tuple[Any, ...]] = []
    for fold in range(plan.folds):
        far = size // 4 if fold == plan.folds - 1 else 0
        rows += [(fold, "log_return", None, None, -0.1, 0.1, size, 0, -0.08, 0.09, None)]
        rows += [(fold, "rolling_std_24", None, None, 0.004, 0.03, size, far, 0.004, 0.05 if far else 0.02, None)]
        for model in plan.models:
            n = size * (plan.seeds if model in plan.networks else 1)
            rows += [(fold, None, model, 1, -0.1, 0.1, n, 0, -0.02, 0.02, None)]
    return pl.DataFrame(rows, schema=RANGES.dtypes, orient="row")


def hashes(plan: Plan) -> tuple[str, str]:
    """Hashes of the trial and of the bars; all in a plan but name and audit makes a trial."""
    return sha256(repr(replace(plan, name="", audit=None)).encode()), sha256(plan.source.encode())


def config(plan: Plan) -> str:
    """Return the settings in TOML, with the source as it was given."""
    tree = {
        "name": plan.name,
        "models": plan.models,
        "seeds": plan.seeds,
        "data": {"source": plan.source},
        "target": {
            "kind": "log_return",
            **({"horizon": 1} if plan.horizons == (1,) else {"horizons": list(plan.horizons)}),
        },
        "costs": CostSettings().model_dump(),
    }
    return tomli_w.dumps(tree)


def make_manifest(plan: Plan) -> dict[str, Any]:
    """Return the manifest, without its `files`."""
    started = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    bars = (1_000 + plan.folds * plan.test) * len(plan.symbols)
    return {
        "format": FORMAT,
        "name": plan.name,
        "command": f"backtest run {plan.name}",
        "started": started.isoformat(),
        "finished": (started + timedelta(seconds=83.4)).isoformat(),
        "seconds": 83.4,
        "config_sha256": sha256(config(plan).encode()),
        "trial_sha256": hashes(plan)[0],
        "data": {
            "source": plan.source,
            "sha256": hashes(plan)[1],
            "symbols": list(plan.symbols),
            "bars": bars,
            "start": "2020-01-06T00:00:00+00:00",
            "end": (start_of(plan, plan.folds)).isoformat(),
            "interval_seconds": plan.interval.total_seconds(),
            "always_open": True,
            "gaps": 2,
            "missing_bars": 7,
            "longest_gap_bars": 5,
            "zero_volume_bars": 3,
            "rows_lost": 55,
        },
        "versions": {"beatzero": "0.1.0", "python": "3.11.9", "torch": "2.13.0", "polars": "2.1.0"},
        "hardware": {"cpu": "Some CPU", "cores": 2, "device": "cpu", "memory_gib": 15.5},
        "tasks": {"total": len(plan.networks) * plan.folds * plan.seeds, "seconds": 71.2, "workers": 2},
    }
