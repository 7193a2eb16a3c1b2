"""Validates the tables and the manifest of a run before a report is made from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from backtest.data.errors import RunError
from backtest.data.losses import metric_of
from backtest.data.names import HOLDING
from backtest.data.question import Question
from backtest.data.records.manifest import Manifest
from backtest.data.result_tables import RUN_TABLES
from backtest.data.schema import FITS, UTC_TIME, Schema

LARGEST = 1e60
"""Numbers beyond are no results: their fourth powers, which statistics take, could not be told from infinity."""

LONGEST = 1e9
"""Seconds of a bar; three decades."""

MOST_BARS = 366 * 86_400e6
"""Bars of a year; one for each microsecond."""

YEARS = range(1900, 2200)
FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC) for year in (YEARS.start, YEARS.stop))
RANGES: Mapping[str, tuple[tuple[pl.Expr, str], ...]] = {
    "folds": ((pl.col("fold").is_unique() & (pl.col("fold") >= 0), "folds numbered from 0, each once"),),
    "forecasts": ((pl.col("horizon") >= 1, "horizons of 1 bar or more"),),
    "coverage": (
        (pl.col("half_width") >= 0, "half_width to be 0 or more"),
        (pl.col("level").is_between(0, 1, closed="none"), "level to be above 0 and below 1"),
        (pl.col("n") >= 0, "n to be 0 or more"),
        (pl.col("covered").is_between(0, pl.col("n")), "covered to be from 0 to n"),
        (
            pl.col("covered").is_null() | (pl.col("n").sum().over("model", "horizon", "level", "fold") > 0),
            "forecasts in every fold that has intervals",
        ),
    ),
    "ranges": (
        (pl.col("feature").is_null() ^ pl.col("model").is_null(), "a feature or a model in every row"),
        (pl.col("model").is_null() ^ pl.col("horizon").is_not_null(), "a horizon for the forecasts of a model"),
        (pl.col("outside").is_between(0, pl.col("n")), "outside to be from 0 to n"),
        (pl.col("low") <= pl.col("high"), "low to be at most high"),
        (pl.col("replaced").is_between(0, pl.col("n")), "replaced to be from 0 to n"),
    ),
}
"""What holds in every row of a table, null aside, and how it is said."""


def check_tables(run: Path, tables: Mapping[str, pl.DataFrame], question: Question) -> None:
    """Raise RunError for the first thing in the RUN_TABLES of a run, or of a comparison, that no finished one holds.

    `tables` are named as the files are. Checked is what a report relies on: numbers are finite and times plausible,
    counts agree, every fold is one of FOLDS and every model one of FORECASTS, the references have forecasts and scores.
    """
    for schema in RUN_TABLES:
        name, path = schema.name.lower(), run / schema.file
        for right, expected in (*_of_columns(schema, tables[name].columns), *RANGES.get(name, ())):
            _check_rows(path, tables[name], right, expected)
    models = _models_of(run, tables["forecasts"], "forecasts", question)
    _models_of(run, tables["scores"].filter(pl.col("fold").is_null()), "scores", question)
    for schema in RUN_TABLES:
        frame, path = tables[schema.name.lower()], run / schema.file
        if "model" in frame.columns:
            _check_rows(path, frame, pl.col("model").is_in([*models, HOLDING]), "models that have forecasts")
        if "fold" in frame.columns and schema is not FITS:
            known = pl.col("fold").is_in(tables["folds"]["fold"].to_list())
            _check_rows(path, frame, known, "folds that folds.parquet holds")
    _check_scores(run, tables, question)


def check_manifest(path: Path, manifest: Manifest) -> None:
    """Raise RunError for bars of no length, and for times that no run has."""
    card = manifest.data
    if not 0 < card.interval_seconds <= LONGEST:
        raise _refusal(path, f"data.interval_seconds above 0 and up to {LONGEST:.0f}", f"{card.interval_seconds}")
    if card.bars_per_year is not None and not 0 < card.bars_per_year <= MOST_BARS:
        raise _refusal(path, f"data.bars_per_year above 0 and up to {MOST_BARS:.0f}", f"{card.bars_per_year}")
    times = {"started": manifest.started, "finished": manifest.finished, "data.start": card.start, "data.end": card.end}
    for name, time in times.items():
        if time.year not in YEARS:
            raise _refusal(path, f"{name} from {YEARS.start} to {YEARS.stop}", time.isoformat())


def _of_columns(schema: Schema, there: Sequence[str]) -> Iterator[tuple[pl.Expr, str]]:
    """Yield what holds in the columns of a table by their types; a fit that failed may have had an infinite loss."""
    for column in (each for each in schema.columns if each.name in there):
        if column.dtype == pl.Float64 and schema is not FITS:
            yield pl.col(column.name).is_between(-LARGEST, LARGEST), f"{column.name} to be finite, at most {LARGEST:g}"
        if column.dtype == UTC_TIME:
            expected = f"{column.name} to be from {YEARS.start} to {YEARS.stop}"
            yield pl.col(column.name).is_between(FIRST, LAST, closed="left"), expected


def _check_rows(path: Path, frame: pl.DataFrame, right: pl.Expr, expected: str) -> None:
    """Refuse a table with a row for which `right` is false."""
    wrong = frame.select((~right).fill_null(value=False).sum()).item()
    if wrong:
        raise _refusal(path, expected, f"{wrong:,} of {frame.height:,} rows where it is not so")


def _models_of(run: Path, frame: pl.DataFrame, name: str, question: Question) -> list[str]:
    """Return the models that have rows for the mean over seeds; the references must be among them."""
    models = frame.filter(pl.col("seed").is_null())["model"].unique().sort().to_list()
    missing = [model for model in question.references if model not in models]
    if missing:
        raise _refusal(run / f"{name}.parquet", f"rows without seed of {' and '.join(missing)}", "none")
    return models


def _check_scores(run: Path, tables: Mapping[str, pl.DataFrame], question: Question) -> None:
    """Refuse scores of other horizons, without a metric that is shown, or with one of them twice."""
    path = run / "scores.parquet"
    pooled = tables["scores"].filter(pl.col("seed").is_null(), pl.col("fold").is_null())
    shown = [metric_of(loss) for loss in question.losses[:2]]
    shown += [f"skill_{name}" for name in question.references]
    for horizon in tables["forecasts"]["horizon"].unique().sort():
        known = pooled.filter(horizon=horizon)["metric"]
        missing = [metric for metric in shown if metric not in known]
        if missing:
            raise _refusal(path, f"the metric {missing[0]} over all folds, for a horizon of {horizon!r}", "none")
    once = pl.struct("model", "seed", "fold", "horizon", "metric").is_unique()
    _check_rows(path, tables["scores"], once, "every metric once")


def _refusal(path: Path, expected: str, got: str) -> RunError:
    """Return the error that says it."""
    return RunError(f"{path}: expected {expected} (got {got}): make the run again in another folder")
