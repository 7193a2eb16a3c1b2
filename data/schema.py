"""Every table that crosses a package border: its columns, their types and what they mean."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from data.errors import WrongSchema

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
    "every forecast beside what came, per model, seed and fold",
    (
        MODEL,
        SEED,
        FOLD,
        SYMBOL,
        HORIZON,
        TIME,
        TARGET_TIME,
        Column("y", pl.Float64, "what came: log return over the next `horizon` bars"),
        Column("y_hat", pl.Float64, "what was forecast"),
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
        Column("train_loss", pl.Float64, "mean squared error, target in training standard deviations", nullable=True),
        Column("validation_loss", pl.Float64, "the same on the validation tail", nullable=True),
        Column("best", pl.Boolean, "the epoch whose weights were kept"),
        Column("note", pl.String, "what the fit chose, in words"),
    ),
)

SCORES = Schema(
    "SCORES",
    "all metrics, per fold and over all folds, per seed and for the mean over seeds",
    (
        MODEL,
        SEED,
        POOLED_FOLD,
        HORIZON,
        Column("metric", pl.String, "name of the metric, a key of METRICS"),
        Column("value", pl.Float64, "its value; null: undefined", nullable=True),
    ),
)

TESTS = Schema(
    "TESTS",
    "all tests of one model against zero or naive",
    (
        Column("test", pl.String, "name of the test's function"),
        Column("title", pl.String, "name of the test as a reader knows it"),
        Column("of_skill", pl.Boolean, "whether a rejection says that the model knows something"),
        Column("loss", pl.String, "squared | absolute; direction: the test reads signs"),
        MODEL,
        Column("baseline", pl.String, "the model it is compared with"),
        POOLED_FOLD,
        HORIZON,
        Column("alternative", pl.String, "of the tested mean; of losses `less` says that the model is better"),
        Column("statistic", pl.Float64, "null: undefined, the note says why", nullable=True),
        Column("p_value", pl.Float64, "null: undefined, the note says why", nullable=True),
        Column("p_adjusted", pl.Float64, "adjusted over the models of this run; null: no member", nullable=True),
        Column("n", pl.Int64, "numbers that were tested: times, less those that the test leaves out"),
        Column("lags", pl.Int64, "autocovariances, or cosine terms, in the variance", nullable=True),
        Column("skill", pl.Float64, "1 - mean loss / the baseline's; null: undefined", nullable=True),
        Column("skill_low", pl.Float64, "lower end of its 95 % interval", nullable=True),
        Column("skill_high", pl.Float64, "upper end of its 95 % interval", nullable=True),
        Column("asks", pl.String, "the question that the test answers"),
        Column("note", pl.String, "what a reader must know; empty: nothing"),
    ),
)

JOINT = Schema(
    "JOINT",
    "the tests of all models at once",
    (
        Column("test", pl.String, "name of the test's function, over all models at once"),
        Column("title", pl.String, "name of the test as a reader knows it"),
        Column("loss", pl.String, "squared | absolute"),
        HORIZON,
        Column("model", pl.String, "the model that the row is about; null: all of them", nullable=True),
        Column("p_value", pl.Float64, "null: the test gives none, or the note says why", nullable=True),
        Column("selected", pl.Boolean, "in the confidence set; or found better than zero", nullable=True),
        Column("n", pl.Int64, "times"),
        Column("asks", pl.String, "the question that the test answers"),
        Column("note", pl.String, "what a reader must know; empty: nothing"),
    ),
)

SEEDS = Schema(
    "SEEDS",
    "skill, p-values and variance of every seed alone",
    (
        MODEL,
        Column("seed", pl.Int32, "seed of the fits"),
        HORIZON,
        Column("skill", pl.Float64, "1 - MSE / MSE of zero of this seed alone; null: undefined", nullable=True),
        Column("p_value", pl.Float64, "of the primary test of this seed alone, for being better", nullable=True),
        Column("p_worse", pl.Float64, "for being worse than zero", nullable=True),
        Column("time_variance", pl.Float64, "of one seed's mean loss difference to zero, from time", nullable=True),
        Column("seed_variance", pl.Float64, "the same, from initialisation", nullable=True),
    ),
)

DROPPED = Schema(
    "DROPPED",
    "skill and p-values over all folds but one, for each fold",
    (
        MODEL,
        HORIZON,
        Column("fold", pl.Int32, "number of the fold that is left out"),
        Column("skill", pl.Float64, "1 - MSE / MSE of zero over all other folds; null: undefined", nullable=True),
        Column("p_value", pl.Float64, "of the primary test on them, for being better than zero", nullable=True),
        Column("p_worse", pl.Float64, "the same for being worse than zero", nullable=True),
    ),
)

FLUCTUATION = Schema(
    "FLUCTUATION",
    "the fluctuation statistic over time, with its band",
    (
        MODEL,
        HORIZON,
        TIME,
        Column("statistic", pl.Float64, "standardised mean loss difference to zero around `time`; below 0: better"),
        Column("band", pl.Float64, "its absolute value stays below this all the way, 19 times in 20, without skill"),
    ),
)

STRATEGIES = Schema(
    "STRATEGIES",
    "what trading on the forecasts would have left after costs",
    (
        Column("model", pl.String, "whose forecasts are traded; `holding`: always long"),
        HORIZON,
        Column("n", pl.Int64, "bars from the first position to the last"),
        Column("net_return", pl.Float64, "compound return over all bars, after costs"),
        Column("gross_return", pl.Float64, "the same before costs"),
        Column("volatility", pl.Float64, "deviation of the net returns, per year; null: one bar", nullable=True),
        Column("sharpe", pl.Float64, "Sharpe ratio after costs, per year; null: never in the market", nullable=True),
        Column("sharpe_per_bar", pl.Float64, "the same, per bar", nullable=True),
        Column("skewness", pl.Float64, "of the net returns", nullable=True),
        Column("kurtosis", pl.Float64, "of the net returns, 3 for the normal distribution", nullable=True),
        Column("probabilistic", pl.Float64, "probability that the true Sharpe ratio is above 0", nullable=True),
        Column("track_record", pl.Float64, "bars needed to show that at 95 %; null: none would do", nullable=True),
        Column("drawdown", pl.Float64, "largest loss from a peak, as a share of it"),
        Column("turnover", pl.Float64, "traded amount per year, in units of the capital"),
        Column("break_even", pl.Float64, "basis points per trade that eat the gain; null: no trade", nullable=True),
        Column("bars_per_year", pl.Float64, "by which ratios are annualised"),
    ),
)


RUN_TABLES = (FOLDS, FORECASTS, FITS, SCORES, TESTS, JOINT, SEEDS, DROPPED, FLUCTUATION, STRATEGIES)
"""The tables of results that a run folder holds."""


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
