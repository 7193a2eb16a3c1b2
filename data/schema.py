"""Every table that crosses a package border: its columns, their types and what they mean; results: `result_tables`."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from backtest.data.errors import WrongSchema

UTC_TIME = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, its meaning, whether it may be null and whether it may be absent."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    nullable: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """A named table, what it holds, and its columns; `open_ended` tables may hold further ones (the features)."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    open_ended: bool = False

    @property
    def file(self) -> str:
        """Name of the file that holds the table in a run folder."""
        return f"{self.name.lower()}.parquet"

    @property
    def names(self) -> list[str]:
        """Names of the columns that must be there, in order."""
        return [column.name for column in self.columns if not column.optional]

    @property
    def all_names(self) -> list[str]:
        """Names of all columns, in order, those that may be absent among them."""
        return [column.name for column in self.columns]

    @property
    def dtypes(self) -> dict[str, pl.DataType | type[pl.DataType]]:
        """Type of each column that must be there, for `pl.DataFrame(..., schema=...)`."""
        return {column.name: column.dtype for column in self.columns if not column.optional}


SYMBOL = Column("symbol", pl.String, "instrument, as its source spells it")
TIME = Column("time", UTC_TIME, "a bar's open")
MODEL = Column("model", pl.String, "name of the model, a key of MODELS")
SEED = Column("seed", pl.Int32, "seed of the fit; null: the mean over seeds", nullable=True)
FOLD = Column("fold", pl.Int32, "number of the fold, from 0")
POOLED_FOLD = Column("fold", pl.Int32, "number of the fold; null: all folds pooled", nullable=True)
HORIZON = Column("horizon", pl.Int32, "bars ahead")
TARGET_TIME = Column("target_time", UTC_TIME, "instant at which the target is known: the target bar's close")

BARS = Schema(
    "BARS",
    "prices and volumes",
    (
        SYMBOL,
        TIME,
        Column("open", pl.Float64, "first price"),
        Column("high", pl.Float64, "highest price"),
        Column("low", pl.Float64, "lowest price"),
        Column("close", pl.Float64, "last price"),
        Column("volume", pl.Float64, "traded amount, in units of the instrument"),
        Column("quote_volume", pl.Float64, "traded amount, in units of the quote currency", optional=True),
        Column("trades", pl.Int64, "number of trades", optional=True),
        Column("taker_buy_volume", pl.Float64, "part of the volume that was bought by takers", optional=True),
        Column("realised_variance", pl.Float64, "sum of squared returns of finer bars inside the bar", optional=True),
        Column("realised_quarticity", pl.Float64, "sum of their fourth powers, times a third of them", optional=True),
        Column("returns", pl.Int64, "number of finer returns inside the bar", optional=True),
    ),
)

FEATURES = Schema(
    "FEATURES",
    "the features and targets of every bar",
    (
        SYMBOL,
        TIME,
        Column("known_at", UTC_TIME, "instant at which the row's features are known: the bar's close"),
        Column("segment", pl.Int32, "number of the stretch of bars without a hole, over all symbols"),
        Column("bar_return", pl.Float64, "log return of the bar itself; null after a hole", nullable=True),
        Column("target_time", UTC_TIME, TARGET_TIME.meaning, nullable=True),
    ),
    open_ended=True,
)

FOLDS = Schema(
    "FOLDS",
    "the spans of every fold",
    (
        FOLD,
        Column("fit_fold", pl.Int32, "fold whose fitted model forecasts this fold"),
        Column("train_start", UTC_TIME, "first bar of the training span"),
        Column("train_end", UTC_TIME, "end of the training span, not part of it"),
        Column("validation_start", UTC_TIME, "first bar of the validation span"),
        Column("validation_end", UTC_TIME, "end of the validation span, not part of it"),
        Column("test_start", UTC_TIME, "first bar of the test span"),
        Column("test_end", UTC_TIME, "end of the test span, not part of it"),
        Column("n_train", pl.Int64, "training windows"),
        Column("n_validation", pl.Int64, "validation windows"),
        Column("n_test", pl.Int64, "forecasts"),
        Column("n_lost", pl.Int64, "bars of the test span without a forecast: holes, warm-up, target not known yet"),
    ),
)

FORECASTS = Schema(
    "FORECASTS",
    "every forecast and its realised value, of each seed and of the mean over seeds",
    (
        MODEL,
        SEED,
        FOLD,
        SYMBOL,
        HORIZON,
        TIME,
        TARGET_TIME,
        Column("y", pl.Float64, "realised value: log return over the next `horizon` bars"),
        Column("y_hat", pl.Float64, "forecast value"),
        Column(
            "variance", pl.Float64, "variance of y that was known when it was forecast", nullable=True, optional=True
        ),
    ),
)

FITS = Schema(
    "FITS",
    "the loss of every epoch of every fit",
    (
        MODEL,
        SEED,
        Column("fold", pl.Int32, "fold that was fitted"),
        Column("epoch", pl.Int32, "epoch, from 1; null: a model that is fitted in one step", nullable=True),
        Column(
            "train_loss", pl.Float64, "mean squared error in training deviations, or QLIKE: train.loss", nullable=True
        ),
        Column("validation_loss", pl.Float64, "the same on the validation tail", nullable=True),
        Column("best", pl.Boolean, "the epoch whose weights were kept"),
        Column("note", pl.String, "what the fit chose, such as the best epoch"),
        Column("chosen", pl.String, "the settings that tuning chose; null: none tuned", nullable=True, optional=True),
        Column("candidates", pl.Int64, "sets of settings that were tried", nullable=True, optional=True),
        Column(
            "chosen_loss", pl.Float64, "their mean validation loss, over a perfect one's", nullable=True, optional=True
        ),
        Column("worst_loss", pl.Float64, "the largest one that is finite", nullable=True, optional=True),
    ),
)


def check(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return `frame` if it has the columns of `schema` in their types, without a null where none may be.

    Raises WrongSchema naming every column that is missing, of another type, unexpected or null.
    """
    problems = []
    for column in schema.columns:
        if column.name not in frame.columns:
            if not column.optional:
                problems.append(f"{column.name} is missing ({column.meaning})")
        elif frame.schema[column.name] != column.dtype:
            problems.append(f"{column.name} must be {column.dtype} (got {frame.schema[column.name]})")
        elif not column.nullable and not column.optional and frame[column.name].null_count():
            problems.append(f"{column.name} must not be null ({frame[column.name].null_count()} rows are)")
    if not schema.open_ended:
        known = {column.name for column in schema.columns}
        problems += [f"{name} is not a column of {schema.name}" for name in frame.columns if name not in known]
    if problems:
        raise WrongSchema(f"{schema.name}: " + "; ".join(problems))
    return frame
