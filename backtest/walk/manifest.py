"""The manifest of a finished run: what went in, what it was computed with, and the SHA-256 of every file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from backtest.data import run_files
from backtest.data.reading.built_in import BUILT_IN
from backtest.data.records.audit import AUDIT
from backtest.data.result_tables import RUN_TABLES
from backtest.data.run_files import SETTINGS, VERDICT, file_sums
from backtest.data.target_columns import REALISED
from backtest.features.external import KEYS
from backtest.features.pipeline import readable
from backtest.walk.config import Config
from backtest.walk.environment import hardware, versions
from backtest.walk.plan import WalkPlan
from backtest.walk.run_folder import FEATURES_FILE
from backtest.walk.store import CHECKPOINTS, FORECASTS, RECORD, STATE, Record, Store

KEPT = (FORECASTS, STATE, RECORD)


def of(
    plan: WalkPlan, store: Store, records: Sequence[Record], workers: int, *, started: datetime, command: str
) -> dict[str, Any]:
    """Manifest of a run that is finished now; its `files` are empty until the run is written."""
    finished = datetime.now(UTC)
    seconds = sum(map(store.seconds, plan.tasks))
    tuned = [task for task in plan.tasks if task.fits > 1]
    return {
        "format": run_files.FORMAT,
        "name": plan.config.name,
        "command": command,
        "started": started.isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 3),
        "config_sha256": plan.config.digest,
        "trial_sha256": plan.trial,
        "data": data_card(plan),
        "versions": versions(),
        "hardware": hardware(" and ".join(sorted({record.log.device for record in records}))),
        "tasks": {"total": sum(task.fits for task in plan.tasks), "seconds": round(seconds, 3), "workers": workers},
        "tuning": {"fits": sum(task.fits for task in tuned), "seconds": round(sum(map(store.seconds, tuned)), 3)},
        "final": [
            {"model": task.model, "seed": task.seed, "folder": task.folder}
            for task in plan.tasks
            if task.fold == plan.final
        ],
        "files": {},
    }


def files_of(run: Path, plan: WalkPlan) -> dict[str, str]:
    """SHA-256 of every file of a run that is written in the folder `run`, by name."""
    names = [SETTINGS, VERDICT, FEATURES_FILE, *(table.file for table in RUN_TABLES)]
    names += [AUDIT] if (run / AUDIT).is_file() else []
    names += [f"{CHECKPOINTS}/{task.folder}/{file}" for task in plan.tasks for file in KEPT]
    return file_sums(run, names)


def data_card(plan: WalkPlan) -> dict[str, Any]:
    """What the bars are: source, span, interval, holes, and how many of their rows cannot be used."""
    dataset, holes = plan.dataset, plan.dataset.holes
    complete = [pl.col(name).is_not_null() for name in (*plan.names, "target_time")]
    usable = plan.features.filter(pl.all_horizontal(complete)).height
    return {
        "source": dataset.source if dataset.source.partition(":")[0] in BUILT_IN else Path(dataset.source).name,
        "sha256": dataset.sha256,
        "bars_sha256": dataset.traded_sha256,
        "symbols": dataset.symbols,
        "bars": dataset.bars.height,
        "start": dataset.start.isoformat(),
        "end": dataset.end.isoformat(),
        "interval_seconds": dataset.interval.total_seconds(),
        "always_open": dataset.always_open,
        "bars_per_year": dataset.bars_per_year,
        "gaps": holes.height,
        "missing_bars": int(holes["missing"].sum()),
        "longest_gap_bars": int(holes["missing"].max() or 0),  # type: ignore[arg-type]
        "zero_volume_bars": int((dataset.bars["volume"] == 0).sum()) if "volume" in dataset.bars.columns else None,
        "rows_lost": plan.features.height - usable,
        "finer": finer_bars(plan),
        "series": series_cards(plan),
    }


def source_of_series(config: Config, name: str) -> str:
    """Return the name of the files that hold an outside series or the bars of another asset; or that it is code."""
    if name in config.series:
        return Path(config.series[name].file).name
    if name in config.context.symbols:
        return ", ".join(Path(source).name for source in config.context.sources or [config.data.source])
    return "@external"


def series_cards(plan: WalkPlan) -> list[dict[str, Any]]:
    """What is known of each outside series, and of how many bars at their close."""
    dataset, sums, cards = plan.dataset, plan.dataset.external_sums, []
    for name, frame in ((name, frame) for name, frame in dataset.external.items() if frame.height):
        columns = [column for column in frame.columns if column not in KEYS]
        lag = (frame["known_at"] - frame["time"]).dt.total_microseconds().to_numpy() / 1e6
        at_close = readable(dataset.bars, dataset.interval, {name: frame})
        without = at_close.filter(pl.any_horizontal(pl.col(f"{name}.{column}").is_null() for column in columns))
        cards.append(
            {
                "name": name,
                "source": source_of_series(plan.config, name),
                "sha256": sums[name],
                "columns": columns,
                "rows": frame.height,
                "missing": sum(frame[column].null_count() for column in columns),
                "start": frame["time"].min().isoformat(),  # type: ignore[union-attr]
                "end": frame["time"].max().isoformat(),  # type: ignore[union-attr]
                "median_lag_seconds": float(np.median(lag)),
                "longest_lag_seconds": float(lag.max()),
                "bars_without": without.height,
                "bars_before": without.filter(pl.col("known_at") < frame["known_at"].min()).height,
            }
        )
    return cards


def finer_bars(plan: WalkPlan) -> dict[str, Any] | None:
    """What realised variances were made of: returns in each, and bars without; None where they were not made here."""
    finer, bars = plan.dataset.finer, plan.dataset.bars
    if finer is None:
        return None
    returns = bars.filter(pl.col(REALISED).is_not_null())["returns"]
    return {
        "interval_seconds": finer.interval.total_seconds(),
        "overnight": finer.overnight,
        "coverage": finer.coverage,
        "fewest_returns": returns.min() or 0,
        "median_returns": returns.median() or 0.0,
        "bars_without": bars[REALISED].null_count(),
    }
